"""The figure of an experiment: panels of measured curves with their intervals, on the closed forms they should follow.

An experiment says what is shown; how it is laid out and drawn is said here, once for all of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis import Band, Interval, geometric_interval, known_medians, mean_interval, median_interval
from gendyn.core import ConfigError, check_choice
from gendyn.plots import style
from gendyn.types import Axes, Figure

INTERVALS = {
    "mean": mean_interval,
    "median": median_interval,
    "geometric mean": geometric_interval,
    "median of known": known_medians,
}
DASHES = (0, (4, 2.5))
OUTSIDE = "outside"


class Curve(NamedTuple):
    """One measured quantity against one axis, with or without its closed form."""

    label: str
    x: np.ndarray = np.empty(0)
    """``[P]``, ascending; empty for a closed form alone."""
    redraws: np.ndarray = np.empty((0, 0))
    """``[S, P]``: of each redraw, or seed."""
    exact_x: np.ndarray = np.empty(0)
    """``[Q]``: where the closed form is known; may be finer than ``x``."""
    exact: np.ndarray = np.empty(0)
    """``[Q]``; NaN or infinity interrupts the line."""
    colour: str = ""
    """Empty: the next one from dark to light."""
    statistic: str = "mean"
    """``"mean"`` (Student's interval), ``"median"`` (exact interval), ``"geometric mean"``, or ``"median of known"``:
    at each x over the rows that have a value there."""
    exact_label: str = ""
    """Of the closed form in the legend; empty: one entry, "closed form", for the whole panel."""
    band: Band | None = None
    """In place of ``redraws``: a centre with an interval that is known already, such as a posterior, each ``[P]``."""
    marker: str = ""
    line: Any = "-"
    """As matplotlib's ``linestyle``; ``"none"``: points with bars, and the closed form as rings around them."""
    seeds: bool = False
    """Whether each row is drawn too, thinly."""
    mark: float = math.nan
    """Where a vertical line in the curve's colour is, such as its threshold; NaN: none."""
    steps: bool = False
    """Whether each value holds until the next ``x``, as in a survival curve."""


class Panel(NamedTuple):
    """Curves that share two axes."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    x_scale: str = "linear"
    y_scale: str = "linear"
    """``"linear"``, ``"log"`` or ``"symlog"``, which is linear below 1."""
    marks: tuple[tuple[float, str], ...] = ()
    """Vertical lines: place and what it is, such as the interpolation threshold."""
    y_limits: tuple[float | None, float | None] | None = None
    """Cuts a peak that would flatten all else; the title or the caption should say so."""
    legend: str = "best"
    """Where, as matplotlib says it, or ``"outside"``: to the right of the panel; empty: none."""
    dots: tuple[np.ndarray, np.ndarray] | None = None
    """Data points, ``x [N]`` and ``y [N]``."""
    levels: tuple[tuple[float, str], ...] = ()
    """Horizontal lines: height and what it is, written at their right end."""
    x_limits: tuple[float | None, float | None] | None = None
    x_ticks: Mapping[float, str] | None = None
    """Place -> label, in place of matplotlib's choice."""
    y_ticks: Mapping[float, str] | None = None
    legend_title: str = ""
    draw: Callable[[Axes], None] | None = None
    """Called last, for what no curve can say."""


class Rows(NamedTuple):
    """Intervals as horizontal bars, one row for each name; a second group is drawn below the first in each row."""

    title: str
    x_label: str
    rows: tuple[str, ...]
    """From above."""
    groups: Mapping[str, Sequence[Interval]]
    """Name in the legend -> an interval for each row; an estimate that is not finite is not drawn."""
    x_scale: str = "linear"
    limits: tuple[float, float] | None = None
    """Where intervals are cut, and how far the axis goes."""
    marks: tuple[tuple[float, str], ...] = ()
    dots: Sequence[np.ndarray] = ()
    """For each row: single values, behind the bars."""
    colours: Sequence[str] = (style.TEST, style.TRAIN)
    looks: Sequence[Mapping[str, Any]] = ()
    """For each row: matplotlib's words for its bars, its colour among them, in place of those of the group."""
    draw: Callable[[Axes], None] | None = None


class Cell(NamedTuple):
    """Of a table: what it says, and what was found of it."""

    text: str
    verdict: str = ""
    """``"supported"`` (green), ``"refuted"`` (red), ``"undecided"`` (grey) or none."""


class Table(NamedTuple):
    """Takes the place of a panel."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """A tuple for each row, an entry for each column."""


def draw_panels(
    shown: Sequence[Panel | Rows | Table],
    *,
    num_columns: int = 3,
    rows: Sequence[int] = (),
    level: float = 0.9,
    note: str = "",
    width: float = 4.6,
    height: float = 3.3,
    heights: Sequence[float] = (),
    over: str = "redraws",
) -> Figure:
    """Draws each panel: solid lines and bands are measured, dashes are closed forms.

    Args:
        shown: at least one, row by row; a :class:`Rows` or :class:`Table` stands in a panel's place.
        num_columns: at most; a row that is not full leaves its last cells empty.
        rows: in place of ``num_columns``: how many panels each row has, across the whole width.
        level: of every band; the interval is of the statistic over rows, not of single rows. Few seeds may not reach
            the level for a median; the caption says what it truly is.
        note: the start of the caption: setting, number of redraws.
        width, height: of a panel, in inches.
        heights: in place of ``height``: of each row.
        over: what a row of ``redraws`` is, for the caption.

    Raises:
        ConfigError: no panels, a panel without curves, or arrays that do not fit each other.

    >>> x = np.arange(1.0, 5.0)
    >>> curve = Curve("risk", x, np.ones([100, 4]) * x, exact_x=x, exact=x)
    >>> made = draw_panels([Panel("", "features", "risk", (curve,))])
    >>> len(made.axes)
    1
    """
    drawn = [panel for panel in shown if isinstance(panel, Panel)]
    if not shown or not all(panel.curves or panel.draw for panel in drawn):
        raise ConfigError("panels: pass at least one panel, each with at least one curve.")
    columns = min(num_columns, len(shown))
    counts = list(rows) or [min(columns, len(shown) - start) for start in range(0, len(shown), columns)]
    if sum(counts) != len(shown):
        raise ConfigError(f"rows = {tuple(counts)} make {sum(counts)} panels, but there are {len(shown)}.")
    made, axes = style.rows(
        counts, widest=max(counts), whole=bool(rows), width=width, heights=list(heights) or [height] * len(counts)
    )
    reached: dict[str, float] = {}
    for ax, panel in zip(axes, shown, strict=True):
        if isinstance(panel, Table):
            _draw_table(ax, panel)
        elif isinstance(panel, Rows):
            _draw_rows(ax, panel)
        else:
            _draw(ax, panel, level, reached)
    made.align_ylabels([ax for ax in axes if ax.get_ylabel()])
    bands = ""
    if reached:
        bands = f"bands: {min(reached.values()):.0%} intervals of the {' or '.join(sorted(reached))} over {over}"
    style.caption(made, "   ·   ".join(filter(None, (note, bands))))
    return made


def _draw(ax: Axes, panel: Panel, level: float, reached: dict[str, float]) -> None:
    colours = iter(style.sequence(sum(not curve.colour for curve in panel.curves)))
    named = False
    for curve in panel.curves:
        _check(curve)
        colour = curve.colour or next(colours)
        if _is_measured(curve):
            band = curve.band or INTERVALS[curve.statistic](curve.redraws, level=level)
            if curve.band is None and len(curve.redraws) > 1:
                what = curve.statistic.removesuffix(" of known")
                reached[what] = min(reached.get(what, 1.0), band.level)
            _measured(ax, curve, band, colour)
        if np.isfinite(curve.mark):
            ax.axvline(curve.mark, color=colour, linestyle=(0, (2, 2)), linewidth=1.3)
        if len(curve.exact_x):
            own = curve.exact_label or (curve.label if not _is_measured(curve) else "")
            _closed_form(ax, curve, own or ("closed form" if not named else None), colour)
            named = named or not own
    if panel.dots is not None:
        ax.plot(*panel.dots, "o", color=style.THEORY, markersize=5, markerfacecolor="white", label="data", zorder=3)
    for at, text in panel.marks:
        ax.axvline(at, color=style.GREY, linewidth=1.0, linestyle=(0, (1, 1.5)), label=text or None)
    ax.set_xscale(panel.x_scale, **({"linthresh": 1.0} if panel.x_scale == "symlog" else {}))
    ax.set_yscale(panel.y_scale, **({"linthresh": 1.0} if panel.y_scale == "symlog" else {}))
    if panel.x_limits is not None:
        ax.set_xlim(*panel.x_limits)
    if panel.y_limits is not None:
        ax.set_ylim(*panel.y_limits)
    for at, text in panel.levels:
        ax.axhline(at, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
        place: dict[str, Any] = {"xytext": (-2, 3), "textcoords": "offset points", "ha": "right"}
        where: Any = ax.get_yaxis_transform()
        ax.annotate(text, (1.0, at), xycoords=where, color=style.GREY, fontsize=style.SIZES["note"], **place)
    for axis, ticks in ((ax.xaxis, panel.x_ticks), (ax.yaxis, panel.y_ticks)):
        if ticks is not None:
            axis.set_ticks(list(ticks), list(ticks.values()))
            axis.set_ticks([], minor=True)
    if panel.draw is not None:
        panel.draw(ax)
    for axis, ticks in ((ax.xaxis, panel.x_ticks), (ax.yaxis, panel.y_ticks)):
        if ticks is None:
            style.plain_ticks(axis)
    _dress(ax, panel.title, panel.x_label, panel.y_label)
    if panel.legend and ax.get_legend_handles_labels()[1]:
        style.legend(ax, panel.legend, title=panel.legend_title)


def _measured(ax: Axes, curve: Curve, band: Band, colour: str) -> None:
    if curve.seeds:
        for row in curve.redraws:
            ax.plot(curve.x, row, color=colour, linewidth=0.7, alpha=0.45)
    if curve.line == "none":
        style.bars(ax, curve.x, band, color=colour, label=curve.label, marker=curve.marker or "o")
    else:
        shape: dict[str, Any] = {"marker": curve.marker, "markersize": 4.5, "linestyle": curve.line}
        shape |= {"drawstyle": "steps-post"} if curve.steps else {}
        style.band(ax, curve.x, *band[:3], color=colour, label=curve.label, **shape)


def _closed_form(ax: Axes, curve: Curve, label: str | None, colour: str) -> None:
    exact = np.where(np.isfinite(curve.exact), curve.exact, np.nan)
    if curve.line == "none" and np.array_equal(curve.exact_x, curve.x):
        style.rings(ax, curve.x, exact, label)
        return
    dark = style.THEORY if _is_measured(curve) else colour
    ax.plot(curve.exact_x, exact, color=dark, linestyle=DASHES, linewidth=1.5, label=label)


def _draw_rows(ax: Axes, panel: Rows) -> None:
    if any(len(found) != len(panel.rows) for found in panel.groups.values()):
        raise ConfigError(f"rows {panel.title!r}: every group needs an interval for each of {len(panel.rows)} rows.")
    low, high = panel.limits or (-math.inf, math.inf)
    for row, values in enumerate(panel.dots):
        ax.plot(values, np.full(len(values), row), "o", color=panel.colours[0], markersize=5, alpha=0.5)
    for place, (name, found) in enumerate(panel.groups.items()):
        colour, marker = panel.colours[place % len(panel.colours)], "os^v"[place % 4]
        shift = 0.36 * (place - (len(panel.groups) - 1) / 2) / max(len(panel.groups) - 1, 1)
        for row, each in enumerate(found):
            if np.isfinite(each.estimate):
                left, centre, right = np.clip([each.low, each.estimate, each.high], low, high)
                ends = [end if np.isfinite(end) else centre for end in (left, right)]
                look = {"color": colour, "linewidth": 2.2, **(panel.looks[row] if panel.looks else {})}
                ax.plot(ends, [row + shift] * 2, **look)
                ax.plot(centre, row + shift, marker, color=look["color"], markersize=7)
        ax.plot([], [], marker, color=colour, markersize=7, label=name)
    for at, text in panel.marks:
        ax.axvline(at, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)), label=text or None)
    ax.set_xscale(panel.x_scale)
    if panel.limits is not None:
        ax.set_xlim(*panel.limits)
    ax.set_yticks(range(len(panel.rows)), panel.rows, fontsize=style.SIZES["note"])
    ax.set_ylim(len(panel.rows) - 0.4, -0.6)
    if panel.draw is not None:
        panel.draw(ax)
    _dress(ax, panel.title, panel.x_label, "")
    if any(panel.groups) and len(ax.get_legend_handles_labels()[1]) > 1:
        style.legend(ax, OUTSIDE)


def _dress(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    # An axis on top is a child; the title keeps clear of its label.
    ax.set_title(title, fontsize=style.SIZES["title"], pad=10.0 if ax.child_axes else None)
    ax.set_xlabel(x_label, fontsize=style.SIZES["label"])
    ax.set_ylabel(y_label, fontsize=style.SIZES["label"])


_FILLS = {"supported": "#CDE8DF", "refuted": "#F6D5C3", "undecided": "#E6E6E6", "": "white"}


def _draw_table(ax: Axes, table: Table) -> None:
    from matplotlib.transforms import Bbox

    if len(table.cells) != len(table.rows) or any(len(row) != len(table.columns) for row in table.cells):
        raise ConfigError(
            f"table {table.title!r}: {len(table.rows)} rows and {len(table.columns)} columns need a cell each."
        )
    ax.set_axis_off()
    ax.set_title(table.title, fontsize=style.SIZES["title"])
    for row in table.cells:
        for cell in row:
            check_choice(f"table {table.title!r}: verdict", cell.verdict, _FILLS)
    made = ax.table(
        cellText=[[cell.text for cell in row] for row in table.cells],
        cellColours=[[_FILLS[cell.verdict] for cell in row] for row in table.cells],
        rowLabels=list(table.rows),
        colLabels=list(table.columns),
        cellLoc="center",
        bbox=Bbox.from_bounds(0.36, 0.0, 0.64, 1.0),
    )
    made.auto_set_font_size(False)
    made.set_fontsize(style.SIZES["note"])
    for box in made.get_celld().values():
        box.set_edgecolor("white")


def _is_measured(curve: Curve) -> bool:
    return curve.band is not None or bool(len(curve.redraws))


def _check(curve: Curve) -> None:
    check_choice(f"curve {curve.label!r}: statistic", curve.statistic, INTERVALS)
    redraws = np.shape(curve.redraws)
    if curve.band is not None:
        if redraws[0] or any(np.shape(each) != np.shape(curve.x) for each in curve.band[:3]):
            raise ConfigError(
                f"curve {curve.label!r}: a band needs a value for each of the {len(curve.x)} x, and no redraws."
            )
        redraws = (1, *np.shape(curve.x))
    if len(redraws) != 2 or redraws[1:] != np.shape(curve.x) or np.shape(curve.exact) != np.shape(curve.exact_x):
        raise ConfigError(
            f"curve {curve.label!r}: x {np.shape(curve.x)} needs redraws [S, {len(curve.x)}], not {redraws}; "
            f"exact_x {np.shape(curve.exact_x)} needs an exact value each, not {np.shape(curve.exact)}."
        )
    if not redraws[0] and not len(curve.exact_x):
        raise ConfigError(f"curve {curve.label!r} has neither redraws nor a closed form; leave it out.")
