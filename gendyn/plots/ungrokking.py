"""Test accuracy of networks that go on with fewer data, against how many are left; and the critical fractions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import Interval, median_interval
from gendyn.core import ConfigError, check_range
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Shrunk(NamedTuple):
    """Runs of one weight decay."""

    weight_decay: float
    continued: np.ndarray
    """``[S, F]``: final test accuracy of networks that had generalised on more data; NaN where there is no run."""
    control: np.ndarray
    """``[S, F]``: of networks trained on the small set from the start."""
    critical: Interval
    """Fraction at which ``continued`` crosses ``half``."""
    critical_control: Interval


def ungrokking(
    fractions: np.ndarray,
    rows: Sequence[Shrunk],
    *,
    half: float = 0.5,
    equivalence: float = 1.25,
    level: float = 0.9,
    note: str = "",
) -> "Figure":
    """Draws accuracy against fraction, a colour for each weight decay, and critical fractions against weight decay.

    Solid lines and discs: networks that had generalised; dashed lines and squares: the control. Lines are medians over
    seeds, bands and bars their intervals; an open end of an interval runs to the edge of the panel.

    Args:
        fractions: ``[F]``, ascending, of all examples.
        rows: at least one.
        half: the accuracy whose crossing is called critical, a thin line.
        equivalence: factor around the first row's critical fraction that counts as equal, shaded; at least 1.
        level: of the bands.
        note: added to the caption.

    Raises:
        ConfigError: no rows, arrays that do not fit the fractions, or an equivalence below 1.

    Reference: Varma et al. (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390, figure 5.
    """
    check_range("equivalence", equivalence, low=1)
    if not rows:
        raise ConfigError("rows is empty; pass one Shrunk for each weight decay.")
    for row in rows:
        for name, values in (("continued", row.continued), ("control", row.control)):
            if np.ndim(values) != 2 or np.shape(values)[1] != len(fractions):
                raise ConfigError(
                    f"weight decay {row.weight_decay:g}: {name} has shape {np.shape(values)}; for {len(fractions)} "
                    "fractions it must be [seeds, fractions]."
                )
    made, axes = style.figure(2, 1, width=9.0, share_x=False)
    curves, critical = axes[0, 0], axes[1, 0]
    reached = 1.0
    for row, colour in zip(rows, style.sequence(len(rows)), strict=True):
        for values, dashes in ((row.continued, "-"), (row.control, (0, (4, 2)))):
            whole = np.isfinite(values).all(axis=0)
            band = median_interval(np.asarray(values)[:, whole], level=level)
            reached = min(reached, band.level)
            label = f"{row.weight_decay:g}" if dashes == "-" else None
            at = np.asarray(fractions)[whole]
            style.band(curves, at, band.centre, band.low, band.high, color=colour, linestyle=dashes, label=label)
    curves.axhline(half, color=style.GREY, linewidth=0.8)
    curves.set_ylim(-0.02, 1.04)
    curves.set_xscale("log")
    _plain_ticks(curves, np.asarray(fractions, float))
    curves.set_xlabel("fraction of all examples left to train on, D'/N", fontsize=style.SIZES["label"])
    curves.set_ylabel("final test accuracy", fontsize=style.SIZES["label"])
    curves.legend(
        title="weight decay",
        fontsize=style.SIZES["tick"],
        title_fontsize=style.SIZES["tick"],
        frameon=False,
        loc="lower right",
    )
    _critical(critical, fractions, rows, equivalence)
    seeds = f"medians of {len(rows[0].continued)} seeds, bands: {reached:.0%} interval, bars: {level:.0%} bootstrap"
    kinds = (
        "solid, discs: had generalised on more data; dashed, squares: trained on D' from the start\n"
        f"shaded: within a factor {equivalence:g} of the first critical fraction"
    )
    style.caption(made, "\n".join(filter(None, (note, kinds, seeds))))
    return made


def _critical(ax: "Axes", fractions: np.ndarray, rows: Sequence[Shrunk], equivalence: float) -> None:
    low, high = float(np.min(fractions)), float(np.max(fractions))
    first = rows[0].critical.estimate
    if np.isfinite(first):
        ax.axhspan(first / equivalence, first * equivalence, color=style.GREY, alpha=0.12, linewidth=0)
    for place, (row, colour) in enumerate(zip(rows, style.sequence(len(rows)), strict=True)):
        for shift, found, marker in ((-0.08, row.critical, "o"), (0.08, row.critical_control, "s")):
            ends = np.clip([found.low, found.high], low, high)
            ax.plot([place + shift] * 2, ends, color=colour, linewidth=2.2)
            if np.isfinite(found.estimate):
                hollow = "white" if marker == "s" else colour
                ax.plot(place + shift, found.estimate, marker, color=colour, markerfacecolor=hollow, markersize=9)
    ax.set_xticks(range(len(rows)), [style.number(row.weight_decay) for row in rows])
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.set_ylim(0.0, high)
    ax.set_xlabel("weight decay", fontsize=style.SIZES["label"])
    ax.set_ylabel("critical fraction", fontsize=style.SIZES["label"])


def _plain_ticks(ax: "Axes", fractions: np.ndarray) -> None:
    ax.set_xticks(fractions, [f"{fraction:g}" for fraction in fractions])
    ax.set_xticks([], minor=True)
