"""Share of runs that have not generalised yet against step, one colour for each arm, with what is censored shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn.analysis import kaplan_meier, median_time
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARM_COLOURS = ("#333333", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8B6D00")
"""Okabe and Ito's, for arms without an order; the first, dark one is the baseline's. Yellow is darkened."""
LINE_STYLES = ("solid", (0, (2.4, 1.0)))
"""Where there are more arms than colours, these come again with the second style."""
MAX_ARMS = len(ARM_COLOURS) * len(LINE_STYLES)


MAX_BANDS = 5
"""With more arms the bands would cover each other; the medians keep their intervals."""


class Arm(NamedTuple):
    """The runs of one arm."""

    label: str
    times: np.ndarray
    """``[R]``: when a run arrived, or up to when it was followed; positive, ``inf`` for one that never will."""
    observed: np.ndarray
    """bool ``[R]``: whether it arrived."""


class Line(NamedTuple):
    """How an arm is drawn."""

    colour: str
    style: Any


def survival_curves(
    arms: Sequence[Arm],
    *,
    level: float = 0.9,
    event: str = "generalised",
    unit: str = "training step",
    note: str = "",
) -> "Figure":
    """Draws Kaplan-Meier curves with log-log bands (of up to 5 arms); below them the median of each with its interval.

    Ticks on a curve are runs that were followed until then and had not arrived (censored). A median that is not reached
    is an open arrow from the last time followed; an interval without an upper end runs off the axis.

    Args:
        arms: up to 16, the baseline first.
        level: of bands and intervals.
        event: what the runs arrive at, for the label.
        unit: of time.
        note: added to the caption.

    Raises:
        ConfigError: no arm, more than 16, or a time that is not positive.
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
    # Room for a row of each median: many arms make a taller figure.
    made, axes = style.figure(2, 1, width=11.0, height=max(3.0, 1.6 + 0.23 * len(arms)))
    top, bottom = axes[:, 0]
    heights = [2.6, 0.35 * len(arms) + 0.6]
    top.get_subplotspec().get_gridspec().set_height_ratios(heights)
    for i, arm in enumerate(arms):
        line = _line(i)
        _curve(top, arm, line, level, left, right, banded=len(arms) <= MAX_BANDS)
        _median(bottom, arm, len(arms) - 1 - i, line, level, left, right)
    top.set_ylim(-0.03, 1.05)
    top.set_ylabel(f"share not yet\n{event}", fontsize=style.SIZES["label"])
    _name_rows(bottom, arms)
    bottom.set_ylim(-0.6, len(arms) - 0.4)
    bottom.set_xscale("log")
    bottom.set_xlim(left, right)
    bottom.set_xlabel(f"{unit}   (below: median and {level:.0%} interval)", fontsize=style.SIZES["label"])
    band = f", band: pointwise {level:.0%} log-log interval" * (len(arms) <= MAX_BANDS)
    text = f"Kaplan–Meier{band}   ·   ticks: runs followed until then   ·   in brackets: runs that arrived"
    style.caption(made, "\n".join(filter(None, (note, text))))
    return made


def _name_rows(ax: "Axes", arms: Sequence[Arm]) -> None:
    """Each row's arm and how many of its runs arrived, behind a piece of its line: the legend of both panels."""
    from matplotlib.lines import Line2D

    labels = [_label(arm) for arm in reversed(arms)]
    ax.set_yticks(range(len(arms)), labels, fontsize=style.SIZES["tick"])
    ax.tick_params(axis="y", length=0, pad=58)
    for i in range(len(arms)):
        line, row = _line(i), len(arms) - 1 - i
        ax.add_line(
            Line2D(
                [-0.07, -0.01],
                [row, row],
                transform=ax.get_yaxis_transform(),
                clip_on=False,
                color=line.colour,
                linestyle=line.style,
                linewidth=3.0,
            )
        )


def _label(arm: Arm) -> str:
    return f"{arm.label} ({int(np.sum(arm.observed))} of {len(arm.times)})"


def _line(i: int) -> Line:
    return Line(ARM_COLOURS[i % len(ARM_COLOURS)], LINE_STYLES[i // len(ARM_COLOURS)])


def _curve(ax: "Axes", arm: Arm, line: Line, level: float, left: float, right: float, *, banded: bool) -> None:
    found = kaplan_meier(arm.times, arm.observed, level=level)
    x = np.concatenate([[left], found.times, [right]])

    def steps(values: np.ndarray) -> np.ndarray:
        last = values[-1] if len(values) else 1.0
        return np.concatenate([[1.0], values, [last]])

    ax.plot(
        x,
        steps(found.share),
        drawstyle="steps-post",
        color=line.colour,
        linestyle=line.style,
        linewidth=2.2,
        label=_label(arm),
    )
    if banded:
        low, high = steps(found.low), steps(found.high)
        ax.fill_between(x, low, high, step="post", color=line.colour, alpha=0.13, linewidth=0)
    censored = np.unique(np.asarray(arm.times)[~np.asarray(arm.observed, bool) & np.isfinite(arm.times)])
    at = [float(found.share[np.searchsorted(found.times, time)]) for time in censored]
    ax.plot(censored, at, linestyle="none", marker="|", markersize=13, markeredgewidth=2.0, color=line.colour)


def _median(ax: "Axes", arm: Arm, row: int, line: Line, level: float, left: float, right: float) -> None:
    found = median_time(arm.times, arm.observed, level=level)
    low = max(found.low, left) if np.isfinite(found.low) else left
    ax.plot(
        [min(low, right), min(found.high, right)], [row, row], color=line.colour, linestyle=line.style, linewidth=2.6
    )
    if np.isfinite(found.estimate):
        ax.plot([found.estimate], [row], marker="o", markersize=8, color=line.colour)
        text, where = style.number(round(found.estimate)), found.estimate
    else:
        times = np.asarray(arm.times, float)
        where = float(times[np.isfinite(times)].max(initial=left))
        ax.plot([where], [row], marker=">", markersize=9, markerfacecolor="white", color=line.colour)
        text = f"> {style.number(round(where))}"
    far = np.log(where / left) > 0.8 * np.log(right / left)
    ax.annotate(
        text,
        (where, row),
        xytext=(-8 if far else 0, 6),
        textcoords="offset points",
        ha="right" if far else "center",
        fontsize=style.SIZES["note"],
        color=line.colour,
    )
