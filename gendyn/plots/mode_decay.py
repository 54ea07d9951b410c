"""Residual of each mode against step, measured with intervals and predicted; and decay rates against the mode."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import Band, median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_LINES = 6


class Column(NamedTuple):
    """One kernel: what was measured over seeds and what is predicted for ``K`` modes."""

    title: str
    modes: np.ndarray
    """``[K]``: numbers of the modes, such as frequencies, ascending."""
    steps: np.ndarray
    """``[T]``: recorded training steps."""
    residuals: np.ndarray
    """``[S, T, K]``: size of the residual relative to the start, of each seed."""
    factors: np.ndarray
    """``[K]``: predicted factor a step, ``1 - learning_rate * eigenvalue``; the prediction is its power."""
    rates: Band
    """Measured rates with interval, arrays ``[K]``."""
    predicted_rates: np.ndarray
    """``[K]``; 0 for a mode that is never learned."""


def mode_decay(
    columns: Sequence[Column], *, mode_name: str = "frequency", level: float = 0.9, note: str = ""
) -> "Figure":
    """Draws one column for each kernel: decay above, rates below.

    Above: medians over seeds with exact intervals for at most 6 modes, and the predicted ``factor^step`` dashed. Below:
    measured rates with their intervals on open rings at the predicted ones; a rate at or near 0 is drawn on a linear
    strip below the logarithmic scale.

    Args:
        columns: at least one; all with the same modes.
        mode_name: of the horizontal axis below and of the legend.
        level: of the bands above.
        note: added to the caption.

    Raises:
        ConfigError: no column, or arrays that do not fit each other.
    """
    if not columns:
        raise ConfigError("columns is empty; pass one Column for each kernel.")
    for column in columns:
        _check(column)
    made, axes = style.figure(2, len(columns), share_x=False)
    bands_level = 1.0
    rates = np.concatenate([column.predicted_rates for column in columns])
    threshold = float(np.min(rates[rates > 0], initial=np.max(rates, initial=1e-30))) / 3.0
    for (upper, lower), column in zip(axes.T, columns, strict=True):
        _decay(upper, column, level)
        bands_level = min(bands_level, median_interval(column.residuals, level=level).level)
        _rates(lower, column, threshold, float(np.max(rates)), mode_name)
        upper.set_title(column.title, fontsize=style.SIZES["title"], pad=10)
    axes[0, 0].set_ylabel("residual / start", fontsize=style.SIZES["label"])
    axes[1, 0].set_ylabel("decay rate", fontsize=style.SIZES["label"])
    size = style.SIZES["tick"]
    for row, name in ((0, mode_name), (1, None)):
        axes[row, -1].legend(
            title=name, loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=size, title_fontsize=size
        )
    seeds = len(columns[0].residuals)
    bands = f"above: median of {seeds} seeds and {bands_level:.0%} interval" if seeds > 1 else "one seed, no interval"
    bars = f"below: mean and {columns[0].rates.level:.0%} interval" if seeds > 1 else ""
    style.caption(made, "\n".join(filter(None, (note, "   ·   ".join(filter(None, (bands, bars)))))))
    return made


def _decay(ax: "Axes", column: Column, level: float) -> None:
    shown = np.unique(np.linspace(0, len(column.modes) - 1, min(MAX_LINES, len(column.modes))).round().astype(int))
    band = median_interval(column.residuals, level=level)
    fine = np.unique(np.concatenate([column.steps, np.linspace(0, column.steps.max(), 400)]))
    for mode, shade in zip(shown, style.sequence(len(shown)), strict=True):
        curves = (part[:, mode] for part in (band.centre, band.low, band.high))
        style.band(ax, column.steps, *curves, color=shade, label=style.number(float(column.modes[mode])))
        predicted = np.abs(column.factors[mode]) ** fine
        label = "closed form" if mode == shown[-1] else None
        ax.plot(fine, predicted, color=style.THEORY, linestyle=(0, (3, 2)), linewidth=1.3, label=label)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlim(0, column.steps.max())
    ax.set_ylim(-0.03, 1.12)
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])


def _rates(ax: "Axes", column: Column, threshold: float, highest: float, mode_name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    style.rings(ax, column.modes, column.predicted_rates, "closed form")
    style.bars(ax, column.modes, column.rates)
    ax.set_yscale("symlog", linthresh=threshold, linscale=0.6)
    ax.axhline(0.0, color=style.GREY, linewidth=0.8)
    ax.set_ylim(-threshold / 2, 2.0 * max(highest, threshold))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(column.modes.min() - 0.7, column.modes.max() + 0.7)
    ax.set_xlabel(mode_name, fontsize=style.SIZES["label"])


def _check(column: Column) -> None:
    modes, steps = len(column.modes), len(column.steps)
    shapes = {
        "residuals": (column.residuals.shape[1:], (steps, modes)),
        "factors": (np.shape(column.factors), (modes,)),
        "rates": (np.shape(column.rates.centre), (modes,)),
        "predicted_rates": (np.shape(column.predicted_rates), (modes,)),
    }
    for name, (found, wanted) in shapes.items():
        if found != wanted or len(column.residuals) == 0:
            raise ConfigError(
                f"{column.title}: {name} has shape {np.shape(getattr(column, name)) or found}; with {modes} modes and "
                f"{steps} steps it must end in {wanted}, and hold a seed. Pass residuals as [seeds, steps, modes]."
            )
