"""Grokking and epoch-wise double descent side by side: accuracies, and what follows from the order of two speeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 2
DELAY_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
COLOURS = (style.TEST, style.TRAIN, style.MEASURED, style.THEORY)


class LearningRegime(NamedTuple):
    """All runs of one arm at one rate of label noise, at ``W`` widths."""

    arm: str
    noise: float
    steps: np.ndarray
    """``[T]``."""
    train: np.ndarray
    test: np.ndarray
    """``[W, S, T]``: accuracies, of the labels as told and of clean ones; NaN where a run is not that far."""
    ratio: np.ndarray
    """``[W, S]``: steps to fit / steps to generalise; 0 or ``inf`` where only one was seen, NaN where neither was."""
    rise: np.ndarray
    """``[W, S]``: of the test error after its first valley."""


def learning_speeds(
    regimes: Sequence[LearningRegime],
    widths: np.ndarray,
    *,
    delay: float = 2.0,
    fitted: float = 0.95,
    learnt: float = 0.7,
    level: float = 0.9,
) -> "Figure":
    """Draws a panel of accuracies for each regime at the largest width, rise against ratio, and delay against width.

    In the last row, left: every regime and width is a point, the median over seeds with its interval both ways; larger
    points are wider networks; the vertical line is where fitting and generalising take equally long. Points whose
    median ratio is 0, infinite or unknown have no place and are counted in the caption. Right: ``1 / ratio`` of the
    regimes without noise; the dashed line is ``delay``, from which on it is called grokking.

    Args:
        regimes: at least one.
        widths: ``[W]``, ascending.
        delay: factor.
        fitted, learnt: the accuracies that the times are of.
        level: of intervals and bands.

    Raises:
        ConfigError: no regime, or tables that do not fit the widths and steps.
    """
    if not regimes:
        raise ConfigError("regimes is empty; pass one LearningRegime for each arm and noise rate.")
    for regime in regimes:
        shape = (len(widths), regime.ratio.shape[-1])
        tables = (regime.train, regime.test)
        if regime.ratio.shape != shape or regime.rise.shape != shape or 0 in shape:
            raise ConfigError(
                f"{regime.arm}: ratio has shape {regime.ratio.shape} and rise {regime.rise.shape}; for {len(widths)} "
                "widths both must be [widths, seeds], with a seed."
            )
        if any(table.shape != (*shape, len(regime.steps)) for table in tables):
            raise ConfigError(f"{regime.arm}: train and test must be [widths, seeds, steps] = {shape} x steps.")
    rows = -(-len(regimes) // COLUMNS)
    made, axes = style.figure(rows + 1, COLUMNS, width=5.2, height=3.1, share_x=False)
    panels = list(axes[:rows].flat)
    for ax, regime in zip(panels, regimes, strict=False):
        _accuracies(ax, regime, level)
    for ax in panels[len(regimes) :]:
        ax.remove()
    for row in axes[:rows]:
        row[0].set_ylabel("accuracy", fontsize=style.SIZES["label"])
    panels[0].legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left")
    rise, by_width = axes[rows]
    # The rows of style.figure share y; these two show different things.
    place = by_width.get_subplotspec()
    by_width.remove()
    by_width = made.add_subplot(place)
    style.dress(by_width)
    unplaced = _rises(rise, regimes, widths, level)
    _delays(by_width, [regime for regime in regimes if regime.noise == 0], widths, delay, level)
    seeds = regimes[0].ratio.shape[-1]
    reached = median_interval(regimes[0].rise.T, level=level)
    text = (
        f"above: width {widths[-1]:g}, medians of {seeds} seeds, thin: each seed's test accuracy; ratio: steps to "
        f"{fitted:.0%} training /\nto {learnt:.0%} test accuracy; larger points are wider networks"
    )
    text += f"; {reached.level:.0%} intervals"
    if unplaced:
        text += f"; points without a finite ratio: {unplaced}"
    style.caption(made, text)
    return made


def _accuracies(ax: "Axes", regime: LearningRegime, level: float) -> None:
    for row in regime.test[-1]:
        ax.plot(regime.steps, row, color=style.TEST, linewidth=0.7, alpha=0.45)
    for name, table, colour in (("train", regime.train, style.TRAIN), ("test", regime.test, style.TEST)):
        whole = np.isfinite(table[-1]).all(axis=0)
        band = median_interval(table[-1][:, whole], level=level)
        style.band(ax, regime.steps[whole], band.centre, band.low, band.high, color=colour, label=name)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlim(1, float(np.max(regime.steps)))
    ax.set_ylim(-0.02, 1.04)
    ax.set_title(_name(regime), fontsize=style.SIZES["title"])
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])


def _rises(ax: "Axes", regimes: Sequence[LearningRegime], widths: np.ndarray, level: float) -> int:
    """Rise against ratio; returns how many points have no place."""
    unplaced = 0
    for regime, colour in zip(regimes, _colours(regimes), strict=True):
        x, y = (median_interval(np.asarray(values).T, level=level) for values in (regime.ratio, regime.rise))
        named = False
        for i in range(len(widths)):
            if not (0 < x.centre[i] < np.inf and np.isfinite(y.centre[i])):
                unplaced += 1
                continue
            ends = np.clip([[x.low[i]], [x.high[i]]], x.centre[i] / 1e3, x.centre[i] * 1e3)
            ax.errorbar(
                x.centre[i],
                y.centre[i],
                xerr=np.abs(ends - x.centre[i]),
                yerr=np.abs(np.array([[y.low[i]], [y.high[i]]]) - y.centre[i]),
                fmt="s" if regime.noise else "o",
                color=colour,
                markersize=6 + 4 * i,
                alpha=0.8,
                linewidth=1.2,
                label=None if named else _name(regime),
            )
            named = True
    ax.axvline(1.0, color=style.GREY, linewidth=1.0)
    ax.set_xscale("log")
    ax.set_xlabel("steps to fit / steps to generalise", fontsize=style.SIZES["label"])
    ax.set_ylabel("rise of test error", fontsize=style.SIZES["label"])
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="upper left", markerscale=0.7)
    return unplaced


def _delays(ax: "Axes", regimes: Sequence[LearningRegime], widths: np.ndarray, delay: float, level: float) -> None:
    for regime, colour in zip(regimes, _colours(regimes), strict=True):
        with np.errstate(divide="ignore"):
            band = median_interval((1.0 / regime.ratio).T, level=level)
        # A delay that is not known to end is drawn up to the largest that is.
        largest = float(np.nanmax(np.where(np.isfinite(band.centre), band.centre, np.nan), initial=delay))
        high = np.where(np.isfinite(band.high), band.high, 10 * largest)
        style.band(ax, np.asarray(widths), band.centre, band.low, high, color=colour, marker="o", label=regime.arm)
    ax.axhline(delay, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    bottom, top = ax.get_ylim()
    ticks = [value for value in DELAY_TICKS if bottom <= value <= top]
    ax.set_yticks(ticks, [style.number(value) for value in ticks])
    ax.set_xticks(widths, [style.number(width) for width in np.asarray(widths).tolist()])
    ax.minorticks_off()
    ax.set_xlabel("width", fontsize=style.SIZES["label"])
    ax.set_ylabel("delay factor, no noise", fontsize=style.SIZES["label"])
    ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="upper left")


def _name(regime: LearningRegime) -> str:
    return f"{regime.arm}, {regime.noise:.0%} noise" if regime.noise else f"{regime.arm}, no noise"


def _colours(regimes: Sequence[LearningRegime]) -> list[str]:
    """One for each arm, in the order they come in."""
    names = list(dict.fromkeys(regime.arm for regime in regimes))
    return [COLOURS[names.index(regime.arm) % len(COLOURS)] for regime in regimes]
