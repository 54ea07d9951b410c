"""Edge of stability: does full-batch gradient descent drive its own sharpness to the limit of stability?

Claim: Under a small step the largest eigenvalue lambda of the training loss's Hessian rises while gradient descent
trains (progressive sharpening). Under a step ``eta`` whose limit ``2 / eta``, beyond which a quadratic does not
converge, lies below what lambda rises to, it settles at that limit instead, whether training began below or above it,
and the loss still falls. So ``lambda eta / 2`` settles at 1 there.

Refuted if: under the smallest learning rate the sharpness of the last third of the records is not above that of the
first ones; or, at a learning rate whose limit lies below the sharpness of the former, ``lambda eta / 2`` does not
settle within 10 % of 1. The smallest learning rate is the control, which all others presuppose: it follows the gradient
flow, never meets its limit, and shows how far the sharpness rises; so do larger ones that never meet theirs. A run that
diverges counts as one whose sharpness settles at infinity, and under the smallest learning rate as one whose sharpness
does not rise.

The control and the learning rates that meet their limit are primary; that larger ones stay below theirs, and that the
loss still falls, is exploratory. A seed draws the split of the images and the initial weights. The control was first
judged by the largest over the first sharpness, which noise alone makes at least 1; that settled ends are compared was
decided after results on one split of the images, and is judged on ten. With that the rate 0.02, far from its limit,
left the default, so that ten seeds cost no more than eight did.

Reference: Cohen, Kaur, Li, Kolter & Talwalkar (2021), Gradient descent on neural networks typically occurs at the edge
of stability, sections 3.1 and 3.2 (squared loss, full batch).
"""

import math
from typing import Any

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
FIRST = 3
"""Records at the start over which it is taken: one record alone may be noise."""


def verdict(ds: Dataset) -> list[Finding]:
    """One finding on the control, one for each larger learning rate, then whether the loss falls at the limit.

    Seeds are paired over learning rates.
    """
    runs = analysis.laid_out(ds, AXES)
    rates = runs.axes["optim.learning_rate"]
    if len(rates) < 2:
        raise ConfigError("optim.learning_rate has one value; the smallest of at least two is the control.")
    curves = runs.history(SHARPNESS)  # [rates, seeds, records]
    seeds = runs.seeds.measured(curves)
    diverged, losses = seeds.diverged[:, seeds.complete], runs.history("train_loss")[:, seeds.complete]
    curves = curves[:, seeds.complete]
    last = max(1, math.ceil(SETTLED * curves.shape[2]))
    starts, ends = (analysis.settled(part, last=last) for part in (curves[..., : min(FIRST, last)], curves))
    lost = analysis.settled(losses) / np.fmax(analysis.settled(losses[..., : 1 - last or None]), 1e-30)
    with np.errstate(invalid="ignore"):
        rises = np.where(diverged[0], 0.0, ends[0] / np.fmax(starts[0], 1e-30))
    ratios, falls = (np.where(diverged, np.inf, table) for table in (ends * rates[:, None] / 2.0, lost))
    free, begun = (
        float(np.median(np.where(diverged[0], 0.0, each[0]))) if len(rises) else math.nan for each in (ends, starts)
    )
    over = "Median over the last third of the records, then over seeds."
    claim = f"Sharpness rises under the smallest learning rate, {rates[0]:g} (control)."
    detail = f"Median over the last third of the records, over that of the first {min(FIRST, last)}; then over seeds."
    unit = "sharpness at the end / at the start"
    rise = analysis.finding(
        claim, analysis.median_over_seeds(rises), low=1.0, unit=unit, detail=detail + seeds.sentence
    )
    found, after = [rise], list[analysis.Hypothesis]()
    for rate, ratio, fall in zip(rates[1:], ratios[1:], falls[1:], strict=True):
        limit, effect = 2.0 / rate, analysis.median_over_seeds(ratio)
        detail = (
            f"{over} The limit is {limit:.3g}; the control's sharpness starts at {begun:.3g} and settles at {free:.3g}."
            f"{seeds.sentence}"
        )
        about: dict[str, Any] = {"unit": "sharpness x learning rate / 2", "detail": detail, "given": (rise,)}
        if not limit < free:
            claim = f"At learning rate {rate:g}, whose limit the control never reaches, the sharpness stays below it."
            found.append(analysis.finding(claim, effect, high=1.0 - TOLERANCE, role="exploratory", **about))
            continue
        claim = f"At learning rate {rate:g} the sharpness settles at its limit, 2 / learning rate."
        found.append(analysis.finding(claim, effect, low=1.0 - TOLERANCE, high=1.0 + TOLERANCE, **about))
        claim = f"At learning rate {rate:g} the training loss still falls where the sharpness has settled at its limit."
        about = {"unit": "loss, last records / when it had settled", "given": (found[-1],), "role": "exploratory"}
        detail = (
            f"Medians of three records, of the end and of the begin of the last third; then over seeds.{seeds.sentence}"
        )
        after.append(analysis.finding(claim, analysis.median_over_seeds(fall), high=1.0, detail=detail, **about))
    return analysis.family([*found, *after])


def figure(ds: Dataset) -> Figure:
    """``lambda eta / 2`` (above) and training loss (below) against steps, a colour for each learning rate.

    Medians over the seeds that have a value, with exact intervals; the note says how many runs diverged.
    """
    runs = analysis.laid_out(ds, AXES)
    rates, seeds = runs.axes.values()
    ratios = runs.history(SHARPNESS) * rates[:, None, None] / 2.0

    def panel(label: str, tables: np.ndarray) -> Panel:
        rows = zip(rates, tables, strict=True)
        curves = tuple(Curve(f"{rate:g}", runs.steps[0, 0], table, statistic="median of known") for rate, table in rows)
        return Panel("", "", label, curves, legend_title="learning rate η")

    # The first record may be far above all that follow.
    top, highest = (
        min(2.0, max(1.25, 1.1 * float(np.nanmax(ratios[:, :, 1:], initial=1.0)))),
        np.nanmax(ratios, initial=0),
    )
    cut = f"\nλη/2 begins at up to {highest:.2g}, above the axis" * bool(highest > top)
    upper = panel("sharpness / limit, λη/2", ratios)._replace(legend="", y_limits=(0.0, top))
    lower = panel("training loss", runs.history("train_loss"))._replace(x_label="training step", y_scale="log")
    shown = (upper._replace(levels=((1.0, "limit of stability, λ = 2/η"),)), lower)
    lost = int(np.sum(runs.seeds.diverged))
    note = (
        f"{len(seeds)} seeds"
        + f", {lost} of {runs.seeds.diverged.size} runs diverged and are left out from there on" * bool(lost)
    )
    return draw_panels(shown, num_columns=1, width=9.0, note=note + cut, over="seeds")
