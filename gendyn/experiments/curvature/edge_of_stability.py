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

from gendyn.analysis import (
    finding,
    grid,
    history,
    known_medians,
    median_over_seeds,
    record_steps,
    seeds_of,
    settled,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.types import Dataset, Figure, Finding

AXES = ("optim.learning_rate", "seed")
SHARPNESS = "sharpness/lambda_max"
TOLERANCE = 0.1
"""How far from 1 ``lambda eta / 2`` may settle."""
SETTLED = 1.0 / 3.0
"""The last part of the records, over which a run's median is taken."""


def verdict(ds: Dataset) -> list[Finding]:
    """One finding on the control, then one for each larger learning rate; seeds are paired over learning rates."""
    layout = grid(ds, AXES)
    rates = layout.axes["optim.learning_rate"]
    if len(rates) < 2:
        raise ConfigError("optim.learning_rate has one value; the smallest of at least two is the control.")
    curves = tabulate(layout, history(ds, SHARPNESS))  # [rates, seeds, records]
    seeds = seeds_of(ds, layout)
    seeds = seeds.restricted((np.isfinite(curves).all(axis=2) | seeds.diverged).all(axis=0))
    curves, diverged = curves[:, seeds.complete], seeds.diverged[:, seeds.complete]
    last = max(1, math.ceil(SETTLED * curves.shape[2]))
    ratios = np.where(diverged, np.inf, settled(curves, last=last)) * rates[:, None] / 2.0
    reached = np.where(diverged[0], 0.0, curves[0].max(axis=1))
    free = float(np.median(reached)) if len(reached) else math.nan
    found = [
        finding(
            f"Sharpness rises under the smallest learning rate, {rates[0]:g} (control).",
            median_over_seeds(reached / np.fmax(curves[0, :, 0], 1e-30)),
            low=1.0,
            unit="largest / initial sharpness",
            detail="Median over seeds." + seeds.sentence,
        )
    ]
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
        found.append(finding(claim, median_over_seeds(ratio), low=low, high=high, unit=unit, detail=detail))
    return found


def figure(ds: Dataset) -> Figure:
    """``lambda eta / 2`` (above) and training loss (below) against steps, a colour for each learning rate.

    Medians over the seeds that have a value, with exact intervals.
    """
    layout = grid(ds, AXES)
    rates, seeds = layout.axes.values()
    steps = tabulate(layout, record_steps(ds))[0, 0]
    sharpness, losses = (tabulate(layout, history(ds, name)) for name in (SHARPNESS, "train_loss"))
    ratios = sharpness * rates[:, None, None] / 2.0
    made, axes = style.figure(2, 1, width=9.0)
    top, bottom = axes[:, 0]
    for ax, tables in ((top, ratios), (bottom, losses)):
        for rate, colour, table in zip(rates, style.sequence(len(rates)), tables, strict=True):
            style.band(ax, steps, *known_medians(table)[:3], color=colour, label=f"{rate:g}")
    top.axhline(1.0, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6)
    text = {"color": style.THEORY, "fontsize": style.SIZES["note"], "ha": "right", "va": "bottom"}
    top.text(0.995, 1.01, "limit of stability, λ = 2/η", transform=top.get_yaxis_transform(), **text)
    top.set_ylim(0.0, min(2.0, max(1.25, 1.1 * float(np.nanmax(ratios[:, :, 1:], initial=1.0)))))
    top.set_ylabel("sharpness / limit, λη/2", fontsize=style.SIZES["label"])
    bottom.set_ylabel("training loss", fontsize=style.SIZES["label"])
    bottom.set_yscale("log")
    bottom.set_xlabel("training step", fontsize=style.SIZES["label"])
    small = style.SIZES["tick"]
    bottom.legend(title="learning rate η", fontsize=small, title_fontsize=small, frameon=False, ncols=2)
    style.caption(made, f"median of {len(seeds)} seeds, band: 90% interval")
    return made
