"""Progress measures along training, how far ahead of the test accuracy they move, and whether memorising moves them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gendyn.analysis import Interval, config_of, median_interval
from gendyn.experiments.grokking.circuit_progress.tables import (
    GENERALISING,
    RESTRICTED,
    THRESHOLDS,
    Measure,
    measured,
    records,
)
from gendyn.plots import style
from gendyn.types import Dataset, Figure

LOSSES = {
    "train": "train_loss",
    "test": "test_loss",
    "restricted": RESTRICTED,
    "excluded": "fourier_progress/excluded_loss",
    "key ablated": "fourier_progress/ablated_key_loss",
    "rest ablated": "fourier_progress/ablated_rest_loss",
}
SHARES = {
    "Gini, logits": "fourier_progress/gini",
    "key frequencies": "fourier_progress/key_share",
    "trigonometric": "circuit_efficiency/trigonometric_share",
    "Gini, embeddings": "embedding_spectrum/gini",
}
COLOURS = ("#D55E00", "#0072B2", "#007A59", "#CC79A7", "#56B4E9", "#333333")
KINDS = ((style.TEST, "o"), (style.TRAIN, "s"))
"""Colour and marker of the first and the second interval of a row."""


def figure(ds: Dataset) -> Figure:
    """Losses and shares against the step, then each measure's lead and its movement in the control arms.

    Lines are medians over seeds, bands and bars intervals. Leads right of 0 are ahead of the test accuracy. Movements:
    1 is as far as in generalising runs, 0 not at all, below 0 the other way; values beyond the panel sit at its edge.

    Reference: Nanda et al. (2023), arXiv:2301.05217, figure 7.
    """
    found, config = records(ds), config_of(ds)
    runs, measures = found.generalising, list(measured(found).values())
    losses = {label: runs[name] for label, name in LOSSES.items() if name in runs}
    shares = {f"{kind} accuracy": 1.0 - runs[f"{kind}_error"] for kind in ("train", "test")}
    shares |= {label: runs[name] for label, name in SHARES.items() if name in runs}
    made, axes = style.figure(4, 1, width=9.5, height=3.6, share_x=False)
    _curves(axes[0, 0], found.steps, losses, "loss")
    _curves(axes[1, 0], found.steps, shares, "share, or accuracy")
    modulus = config["task"]["modulus"]
    axes[0, 0].axhline(math.log(modulus), color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylim(bottom=1e-4)
    axes[1, 0].set_ylim(-0.02, 1.04)
    _leads(axes[2, 0], measures, float(np.max(found.steps)))
    _controls(axes[3, 0], measures)
    note = (
        f"addition modulo {modulus}, {config['data']['train_fraction']:.0%} of all pairs, weight decay "
        f"{config['optim']['weight_decay']:g}\n"
        f"upper two panels: {GENERALISING} runs; dotted: loss of guessing, log p\n"
        f"medians of {len(runs['train_error'])} seeds, 90% intervals"
    )
    style.caption(made, note)
    return made


def _curves(ax: Any, steps: np.ndarray, panel: Mapping[str, np.ndarray], name: str) -> None:
    for (label, values), colour in zip(panel.items(), COLOURS, strict=False):
        band = median_interval(values)
        style.band(ax, steps, band.centre, band.low, band.high, color=colour, label=label)
    ax.set_ylabel(name, fontsize=style.SIZES["label"])
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    _legend(ax)


def _leads(ax: Any, measures: Sequence[Measure], last: float) -> None:
    for row, measure in enumerate(measures):
        for place, found in enumerate((measure.lead, measure.later_lead)):
            _whisker(ax, found, row, place, limits=(-last, last))
    ax.axvline(0.0, color=style.GREY, linewidth=1.2)
    ax.set_xlabel("lead of its half-way point over the test accuracy, steps", fontsize=style.SIZES["label"])
    _rows(ax, measures, [f"to {threshold:.0%}" for threshold in THRESHOLDS])


def _controls(ax: Any, measures: Sequence[Measure]) -> None:
    for row, measure in enumerate(measures):
        for place, found in enumerate(measure.controls.values()):
            _whisker(ax, found, row, place, limits=(-1.0, 2.0))
    for at in (0.0, 1.0):
        ax.axvline(at, color=style.GREY, linewidth=1.2, linestyle="-" if at == 0 else (0, (1, 2)))
    ax.set_xlim(-1.05, 2.05)
    ax.set_xlabel("movement in control runs / in generalising runs", fontsize=style.SIZES["label"])
    _rows(ax, measures, list(measures[0].controls))


def _whisker(ax: Any, found: Interval, row: int, place: int, *, limits: tuple[float, float]) -> None:
    if not np.isfinite(found.estimate):
        return
    height = row + 0.18 * (2 * place - 1)
    low, centre, high = np.clip([found.low, found.estimate, found.high], *limits)
    ax.plot([low, high], [height, height], color=KINDS[place % 2][0], linewidth=2.2)
    ax.plot(centre, height, KINDS[place % 2][1], color=KINDS[place % 2][0], markersize=7)


def _rows(ax: Any, measures: Sequence[Measure], labels: Sequence[str]) -> None:
    for label, (colour, marker) in zip(labels, KINDS, strict=False):
        ax.plot([], [], marker, color=colour, markersize=7, label=label)
    ax.set_yticks(range(len(measures)), [measure.label for measure in measures], fontsize=style.SIZES["note"])
    ax.set_ylim(len(measures) - 0.5, -0.5)
    if labels:
        _legend(ax)


def _legend(ax: Any) -> None:
    ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
