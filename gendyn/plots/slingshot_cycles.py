"""Slingshots: loss and last-layer norm of single runs, and what share of the runs of every arm has cycles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn.analysis import Interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SHOWN = 4
CURVE_HEIGHT, ROW_HEIGHT = 2.6, 0.3
"""In inches: of a panel of single runs, and of one arm's row."""
COLOURS = (style.TRAIN, style.TEST, style.MEASURED, style.THEORY)


class ShownRun(NamedTuple):
    """One run, drawn as it went."""

    label: str
    steps: np.ndarray
    """``[T]``."""
    train_loss: np.ndarray
    last_layer_norm: np.ndarray
    """``[T]``; NaN is left out."""
    slingshots: np.ndarray
    """Steps at which the spike of a cycle begins."""


class ArmShares(NamedTuple):
    """All runs of one arm, ``S`` of them."""

    label: str
    once: Interval
    """Share with at least one cycle."""
    repeated: float
    """Share with at least two."""
    test_accuracy: np.ndarray
    """``[S]``, at the end; NaN is left out."""
    lowest_loss: np.ndarray
    """``[S]``: the lowest training loss of each run."""


def slingshot_cycles(shown: Sequence[ShownRun], arms: Sequence[ArmShares], *, floor: float, note: str = "") -> "Figure":
    """Draws training loss and last-layer norm; below, a row for each arm: share with cycles, lowest loss, accuracy.

    Triangles mark where a cycle's spike begins. An arm without cycles tells something only if its loss falls as low as
    those of arms with cycles, which is what the panel of lowest losses is for.

    Args:
        shown: 1 to 4 runs.
        arms: at least one.
        floor: losses below it are drawn at it: what the detector counts as 0.
        note: added to the caption.

    Raises:
        ConfigError: no run or too many, no arm, or histories that do not fit their steps.
    """
    if not 1 <= len(shown) <= MAX_SHOWN:
        raise ConfigError(f"shown has {len(shown)} runs; pass 1 to {MAX_SHOWN}.")
    if not arms:
        raise ConfigError("arms is empty; pass one ArmShares for each arm.")
    for run in shown:
        if not np.shape(run.steps) == np.shape(run.train_loss) == np.shape(run.last_layer_norm):
            raise ConfigError(f"{run.label}: steps, train_loss and last_layer_norm must be of one shape [T].")
    from matplotlib.figure import Figure

    heights = [CURVE_HEIGHT, CURVE_HEIGHT, 0.9 + ROW_HEIGHT * len(arms)]
    made = Figure(figsize=(10.0, sum(heights) + 1.4), layout="constrained", facecolor="white")
    cells = made.add_gridspec(3, 3, height_ratios=heights)
    loss = made.add_subplot(cells[0, :])
    norm = made.add_subplot(cells[1, :], sharex=loss)
    rows = [made.add_subplot(cells[2, column]) for column in range(3)]
    for ax in (loss, norm, *rows):
        style.dress(ax)
    for run, colour in zip(shown, COLOURS, strict=False):
        values = np.maximum(run.train_loss, floor)
        loss.plot(run.steps, values, color=colour, linewidth=1.3, label=run.label)
        marked = np.isin(run.steps, run.slingshots)
        loss.plot(run.steps[marked], values[marked], color=colour, marker="v", linestyle="none", markersize=8)
        norm.plot(run.steps, run.last_layer_norm, color=colour, linewidth=1.8, label=run.label)
    loss.set_yscale("log")
    loss.tick_params(labelbottom=False)
    norm.set_ylim(bottom=0.0)
    norm.set_xlabel("training step", fontsize=style.SIZES["label"])
    loss.legend(fontsize=style.SIZES["tick"], frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    for ax, label in ((loss, "training loss"), (norm, "last-layer norm")):
        ax.set_ylabel(label, fontsize=style.SIZES["label"])
    _shares(rows[0], arms)
    _seeds(rows[1], "lowest training loss", [np.maximum(arm.lowest_loss, floor) for arm in arms])
    rows[1].set_xscale("log")
    _seeds(rows[2], "test accuracy", [arm.test_accuracy for arm in arms])
    for ax in rows:
        # The first arm on top.
        ax.set_ylim(len(arms) - 0.4, -0.6)
        ax.set_yticks(np.arange(len(arms)), [arm.label for arm in arms] if ax is rows[0] else [])
    level = arms[0].once.level
    caption = (
        f"above: one seed each, triangles: a slingshot begins; losses below {floor:.1e} are drawn as that\n"
        f"below: {len(arms[0].test_accuracy)} seeds an arm, exact {level:.0%} intervals of shares, "
        "dark bars: share with at least two\nsmall dots: seeds, lines: their medians"
    )
    style.caption(made, "\n".join(filter(None, (note, caption))))
    return made


def _shares(ax: "Axes", arms: Sequence[ArmShares]) -> None:
    at = np.arange(len(arms))
    estimates, lows, highs = np.array([arm.once[:3] for arm in arms]).T
    # An interval that says nothing is drawn as all that a share can be.
    error = np.abs(np.clip([lows, highs], 0.0, 1.0) - estimates)
    shape: dict[str, Any] = {"fmt": "o", "markersize": 7, "linewidth": 2.0, "capsize": 3}
    ax.errorbar(estimates, at, xerr=error, color=style.TRAIN, **shape)
    ax.plot(
        [arm.repeated for arm in arms],
        at,
        marker="|",
        markersize=14,
        markeredgewidth=2.5,
        linestyle="none",
        color=style.THEORY,
    )
    ax.set_xlim(-0.08, 1.15)
    ax.set_xlabel("share with a slingshot", fontsize=style.SIZES["label"])


def _seeds(ax: "Axes", label: str, values: Sequence[np.ndarray]) -> None:
    """Every seed of an arm as a dot in its row, and their median as a short line."""
    for row, of_arm in enumerate(values):
        known = np.asarray(of_arm, float)[np.isfinite(of_arm)]
        ax.plot(known, np.full(len(known), row), "o", color=style.TEST, markersize=5, alpha=0.6)
        if len(known):
            ax.plot([np.median(known)] * 2, [row - 0.3, row + 0.3], color=style.TEST, linewidth=2.5)
    ax.set_xlabel(label, fontsize=style.SIZES["label"])
