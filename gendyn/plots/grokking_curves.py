"""Training and test accuracy against step on a logarithmic axis: medians over seeds with intervals, a panel an arm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.types import Axes, Figure

MAX_COLUMNS = 3


class Curves(NamedTuple):
    """The seeds of one arm."""

    label: str
    steps: np.ndarray
    """``[T]``: recorded steps, from 0."""
    train: np.ndarray
    test: np.ndarray
    """``[S, T]``: accuracies in [0, 1]; NaN where a run is not that far."""


def grokking_curves(
    arms: Sequence[Curves], *, accuracy: float = 0.95, chance: float | None = None, level: float = 0.9, note: str = ""
) -> Figure:
    """Draws one panel for each arm: median accuracies, their exact intervals, and each seed's test curve thinly.

    The median of a jump whose time varies jumps too and hides the spread of times, so the seeds are drawn. Step 0 is at
    the left end, on a linear strip below step 1.

    Args:
        arms: at least one.
        accuracy: the threshold, a thin line.
        chance: accuracy of guessing, a dotted line.
        level: of the bands.
        note: added to the caption.

    Raises:
        ConfigError: no arm, or arrays that do not fit each other.
    """
    if not arms:
        raise ConfigError("arms is empty; pass one Curves for each arm.")
    for arm in arms:
        for name, values in (("train", arm.train), ("test", arm.test)):
            if np.ndim(values) != 2 or np.shape(values)[1:] != np.shape(arm.steps) or np.size(values) == 0:
                raise ConfigError(
                    f"{arm.label}: {name} has shape {np.shape(values)}; for {len(arm.steps)} steps it must be "
                    "[seeds, steps]."
                )
    columns = min(len(arms), MAX_COLUMNS)
    rows = -(-len(arms) // columns)
    made, axes = style.figure(rows, columns, width=4.9, share_x=False)
    panels = list(axes.flat)
    reached = draw_curves(panels, arms, accuracy=accuracy, chance=chance, level=level)
    for ax in panels[len(arms) :]:
        ax.remove()
    for row in axes[1:rows]:
        row[0].set_ylabel("accuracy", fontsize=style.SIZES["label"])
    for ax in panels[: max(0, len(arms) - columns)]:
        ax.set_xlabel("")
    most = max(len(arm.test) for arm in arms)
    seeds = f"medians of {most} seeds, bands: {reached:.0%} interval, thin: each seed's test accuracy"
    style.caption(made, "\n".join(filter(None, (note, seeds if most > 1 else "one seed, no interval"))))
    return made


def draw_curves(
    panels: Sequence[Axes], arms: Sequence[Curves], *, accuracy: float, chance: float | None = None, level: float = 0.9
) -> float:
    """Draws each arm in its panel, all on the same axis of steps; returns the lowest level the bands truly have."""
    reached = 1.0
    right = max(float(np.max(arm.steps)) for arm in arms)
    for ax, arm in zip(panels, arms, strict=False):
        reached = min(reached, accuracy_panel(ax, arm, level=level))
        ax.axhline(accuracy, color=style.GREY, linewidth=0.8)
        if chance is not None:
            ax.axhline(chance, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
        ax.set_xlim(0, right)
    panels[0].set_ylabel("accuracy", fontsize=style.SIZES["label"])
    panels[0].legend(fontsize=style.SIZES["tick"], frameon=False, loc="center left")
    return reached


def accuracy_panel(ax: Axes, arm: Curves, *, level: float = 0.9) -> float:
    """Draws the medians and bands of one arm, and each seed's test curve thinly; returns the level the bands have."""
    reached = 1.0
    for row in np.asarray(arm.test):
        ax.plot(arm.steps, row, color=style.TEST, linewidth=0.7, alpha=0.45)
    for name, values, colour in (("train", arm.train, style.TRAIN), ("test", arm.test, style.TEST)):
        values = np.asarray(values, float)
        # Only where every seed is: a median over those that went further would change its members on the way.
        whole = np.isfinite(values).all(axis=0)
        band = median_interval(values[:, whole], level=level)
        reached = min(reached, band.level)
        style.band(ax, np.asarray(arm.steps)[whole], band.centre, band.low, band.high, color=colour, label=name)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_ylim(-0.02, 1.04)
    ax.set_title(arm.label, fontsize=style.SIZES["title"])
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    return reached
