"""Share of runs that have not arrived yet against step, and below it the median of each arm, with what is censored."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn.analysis import Band, Crossing, kaplan_meier, median_time
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.plots.panels import Curve, Panel, Rows, draw_panels
from gendyn.types import Axes, Figure

LOOKS: list[dict[str, Any]] = [
    {"color": colour, "linestyle": line}
    for line in ("-", (0, (2.4, 1.0)))
    for colour in (style.THEORY, style.TEST, style.TRAIN, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8B6D00")
]
"""Okabe and Ito's colours, yellow darkened, for arms without an order; the first, dark one is the baseline's."""
MAX_BANDS = 5
"""With more arms the bands would cover each other; the medians keep their intervals."""


def survival_curves(arms: Mapping[str, Crossing], *, event: str, note: str = "", level: float = 0.9) -> Figure:
    """Draws Kaplan-Meier curves with log-log bands (of up to 5 arms); below them the median of each with its interval.

    Ticks on a curve are runs that were followed until then and had not arrived (censored). A median that is not reached
    is an open arrow from the last time followed; an interval without an upper end runs off the axis.

    Args:
        arms: up to 16, the baseline first: name -> when its runs arrive, such as from
            :func:`gendyn.analysis.time_to_threshold`; positive steps, ``inf`` for a run that never will.
        event: what the runs have not come to yet, such as ``"at 95% test accuracy"``.
        note: the start of the caption.
        level: of bands and intervals.

    Raises:
        ConfigError: no arm, more than 16, or a time that is not positive.

    >>> times = np.array([10.0, 20.0, 30.0])
    >>> made = survival_curves({"slow": Crossing(times, times - 1.0, times < 25.0)}, event="at 95% test accuracy")
    >>> [text.get_text() for text in made.axes[1].get_yticklabels()]
    ['slow (2 of 3)']
    """
    if not 1 <= len(arms) <= len(LOOKS):
        raise ConfigError(f"arms has {len(arms)} entries; pass 1 to {len(LOOKS)}: more cannot be told apart.")
    for name, arm in arms.items():
        if np.any(arm.time <= 0):
            raise ConfigError(f"{name}: times must be positive for a logarithmic axis; drop runs without records.")
    finite = np.concatenate([arm.time[np.isfinite(arm.time)] for arm in arms.values()])
    if not len(finite):
        raise ConfigError("arms hold no finite time; there is nothing to draw.")
    left, right = float(finite.min()) / 1.5, float(finite.max()) * 1.1
    labels = tuple(f"{name} ({arm.observed.sum()} of {len(arm.time)})" for name, arm in arms.items())
    found = [kaplan_meier(arm.time, arm.observed, level=level) for arm in arms.values()]
    medians = [median_time(arm.time, arm.observed, level=level) for arm in arms.values()]
    banded = len(arms) <= MAX_BANDS

    def ticks(ax: Axes) -> None:
        for arm, survival, look in zip(arms.values(), found, LOOKS, strict=False):
            at = np.unique(arm.time[~arm.observed & np.isfinite(arm.time)])
            share = survival.share[np.searchsorted(survival.times, at)]
            ax.plot(at, share, "|", color=look["color"], markersize=13, markeredgewidth=2.0)

    def names_and_numbers(ax: Axes) -> None:
        margin: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "clip_on": False, "linewidth": 3.0}
        ax.tick_params(axis="y", length=0, pad=58)
        for row, (arm, middle, look) in enumerate(zip(arms.values(), medians, LOOKS, strict=False)):
            # A piece of the arm's line before its name: the legend of both panels.
            ax.plot([-0.07, -0.01], [row, row], **look, **margin)
            at, text = middle.estimate, style.number(round(middle.estimate)) if math.isfinite(middle.estimate) else ""
            if not text:
                at = float(arm.time[np.isfinite(arm.time)].max(initial=left))
                ax.plot([max(middle.low, left), right], [row, row], **look, linewidth=2.2)
                ax.plot(at, row, ">", color=look["color"], markersize=9, markerfacecolor="white")
                text = f"> {style.number(round(at))}"
            far = math.log(at / left) > 0.8 * math.log(right / left)
            place: dict[str, Any] = {"xytext": (-8 if far else 0, 6), "ha": "right" if far else "center"}
            size = style.SIZES["note"]
            ax.annotate(text, (at, row), textcoords="offset points", color=look["color"], fontsize=size, **place)

    curves = []
    for label, arm, survival, look in zip(labels, arms.values(), found, LOOKS, strict=False):
        # From 1 at the left end of the axis, and no further than the arm was followed; "never" is known to the end.
        end = right if np.isinf(arm.time).any() else float(arm.time.max())
        sides = (survival.share, survival.low, survival.high)
        share, low, high = (np.array([1.0, *side, [1.0, *side][-1]]) for side in sides)
        if not banded:
            low = high = np.full_like(share, np.nan)
        x = np.array([left, *survival.times, end])
        curves.append(
            Curve(
                label, x, band=Band(share, low, high, level), colour=look["color"], line=look["linestyle"], steps=True
            )
        )
    top = Panel("", "", f"share not yet\n{event}", tuple(curves), "log", x_limits=(left, right), legend="", draw=ticks)
    below = f"training step   (below: median and {level:.0%} interval)"
    bottom = Rows("", below, labels, {"": medians}, "log", (left, right), looks=LOOKS, draw=names_and_numbers)
    bands = f", band: pointwise {level:.0%} log-log interval" * banded
    text = f"Kaplan–Meier{bands}   ·   ticks: runs followed until then   ·   in brackets: runs that arrived"
    return draw_panels(
        [top._replace(y_limits=(-0.03, 1.05)), bottom],
        num_columns=1,
        width=11.0,
        heights=(3.0 + 0.06 * len(arms), 0.8 + 0.38 * len(arms)),
        note="\n".join(filter(None, (note, text))),
    )
