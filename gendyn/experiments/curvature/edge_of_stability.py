"""Edge of stability: does full-batch gradient descent drive its own sharpness to the limit of stability?

Claim: The largest eigenvalue lambda of the training loss's Hessian rises while gradient descent of step ``eta`` trains
(progressive sharpening) until it reaches ``2 / eta``, where a quadratic would stop converging, and then stays there
while the loss still falls. So ``lambda eta / 2`` settles at 1 wherever a small step would have let lambda grow further.

Refuted if: at a learning rate whose limit ``2 / eta`` lies below the sharpness that the smallest learning rate reaches,
``lambda eta / 2`` does not settle within 10 % of 1. The smallest learning rate is the control: it follows the gradient
flow, never meets its limit, and shows how far the sharpness would rise; so do larger ones that never meet theirs. A run
that diverges counts as one whose sharpness settles at infinity, and under the smallest learning rate as one whose
sharpness does not rise.

Reference: Cohen, Kaur, Li, Kolter & Talwalkar (2021), Gradient descent on neural networks typically occurs at the edge
of stability, sections 3.1 and 3.2 (squared loss, full batch).
"""

import math

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure, Finding

AXES = ("optim.learning_rate", "seed")
SHARPNESS = "sharpness/lambda_max"
TOLERANCE = 0.1
"""How far from 1 ``lambda eta / 2`` may settle."""
SETTLED = 1.0 / 3.0
"""The last part of the records, over which a run's median is taken."""


def verdict(ds: Dataset) -> list[Finding]:
    """One finding on the control, then one for each larger learning rate; seeds are paired over learning rates."""
    runs = analysis.laid_out(ds, AXES)
    rates = runs.axes["optim.learning_rate"]
    if len(rates) < 2:
        raise ConfigError("optim.learning_rate has one value; the smallest of at least two is the control.")
    curves = runs.history(SHARPNESS)  # [rates, seeds, records]
    seeds = runs.seeds.measured(curves)
    curves, diverged = curves[:, seeds.complete], seeds.diverged[:, seeds.complete]
    last = max(1, math.ceil(SETTLED * curves.shape[2]))
    ratios = np.where(diverged, np.inf, analysis.settled(curves, last=last)) * rates[:, None] / 2.0
    reached = np.where(diverged[0], 0.0, curves[0].max(axis=1))
    free = float(np.median(reached)) if len(reached) else math.nan
    claim = f"Sharpness rises under the smallest learning rate, {rates[0]:g} (control)."
    rise, unit = analysis.median_over_seeds(reached / np.fmax(curves[0, :, 0], 1e-30)), "largest / initial sharpness"
    found = [analysis.finding(claim, rise, low=1.0, unit=unit, detail=f"Median over seeds.{seeds.sentence}")]
    for rate, ratio in zip(rates[1:], ratios[1:], strict=True):
        limit = 2.0 / rate
        if limit < free:
            claim = f"At learning rate {rate:g} the sharpness settles at its limit, 2 / learning rate."
            low, high = 1.0 - TOLERANCE, 1.0 + TOLERANCE
        else:
            claim = f"At learning rate {rate:g}, whose limit the control never reaches, the sharpness stays below it."
            low, high = -math.inf, 1.0 - TOLERANCE
        detail = (
            f"Median over the last third of the records, then over seeds. The limit is {limit:.3g}; the control's "
            f"sharpness reaches {free:.3g}.{seeds.sentence}"
        )
        unit = "sharpness x learning rate / 2"
        found.append(
            analysis.finding(claim, analysis.median_over_seeds(ratio), low=low, high=high, unit=unit, detail=detail)
        )
    return analysis.family(found)


def figure(ds: Dataset) -> Figure:
    """``lambda eta / 2`` (above) and training loss (below) against steps, a colour for each learning rate.

    Medians over the seeds that have a value, with exact intervals.
    """
    runs = analysis.laid_out(ds, AXES)
    rates, seeds = runs.axes.values()
    ratios = runs.history(SHARPNESS) * rates[:, None, None] / 2.0

    def panel(label: str, tables: np.ndarray) -> Panel:
        rows = zip(rates, tables, strict=True)
        curves = tuple(Curve(f"{rate:g}", runs.steps[0, 0], table, statistic="median of known") for rate, table in rows)
        return Panel("", "", label, curves, legend_title="learning rate η")

    # The first record may be far above all that follow.
    top = min(2.0, max(1.25, 1.1 * float(np.nanmax(ratios[:, :, 1:], initial=1.0))))
    upper = panel("sharpness / limit, λη/2", ratios)._replace(legend="", y_limits=(0.0, top))
    lower = panel("training loss", runs.history("train_loss"))._replace(x_label="training step", y_scale="log")
    shown = (upper._replace(levels=((1.0, "limit of stability, λ = 2/η"),)), lower)
    return draw_panels(shown, num_columns=1, width=9.0, note=f"{len(seeds)} seeds", over="seeds")
