"""Effective dimension against the number of parameters, by one or several methods, above the test loss."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = ((style.MEASURED, "o"), (style.TRAIN, "s"), (style.GREY, "^"), (style.THEORY, "D"))


def effective_dimension(
    parameters: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    test_loss: np.ndarray,
    *,
    ceilings: Mapping[str, float] | None = None,
    num_constraints: float | None = None,
    level: float = 0.9,
    note: str = "",
) -> "Figure":
    """Draws ``N_eff`` of trained networks (above) and their test loss (below) as medians over seeds with intervals.

    A method's ceiling is what it cannot exceed whatever the network, such as 100 for a sum over 100 Ritz values: dotted
    in the method's colour. A curve that runs along its ceiling has measured the ceiling.

    Args:
        parameters: ``[W]``, ascending and positive.
        estimates: name of the method -> ``[S, W]``; at most 4. Seeds that are not there are NaN.
        test_loss: ``[S, W]``.
        ceilings: name of the method -> its upper limit; methods without one are left out.
        num_constraints: ``n K``, a dashed vertical line; ``None``: none.
        level: of the bands; over few seeds the caption gives the level they can have.
        note: added to the caption: alpha, scaling and which parameters, without which the numbers mean nothing.

    Raises:
        ConfigError: no or too many methods, shapes that do not fit, or a ceiling of an unknown method.
    """
    x = np.asarray(parameters, float)
    tables = {name: np.asarray(table, float) for name, table in estimates.items()}
    if not 1 <= len(tables) <= len(_MARKS):
        raise ConfigError(f"estimates holds {len(tables)} methods; draw 1 to {len(_MARKS)} at a time.")
    for name, table in {**tables, "test_loss": np.asarray(test_loss, float)}.items():
        if table.ndim != 2 or table.shape[1:] != x.shape or np.any(np.diff(x) <= 0) or np.any(x <= 0):
            raise ConfigError(
                f"{name} has shape {table.shape} and parameters {x.shape}; parameters must be positive and ascending, "
                "and each table [seeds, parameters]."
            )
    if unknown := set(ceilings or {}) - set(tables):
        raise ConfigError(f"ceilings names {sorted(unknown)}, which estimates does not hold ({sorted(tables)}).")
    made, axes = style.figure(2, 1, width=8.0)
    upper, lower = axes[:, 0]
    levels = []
    for (name, table), (colour, marker) in zip(tables.items(), _MARKS, strict=False):
        levels.append(_line(upper, x, table, level, color=colour, marker=marker, label=name))
        if ceilings and name in ceilings:
            upper.axhline(ceilings[name], color=colour, linestyle=(0, (1, 1.5)), linewidth=1.8)
            text = f"ceiling of {name}: {style.number(ceilings[name])}"
            place = {"xytext": (0, 3), "textcoords": "offset points", "ha": "right", "va": "bottom"}
            upper.annotate(text, (x[-1], ceilings[name]), color=colour, fontsize=style.SIZES["note"], **place)
    levels.append(_line(lower, x, np.asarray(test_loss, float), level, color=style.TEST, marker="o", label="test"))
    for ax in (upper, lower):
        if num_constraints is not None:
            ax.axvline(num_constraints, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6)
    if num_constraints is not None:
        text, place = f"n·K = {style.number(num_constraints)}", {"xytext": (4, -2), "textcoords": "offset points"}
        lower.annotate(
            text,
            (num_constraints, 1.0),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=style.SIZES["note"],
            **place,
        )
    upper.set_xscale("log")
    upper.set_yscale("log")
    lower.set_ylim(0.0, 1.12 * lower.get_ylim()[1])
    upper.set_ylabel("effective dimension", fontsize=style.SIZES["label"])
    lower.set_ylabel("test loss", fontsize=style.SIZES["label"])
    lower.set_xlabel("number of parameters", fontsize=style.SIZES["label"])
    upper.legend(fontsize=style.SIZES["tick"], frameon=False, loc="best")
    seeds = max(len(table) for table in tables.values())
    bands = f"median of {seeds} seeds, band: {min(levels):.0%} interval" if seeds > 1 else "one seed, no interval"
    style.caption(made, "\n".join(filter(None, (note, bands))))
    return made


def _line(ax: "Axes", x: np.ndarray, table: np.ndarray, level: float, **line: Any) -> float:
    """Medians and intervals over the seeds that are there; returns the lowest level of the intervals."""
    found = [
        median_interval(column[~np.isnan(column)], level=level) for column in table.T if not np.isnan(column).all()
    ]
    known = ~np.isnan(table).all(axis=0)
    parts = (np.array([getattr(band, part) for band in found]) for part in ("centre", "low", "high"))
    style.band(ax, x[known], *parts, markersize=4.5, **line)
    return min((band.level for band in found), default=level)
