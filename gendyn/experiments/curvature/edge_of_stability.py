"""Edge of stability: does full-batch gradient descent drive its own sharpness to the limit of stability?

Claim: The largest eigenvalue lambda of the training loss's Hessian rises while gradient descent of step ``eta`` trains
(progressive sharpening) until it reaches ``2 / eta``, where a quadratic would stop converging, and then stays there
while the loss still falls. So ``lambda eta / 2`` settles at 1 wherever a small step would have let lambda grow further.

Refuted if: at a learning rate whose limit ``2 / eta`` lies below the sharpness that the smallest learning rate reaches,
``lambda eta / 2`` does not settle within 10 % of 1. The smallest learning rate is the control: it follows the gradient
flow, never meets its limit, and shows how far the sharpness would rise; so do larger ones that never meet theirs.

Cost: the default, 5 learning rates x 8 seeds x 4,000 steps with 41 records, took 178 s of CPU time and 176 s of wall
time on two busy x86-64 cores.

Reference: Cohen, Kaur, Li, Kolter & Talwalkar (2021), Gradient descent on neural networks typically occurs at the edge
of stability, sections 3.1 and 3.2 (squared loss, full batch).
"""

import math

import numpy as np

from gendyn.analysis import Interval, bootstrap, finding, grid, history, tabulate
from gendyn.core import ConfigError
from gendyn.plots import sharpness_curves
from gendyn.types import Dataset, Figure, Finding

AXES = ("optim.learning_rate", "seed")
SHARPNESS = "sharpness/lambda_max"
TOLERANCE = 0.1
"""How far from 1 ``lambda eta / 2`` may settle."""
LEVEL = 0.9
SETTLED = 1.0 / 3.0
"""The last part of the records, over which a run's median is taken."""


def figure(ds: Dataset) -> Figure:
    """Sharpness in units of its limit, and training loss, against steps, a colour for each learning rate."""
    return sharpness_curves(ds, name=SHARPNESS, level=LEVEL)


def verdict(ds: Dataset) -> list[Finding]:
    """One finding on the control, then one for each larger learning rate.

    Seeds not finished, or diverged, at any learning rate are left out of all findings, since they are paired.
    """
    layout = grid(ds, AXES)
    rates = layout.axes["optim.learning_rate"]
    if len(rates) < 2:
        raise ConfigError("optim.learning_rate has one value; the smallest of at least two is the control.")
    curves = tabulate(layout, history(ds, SHARPNESS))  # [rates, seeds, records]
    complete = np.isfinite(curves).all(axis=(0, 2))
    curves = curves[:, complete]
    count = max(1, math.ceil(SETTLED * curves.shape[2]))
    settled = np.median(curves[:, :, -count:], axis=2)
    left_out = "" if complete.all() else f" {np.sum(~complete)} of {len(complete)} seeds are left out."
    rising = finding(
        f"Sharpness rises under the smallest learning rate, {rates[0]:g} (control).",
        _interval(curves[0].max(axis=1) / np.maximum(curves[0, :, 0], 1e-30)),
        low=1.0,
        unit="largest / initial sharpness",
        detail="Median over seeds." + left_out,
    )
    free = float(np.median(curves[0].max(axis=1))) if curves.shape[1] else math.nan
    found = [rising]
    for rate, values in zip(rates[1:], settled[1:], strict=True):
        limit = 2.0 / rate
        ratio = _interval(values * rate / 2.0)
        detail = (
            f"Median over the last third of the records, then over seeds. The limit is {limit:.3g}; the control's "
            f"sharpness reaches {free:.3g}."
        )
        unit = "sharpness x learning rate / 2"
        if limit < free:
            claim = f"At learning rate {rate:g} the sharpness settles at its limit, 2 / learning rate."
            found.append(finding(claim, ratio, low=1.0 - TOLERANCE, high=1.0 + TOLERANCE, unit=unit, detail=detail))
        else:
            claim = f"At learning rate {rate:g}, whose limit the control never reaches, the sharpness stays below it."
            found.append(finding(claim, ratio, high=1.0 - TOLERANCE, unit=unit, detail=detail))
    return found


def _interval(values: np.ndarray) -> Interval:
    if len(values) == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    return bootstrap(lambda rows: np.median(rows, axis=1), values, level=LEVEL)
