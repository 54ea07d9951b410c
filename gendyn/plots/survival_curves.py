"""Share of runs that have not generalised yet against step, one colour for each arm, with what is censored shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import kaplan_meier, median_time
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ARMS = 8
ARM_COLOURS = ("#333333", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8B6D00")
"""Okabe and Ito's, for arms without an order; the first, dark one is the baseline's. Yellow is darkened."""


class Arm(NamedTuple):
    """The runs of one arm."""

    label: str
    times: np.ndarray
    """``[R]``: when a run arrived, or up to when it was followed; positive, ``inf`` for one that never will."""
    observed: np.ndarray
    """bool ``[R]``: whether it arrived."""


def survival_curves(
    arms: Sequence[Arm],
    *,
    level: float = 0.9,
    event: str = "generalised",
    unit: str = "training step",
    note: str = "",
) -> "Figure":
    """Draws Kaplan-Meier curves with log-log bands; below them the median of each arm with its interval.

    Ticks on a curve are runs that were followed until then and had not arrived (censored). A median that is not reached
    is an open arrow from the last time followed; an interval without an upper end runs off the axis.

    Args:
        arms: up to 8, the baseline first.
        level: of bands and intervals.
        event: what the runs arrive at, for the label.
        unit: of time.
        note: added to the caption.

    Raises:
        ConfigError: no arm, more than 8, or a time that is not positive.
    """
    if not 1 <= len(arms) <= MAX_ARMS:
        raise ConfigError(f"arms has {len(arms)} entries; pass 1 to {MAX_ARMS}: more cannot be told apart.")
    for arm in arms:
        if np.any(np.asarray(arm.times) <= 0):
            raise ConfigError(f"{arm.label}: times must be positive for a logarithmic axis; drop runs without records.")
    finite = np.concatenate([np.asarray(arm.times, float)[np.isfinite(arm.times)] for arm in arms])
    if not len(finite):
        raise ConfigError("arms hold no finite time; there is nothing to draw.")
    left, right = float(finite.min()) / 1.5, float(finite.max()) * 1.1
    made, axes = style.figure(2, 1, width=9.5, height=3.0)
    top, bottom = axes[:, 0]
    heights = [2.6, 0.35 * len(arms) + 0.6]
    top.get_subplotspec().get_gridspec().set_height_ratios(heights)
    for i, (arm, colour) in enumerate(zip(arms, ARM_COLOURS, strict=False)):
        _curve(top, arm, colour, level, left, right)
        _median(bottom, arm, len(arms) - 1 - i, colour, level, left, right)
    top.set_ylim(-0.03, 1.05)
    top.set_ylabel(f"share not yet\n{event}", fontsize=style.SIZES["label"])
    top.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.03))
    bottom.set_yticks(range(len(arms)), [arm.label for arm in reversed(arms)], fontsize=style.SIZES["note"])
    bottom.set_ylim(-0.6, len(arms) - 0.4)
    bottom.set_xscale("log")
    bottom.set_xlim(left, right)
    bottom.set_xlabel(f"{unit}   (below: median and {level:.0%} interval)", fontsize=style.SIZES["label"])
    text = f"Kaplan–Meier, band: pointwise {level:.0%} log-log interval   ·   ticks: runs followed until then"
    style.caption(made, "\n".join(filter(None, (note, text))))
    return made


def _curve(ax: "Axes", arm: Arm, colour: str, level: float, left: float, right: float) -> None:
    found = kaplan_meier(arm.times, arm.observed, level=level)
    x = np.concatenate([[left], found.times, [right]])

    def steps(values: np.ndarray) -> np.ndarray:
        last = values[-1] if len(values) else 1.0
        return np.concatenate([[1.0], values, [last]])

    arrived, count = int(np.sum(arm.observed)), len(arm.times)
    ax.plot(
        x,
        steps(found.share),
        drawstyle="steps-post",
        color=colour,
        linewidth=2.2,
        label=f"{arm.label} ({arrived} of {count})",
    )
    ax.fill_between(x, steps(found.low), steps(found.high), step="post", color=colour, alpha=0.13, linewidth=0)
    censored = np.unique(np.asarray(arm.times)[~np.asarray(arm.observed, bool) & np.isfinite(arm.times)])
    at = [float(found.share[np.searchsorted(found.times, time)]) for time in censored]
    ax.plot(censored, at, linestyle="none", marker="|", markersize=13, markeredgewidth=2.0, color=colour)


def _median(ax: "Axes", arm: Arm, row: int, colour: str, level: float, left: float, right: float) -> None:
    found = median_time(arm.times, arm.observed, level=level)
    low = max(found.low, left) if np.isfinite(found.low) else left
    ax.plot([min(low, right), min(found.high, right)], [row, row], color=colour, linewidth=2.6, solid_capstyle="butt")
    if np.isfinite(found.estimate):
        ax.plot([found.estimate], [row], marker="o", markersize=8, color=colour)
        text, where = style.number(round(found.estimate)), found.estimate
    else:
        times = np.asarray(arm.times, float)
        where = float(times[np.isfinite(times)].max(initial=left))
        ax.plot([where], [row], marker=">", markersize=9, markerfacecolor="white", color=colour)
        text = f"> {style.number(round(where))}"
    far = np.log(where / left) > 0.8 * np.log(right / left)
    ax.annotate(
        text,
        (where, row),
        xytext=(-8 if far else 0, 6),
        textcoords="offset points",
        ha="right" if far else "center",
        fontsize=style.SIZES["note"],
        color=colour,
    )
