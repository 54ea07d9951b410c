"""Panels of measured curves, each with the interval over its redraws, on top of the closed form they should follow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn.analysis import mean_interval, median_interval
from gendyn.core import ConfigError, check_choice
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def theory_panels(
    panels: Sequence[Panel], *, num_columns: int = 3, level: float = 0.9, note: str = "", height: float = 3.3
) -> "Figure":
    """Draws each panel: solid lines and bands are measured, dashes are closed forms.

    Args:
        panels: at least one, row by row.
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
    if not panels or not all(panel.curves for panel in panels):
        raise ConfigError("panels: pass at least one panel, each with at least one curve.")
    columns = min(num_columns, len(panels))
    rows = -(-len(panels) // columns)
    made, axes = style.figure(rows, columns, height=height, share_x=False, share_y=False)
    for ax, panel in zip(axes.flat, panels, strict=False):
        _draw(ax, panel, level)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    kinds = sorted({curve.statistic for panel in panels for curve in panel.curves if len(curve.redraws) > 1})
    bands = f"bands: {level:.0%} intervals of the {' or '.join(kinds)} over redraws" if kinds else ""
    style.caption(made, "   ·   ".join(filter(None, (note, bands))))
    return made


def _draw(ax: "Axes", panel: Panel, level: float) -> None:
    colours = iter(style.sequence(sum(not curve.colour for curve in panel.curves)))
    shared = False
    for curve in panel.curves:
        _check(curve)
        colour = curve.colour or next(colours)
        if len(curve.redraws):
            band = _INTERVALS[curve.statistic](curve.redraws, level=level)
            style.band(ax, curve.x, band.centre, band.low, band.high, color=colour, label=curve.label)
        if len(curve.exact_x):
            own = curve.exact_label or (curve.label if not len(curve.redraws) else "")
            label = own or ("closed form" if not shared else None)
            shared = shared or not own
            dark = style.THEORY if len(curve.redraws) else colour
            exact = np.where(np.isfinite(curve.exact), curve.exact, np.nan)
            ax.plot(curve.exact_x, exact, color=dark, linestyle=(0, (4, 2.5)), linewidth=1.5, label=label)
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


def _check(curve: Curve) -> None:
    check_choice(f"curve {curve.label!r}: statistic", curve.statistic, _INTERVALS)
    redraws = np.shape(curve.redraws)
    if len(redraws) != 2 or redraws[1:] != np.shape(curve.x) or np.shape(curve.exact) != np.shape(curve.exact_x):
        raise ConfigError(
            f"curve {curve.label!r}: x {np.shape(curve.x)} needs redraws [S, {len(curve.x)}], not {redraws}; "
            f"exact_x {np.shape(curve.exact_x)} needs an exact value each, not {np.shape(curve.exact)}."
        )
    if not redraws[0] and not len(curve.exact_x):
        raise ConfigError(f"curve {curve.label!r} has neither redraws nor a closed form; leave it out.")
