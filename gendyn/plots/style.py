"""One look for every figure: colour-blind-safe colours, sizes that stay legible at half size, no pyplot state."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gendyn.analysis import Band
from gendyn.types import Axes, Figure

TEST, TRAIN, THEORY, MEASURED = "#0072B2", "#D55E00", "#333333", "#007A59"
"""Roles keep their colours in every figure (Okabe & Ito's palette, the green darkened for thin lines on white)."""
KINDS = (TRAIN, TEST, MEASURED, "#CC79A7", "#56B4E9", THEORY)
"""For lines without an order among them, such as measures of one network; training and test data come first."""
GREY = "#666666"
SIZES = {"title": 15.0, "label": 14.0, "tick": 12.5, "note": 11.5}
"""Font sizes in points for a figure some ten inches wide: at half size the smallest is still read."""


def figure(
    num_rows: int,
    num_columns: int,
    *,
    width: float = 4.6,
    height: float = 3.3,
    share_x: bool = True,
    share_y: bool = True,
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes ``[num_rows, num_columns]``: x shared in columns (unless rows show
    different things), y shared in rows (unless panels show different things); sizes in inches each.

    Built on ``matplotlib.figure.Figure``, so importing or drawing never touches a display or pyplot's global state.
    """
    from matplotlib.figure import Figure

    size = (max(width * num_columns, 7.0), height * num_rows + 1.4)
    made = Figure(figsize=size, layout="constrained", facecolor="white")
    sharing: Any = {"sharex": "col" if share_x else False, "sharey": "row" if share_y else False}
    axes = made.subplots(num_rows, num_columns, squeeze=False, **sharing)
    for ax in axes.flat:
        dress(ax)
    return made, axes


@contextlib.contextmanager
def plain_style() -> Iterator[None]:
    """Draws with matplotlib's own defaults, whatever a user's environment asks for; what it was is put back.

    ``MPLBACKEND`` may name the backend of a notebook, which matplotlib refuses at its import elsewhere; a
    ``matplotlibrc`` may set ``text.usetex``, which needs LaTeX, or fonts and colours of a talk.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def dress(ax: Axes) -> None:
    """The house's frame, ticks and grid, for axes that :func:`figure` did not make."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SIZES["tick"])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def band(ax: Axes, x: np.ndarray, centre: np.ndarray, low: np.ndarray, high: np.ndarray, **line: Any) -> None:
    """A line with its interval shaded in the same colour; points that are not finite are left out."""
    known = np.isfinite(centre)
    drawn = ax.plot(x[known], centre[known], **{"linewidth": 2.2, **line})[0]
    steps: Any = {"step": "post"} if line.get("drawstyle") == "steps-post" else {}
    ax.fill_between(x[known], low[known], high[known], color=drawn.get_color(), alpha=0.18, linewidth=0, **steps)


def rows(
    counts: Sequence[int], *, widest: int, whole: bool, width: float, heights: Sequence[float]
) -> tuple[Figure, list[Axes]]:
    """A figure of rows of panels, and its axes row by row: ``counts`` of them, sizes in inches.

    Args:
        widest: the number of columns that the width is for.
        whole: whether each row is spread over the whole width; else its panels are as wide as those of the widest.
    """
    from matplotlib.figure import Figure

    size = max(width * widest, 7.0), sum(heights) + 1.4
    made = Figure(figsize=size, layout="constrained", facecolor="white")
    fine = math.lcm(*counts) if whole else widest
    cells = made.add_gridspec(len(counts), fine, height_ratios=list(heights))
    axes = []
    for row, count in enumerate(counts):
        span = fine // count if whole else 1
        axes += [made.add_subplot(cells[row, i * span : (i + 1) * span]) for i in range(count)]
    for ax in axes:
        dress(ax)
    return made, axes


def plain_ticks(axis: Any) -> None:
    """Numbers as ``0.2`` on a logarithmic axis below two decades, where powers of ten label next to nothing."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if axis.get_scale() == "log" and high < 100.0 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axis.set_minor_formatter(NullFormatter())


def legend(ax: Axes, place: str, *, title: str = "") -> None:
    """The legend of a panel, where matplotlib's word says, or ``"outside"``: to the right of it."""
    where: dict[str, Any] = {"loc": place}
    if place == "outside":
        where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(fontsize=SIZES["note"], frameon=False, title=title or None, title_fontsize=SIZES["note"], **where)


def side_legend(made: Figure, ax: Axes, *, title: str) -> None:
    """The labelled lines of ``ax``, named to the right of all panels."""
    handles, labels = ax.get_legend_handles_labels()
    text = {"fontsize": SIZES["tick"], "title_fontsize": SIZES["tick"]}
    made.legend(handles, labels, title=title, loc="outside right upper", frameon=False, **text)


def rings(ax: Axes, x: np.ndarray, y: np.ndarray, label: str | None) -> None:
    """A closed form at single places: open rings that a measured point fits into."""
    shape: dict[str, Any] = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.3}
    ax.plot(x, y, linestyle="none", markeredgecolor=THEORY, label=label, **shape)


def bars(
    ax: Axes, x: np.ndarray, band: Band, *, color: str = MEASURED, label: str = "measured", marker: str = "o"
) -> None:
    """Measured points with their intervals; a side that is unknown is not drawn, nor is a point that is not finite."""
    known = np.isfinite(band.centre)
    centre = band.centre[known]
    low, high = (np.where(np.isfinite(side[known]), side[known], centre) for side in (band.low, band.high))
    shape: dict[str, Any] = {"marker": marker, "markersize": 4.5, "capsize": 3, "linestyle": "none"}
    ax.errorbar(x[known], centre, yerr=np.stack([centre - low, high - centre]), color=color, label=label, **shape)


def named_lines(ax: Axes, lines: Sequence[tuple[float, str, dict[str, Any]]], *, named: bool = True) -> None:
    """Vertical lines with their names beside them on top: the leftmost's on its left, so that two never cover another.

    Args:
        lines: place, name, and matplotlib's words for the line, its ``color`` among them; NaN: there is none.
        named: ``False``: lines alone, such as in the panels below.
    """
    known = sorted((line for line in lines if math.isfinite(line[0])), key=lambda line: line[0])
    for position, (place, name, look) in enumerate(known):
        ax.axvline(place, **look)
        left = position == 0
        beside: dict[str, Any] = {"xytext": (-4 if left else 4, -2), "ha": "right" if left else "left", "va": "top"}
        if named:
            where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            ax.annotate(name, (place, 1.0), color=look["color"], fontsize=SIZES["note"], **where, **beside)


def axis_on_top(ax: Axes, x: np.ndarray, values: np.ndarray, label: str) -> None:
    """A second axis on top of a logarithmic one, with other values of the same places; left out where they would touch.

    Args:
        x: places on the axis below, ascending, ``[P]``.
        values: what is written there, ``[P]``.
        label: of the axis.
    """
    from matplotlib.ticker import NullLocator

    top, shown = ax.secondary_xaxis("top"), [0]
    least = 0.1 * (np.log(x[-1] / x[0]) or 1.0)
    for i in range(1, len(x)):
        if np.log(x[i] / x[shown[-1]]) > least:
            shown.append(i)
    top.set_xticks(x[shown], [number(values[i]) for i in shown])
    top.xaxis.set_minor_locator(NullLocator())
    top.tick_params(labelsize=SIZES["note"], colors=GREY)
    top.set_xlabel(label, fontsize=SIZES["note"], color=GREY)


def sequence(count: int) -> list[str]:
    """``count`` colours from dark to light for the values of an ordered axis; the lightest still shows on white."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](v)) for v in np.linspace(0.0, 0.85, max(count, 1))]


def number(value: float) -> str:
    """A short label for a tick or a legend: ``4,810`` or ``0.003``.

    >>> number(4810), number(0.003), number(64.0)
    ('4,810', '0.003', '64')
    """
    return f"{value:,.0f}" if abs(value) >= 1 and float(value).is_integer() else f"{value:g}"


def short(value: float) -> str:
    """A number for a cell of a table: two decimals, from 100 on its size alone.

    >>> short(1.234), short(81234.0), short(-500.0)
    ('1.23', '8e+04', '-5e+02')
    """
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0e}"


def caption(made: Figure, text: str) -> None:
    """The small print under a figure: number of seeds, what the band is, at which step."""
    made.supxlabel(text, fontsize=SIZES["note"], color=GREY, x=0.01, ha="left")
