"""Slingshots: loss and last-layer norm of single runs, and what share of the runs of every arm has cycles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import Interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SHOWN = 4
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
    """Draws training loss, last-layer norm, shares of runs with cycles (and test accuracy), and lowest losses.

    Triangles mark where a cycle's spike begins. An arm without cycles tells something only if its loss falls as low as
    those of arms with cycles, which is what the lowest panel is for.

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
    made, axes = style.figure(4, 1, width=10.0, height=3.0, share_x=False)
    loss, norm, shares, lowest = axes[:, 0]
    for run, colour in zip(shown, COLOURS, strict=False):
        values = np.maximum(run.train_loss, floor)
        loss.plot(run.steps, values, color=colour, linewidth=1.3, label=run.label)
        marked = np.isin(run.steps, run.slingshots)
        loss.plot(run.steps[marked], values[marked], color=colour, marker="v", linestyle="none", markersize=8)
        norm.plot(run.steps, run.last_layer_norm, color=colour, linewidth=1.8, label=run.label)
    loss.set_yscale("log")
    norm.set_ylim(bottom=0.0)
    norm.set_xlabel("training step", fontsize=style.SIZES["label"])
    loss.legend(fontsize=style.SIZES["tick"], frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    for ax, label in ((loss, "training loss"), (norm, "last-layer norm"), (shares, "share, accuracy")):
        ax.set_ylabel(label, fontsize=style.SIZES["label"])
    _shares(shares, arms)
    _lowest(lowest, arms, floor)
    level = arms[0].once.level
    caption = (
        f"above: one seed each, triangles: a slingshot begins\nbelow: {len(arms[0].test_accuracy)} seeds an arm, exact "
        f"{level:.0%} intervals of shares, small dots: seeds, short lines: their medians"
    )
    style.caption(made, "\n".join(filter(None, (note, caption))))
    return made


def _shares(ax: "Axes", arms: Sequence[ArmShares]) -> None:
    at = np.arange(len(arms))
    estimates, lows, highs = np.array([arm.once[:3] for arm in arms]).T
    # An interval that says nothing is drawn as all that a share can be.
    error = np.abs(np.clip([lows, highs], 0.0, 1.0) - estimates)
    ax.errorbar(
        at - 0.15,
        estimates,
        yerr=error,
        fmt="o",
        color=style.TRAIN,
        markersize=9,
        linewidth=2.2,
        capsize=4,
        label="at least one cycle",
    )
    ax.plot(
        at - 0.15,
        [arm.repeated for arm in arms],
        marker="_",
        markersize=16,
        markeredgewidth=2.5,
        linestyle="none",
        color=style.THEORY,
        label="at least two",
    )
    for i, arm in enumerate(arms):
        label = "test accuracy" if i == 0 else None
        _dots(ax, i + 0.18, arm.test_accuracy, label)
    ax.set_ylim(-0.04, 1.04)
    ax.set_xticks(at, [])
    ax.set_xlim(-0.6, len(arms) - 0.4)
    ax.legend(fontsize=style.SIZES["tick"], frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0))


def _lowest(ax: "Axes", arms: Sequence[ArmShares], floor: float) -> None:
    for i, arm in enumerate(arms):
        _dots(ax, i, np.maximum(arm.lowest_loss, floor), None)
    ax.set_yscale("log")
    ax.set_ylabel("lowest loss", fontsize=style.SIZES["label"])
    labels = [arm.label for arm in arms]
    ax.set_xticks(np.arange(len(arms)), labels, fontsize=style.SIZES["tick"], rotation=25, ha="right")
    ax.set_xlim(-0.6, len(arms) - 0.4)


def _dots(ax: "Axes", at: float, values: np.ndarray, label: str | None) -> None:
    """Every seed as a dot, and their median as a short line."""
    known = np.asarray(values, float)[np.isfinite(values)]
    ax.plot(np.full(len(known), at), known, "o", color=style.TEST, markersize=5, alpha=0.6, label=label)
    if len(known):
        ax.plot([at - 0.14, at + 0.14], [np.median(known)] * 2, color=style.TEST, linewidth=2.5)
