"""Panels of measured curves, each with the interval over its redraws, on top of the closed form they should follow."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis import Band, mean_interval, median_interval
from gendyn.core import ConfigError, check_choice
from gendyn.plots import style
from gendyn.types import Axes, Figure

_INTERVALS = {"mean": mean_interval, "median": median_interval}


class Curve(NamedTuple):
    """One measured quantity against one axis, with or without its closed form."""

    label: str
    x: np.ndarray = np.empty(0)
    """``[P]``, ascending; empty for a closed form alone."""
    redraws: np.ndarray = np.empty((0, 0))
    """``[S, P]``: of each redraw."""
    exact_x: np.ndarray = np.empty(0)
    """``[Q]``: where the closed form is known; may be finer than ``x``."""
    exact: np.ndarray = np.empty(0)
    """``[Q]``; NaN or infinity interrupts the line."""
    colour: str = ""
    """Empty: the next one from dark to light."""
    statistic: str = "mean"
    """``"mean"`` (Student's interval) or ``"median"`` (exact interval), for heavy tails."""
    exact_label: str = ""
    """Of the closed form in the legend; empty: one entry, "closed form", for the whole panel."""
    band: Band | None = None
    """In place of ``redraws``: a centre with an interval that is known already, such as a posterior, each ``[P]``."""


class Panel(NamedTuple):
    """Curves that share two axes."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    x_scale: str = "linear"
    y_scale: str = "linear"
    """``"linear"``, ``"log"`` or ``"symlog"``."""
    marks: tuple[tuple[float, str], ...] = ()
    """Vertical lines: place and what it is, such as the interpolation threshold."""
    y_limits: tuple[float, float] | None = None
    """Cuts a peak that would flatten all else; the title or the caption should say so."""
    legend: str = "best"
    """Where; empty: none."""
    dots: tuple[np.ndarray, np.ndarray] | None = None
    """Data points, ``x [N]`` and ``y [N]``."""


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


def theory_panels(
    panels: Sequence[Panel | Table], *, num_columns: int = 3, level: float = 0.9, note: str = "", height: float = 3.3
) -> Figure:
    """Draws each panel: solid lines and bands are measured, dashes are closed forms.

    Args:
        panels: at least one, row by row; a :class:`Table` stands in a panel's place.
        num_columns: at most; a row that is not full leaves its last cells empty.
        level: of every band; the interval is of the mean or the median over redraws, not of single redraws.
        note: the start of the caption: setting, number of redraws.
        height: of a panel, in inches.

    Raises:
        ConfigError: no panels, a panel without curves, or arrays that do not fit each other.

    >>> x = np.arange(1.0, 5.0)
    >>> curve = Curve("risk", x, np.ones([100, 4]) * x, exact_x=x, exact=x)
    >>> made = theory_panels([Panel("", "features", "risk", (curve,))])
    >>> len(made.axes)
    1
    """
    drawn = [panel for panel in panels if isinstance(panel, Panel)]
    if not panels or not all(panel.curves for panel in drawn):
        raise ConfigError("panels: pass at least one panel, each with at least one curve.")
    columns = min(num_columns, len(panels))
    rows = -(-len(panels) // columns)
    made, axes = style.figure(rows, columns, height=height, share_x=False, share_y=False)
    for ax, panel in zip(axes.flat, panels, strict=False):
        if isinstance(panel, Table):
            _draw_table(ax, panel)
        else:
            _draw(ax, panel, level)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    kinds = sorted({curve.statistic for panel in drawn for curve in panel.curves if len(curve.redraws) > 1})
    bands = f"bands: {level:.0%} intervals of the {' or '.join(kinds)} over redraws" if kinds else ""
    style.caption(made, "   ·   ".join(filter(None, (note, bands))))
    return made


def _draw(ax: Axes, panel: Panel, level: float) -> None:
    colours = iter(style.sequence(sum(not curve.colour for curve in panel.curves)))
    shared = False
    for curve in panel.curves:
        _check(curve)
        colour = curve.colour or next(colours)
        if _is_measured(curve):
            band = curve.band or _INTERVALS[curve.statistic](curve.redraws, level=level)
            style.band(ax, curve.x, band.centre, band.low, band.high, color=colour, label=curve.label)
        if len(curve.exact_x):
            own = curve.exact_label or (curve.label if not _is_measured(curve) else "")
            label = own or ("closed form" if not shared else None)
            shared = shared or not own
            dark = style.THEORY if _is_measured(curve) else colour
            exact = np.where(np.isfinite(curve.exact), curve.exact, np.nan)
            ax.plot(curve.exact_x, exact, color=dark, linestyle=(0, (4, 2.5)), linewidth=1.5, label=label)
    if panel.dots is not None:
        ax.plot(*panel.dots, "o", color=style.THEORY, markersize=5, markerfacecolor="white", label="data", zorder=3)
    for at, text in panel.marks:
        ax.axvline(at, color=style.GREY, linewidth=1.0, linestyle=(0, (1, 1.5)), label=text or None)
    ax.set_xscale(panel.x_scale)
    ax.set_yscale(panel.y_scale)
    if panel.y_limits is not None:
        ax.set_ylim(*panel.y_limits)
    ax.set_title(panel.title, fontsize=style.SIZES["title"])
    ax.set_xlabel(panel.x_label, fontsize=style.SIZES["label"])
    ax.set_ylabel(panel.y_label, fontsize=style.SIZES["label"])
    if panel.legend:
        place: Any = panel.legend
        ax.legend(fontsize=style.SIZES["note"], frameon=False, loc=place)


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
    check_choice(f"curve {curve.label!r}: statistic", curve.statistic, _INTERVALS)
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
