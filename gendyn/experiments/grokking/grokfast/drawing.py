"""Share of runs that have not generalised yet against step, one colour for each arm, with what is censored shown."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis import kaplan_meier, median_time
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokfast.tables import (
    ACCURACY,
    BASELINE,
    DECAY_ONE,
    FILTERS,
    LARGER_RATE,
    MOMENTUM,
    NO_DECAY,
    SAME_DECAY,
    SCALED_DECAY,
    times,
)
from gendyn.plots import style
from gendyn.types import Axes, Dataset, Figure

ORDER = (BASELINE, *FILTERS, *SAME_DECAY.values(), SCALED_DECAY, *LARGER_RATE.values(), MOMENTUM, NO_DECAY, DECAY_ONE)
COLOURS = ("#333333", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8B6D00")
"""Okabe and Ito's, for arms without an order; the first, dark one is the baseline's. Yellow is darkened."""
LINE_STYLES = ("solid", (0, (2.4, 1.0)))
"""Where there are more arms than colours, these come again with the second style."""
MAX_ARMS = len(COLOURS) * len(LINE_STYLES)
MAX_BANDS = 5
"""With more arms the bands would cover each other; the medians keep their intervals."""
LEVEL = 0.9


class Arm(NamedTuple):
    """The runs of one arm."""

    label: str
    times: np.ndarray
    """``[R]``: when a run arrived, or up to when it was followed; positive, ``inf`` for one that never will."""
    observed: np.ndarray
    """bool ``[R]``: whether it arrived."""

    @property
    def row_label(self) -> str:
        """With how many of its runs arrived."""
        return f"{self.label} ({int(np.sum(self.observed))} of {len(self.times)})"


def figure(ds: Dataset) -> Figure:
    """Survival curves of the time to 95 % test accuracy; of the tuned arms the best, on seeds it was not tuned on."""
    found = times(ds)
    shown = {name: found.test[name] for name in ORDER if name in found.test}
    shown |= {f"{name}, held-out seeds": found.held_out(name) for name in (found.tuned, found.filtered) if name}
    # A record at step 0, or none at all, has no place on a logarithmic axis.
    arms = [
        Arm(label, np.maximum(test.time[known], 1.0), test.observed[known])
        for label, test in shown.items()
        if any(known := test.time >= 0)
    ]
    return survival_curves(arms, note=f"{len(found.judged)} seeds, the same in all arms")


def survival_curves(arms: Sequence[Arm], *, note: str = "") -> Figure:
    """Draws Kaplan-Meier curves with log-log bands (of up to 5 arms); below them the median of each with its interval.

    Ticks on a curve are runs that were followed until then and had not arrived (censored). A median that is not reached
    is an open arrow from the last time followed; an interval without an upper end runs off the axis.

    Args:
        arms: up to 16, the baseline first.
        note: added to the caption.

    Raises:
        ConfigError: no arm, more than 16, or a time that is not positive.
    """
    if not 1 <= len(arms) <= MAX_ARMS:
        raise ConfigError(f"arms has {len(arms)} entries; pass 1 to {MAX_ARMS}: more cannot be told apart.")
    for arm in arms:
        if np.any(arm.times <= 0):
            raise ConfigError(f"{arm.label}: times must be positive for a logarithmic axis; drop runs without records.")
    finite = np.concatenate([arm.times[np.isfinite(arm.times)] for arm in arms])
    if not len(finite):
        raise ConfigError("arms hold no finite time; there is nothing to draw.")
    ends = float(finite.min()) / 1.5, float(finite.max()) * 1.1
    # Room for a row of each median: many arms make a taller figure.
    made, axes = style.figure(2, 1, width=11.0, height=max(3.0, 1.6 + 0.23 * len(arms)))
    top, bottom = axes[:, 0]
    top.get_subplotspec().get_gridspec().set_height_ratios([2.6, 0.35 * len(arms) + 0.6])
    lines = [{"color": colour, "linestyle": shape} for shape in LINE_STYLES for colour in COLOURS][: len(arms)]
    for i, (arm, line) in enumerate(zip(arms, lines, strict=True)):
        _curve(top, arm, line, ends, banded=len(arms) <= MAX_BANDS)
        _median(bottom, arm, line, ends, len(arms) - 1 - i)
    # A piece of each arm's line before its name: the legend of both panels.
    place = {"transform": bottom.get_yaxis_transform(), "clip_on": False, "linewidth": 3.0}
    for i, line in enumerate(reversed(lines)):
        bottom.plot([-0.07, -0.01], [i, i], **line, **place)
    top.set_ylim(-0.03, 1.05)
    top.set_ylabel(f"share not yet\nat {ACCURACY:.0%} test accuracy", fontsize=style.SIZES["label"])
    bottom.set_yticks(range(len(arms)), [arm.row_label for arm in reversed(arms)], fontsize=style.SIZES["tick"])
    bottom.tick_params(axis="y", length=0, pad=58)
    bottom.set_ylim(-0.6, len(arms) - 0.4)
    bottom.set_xscale("log")
    bottom.set_xlim(*ends)
    bottom.set_xlabel(f"training step   (below: median and {LEVEL:.0%} interval)", fontsize=style.SIZES["label"])
    band = f", band: pointwise {LEVEL:.0%} log-log interval" * (len(arms) <= MAX_BANDS)
    text = f"Kaplan–Meier{band}   ·   ticks: runs followed until then   ·   in brackets: runs that arrived"
    style.caption(made, "\n".join(filter(None, (note, text))))
    return made


def _curve(ax: Axes, arm: Arm, line: dict[str, Any], ends: tuple[float, float], *, banded: bool) -> None:
    found = kaplan_meier(arm.times, arm.observed, level=LEVEL)
    x = np.concatenate([ends[:1], found.times, ends[1:]])

    def steps(values: np.ndarray) -> np.ndarray:
        return np.concatenate([[1.0], values, values[-1:] if len(values) else [1.0]])

    ax.plot(x, steps(found.share), drawstyle="steps-post", linewidth=2.2, label=arm.row_label, **line)
    if banded:
        ax.fill_between(
            x, steps(found.low), steps(found.high), step="post", color=line["color"], alpha=0.13, linewidth=0
        )
    censored = np.unique(arm.times[~arm.observed & np.isfinite(arm.times)])
    at = [float(found.share[np.searchsorted(found.times, time)]) for time in censored]
    tick: dict[str, Any] = {
        "linestyle": "none",
        "marker": "|",
        "markersize": 13,
        "markeredgewidth": 2.0,
        "color": line["color"],
    }
    ax.plot(censored, at, **tick)


def _median(ax: Axes, arm: Arm, line: dict[str, Any], ends: tuple[float, float], row: int) -> None:
    left, right = ends
    found = median_time(arm.times, arm.observed, level=LEVEL)
    low = max(found.low, left) if np.isfinite(found.low) else left
    ax.plot([min(low, right), min(found.high, right)], [row, row], linewidth=2.6, **line)
    if np.isfinite(found.estimate):
        where, text = found.estimate, style.number(round(found.estimate))
        point: dict[str, Any] = {"marker": "o", "markersize": 8}
    else:
        where = float(arm.times[np.isfinite(arm.times)].max(initial=left))
        text, point = f"> {style.number(round(where))}", {"marker": ">", "markersize": 9, "markerfacecolor": "white"}
    ax.plot([where], [row], color=line["color"], **point)
    far = np.log(where / left) > 0.8 * np.log(right / left)
    place: dict[str, Any] = {
        "xytext": (-8 if far else 0, 6),
        "textcoords": "offset points",
        "ha": "right" if far else "center",
    }
    ax.annotate(text, (where, row), fontsize=style.SIZES["note"], color=line["color"], **place)
