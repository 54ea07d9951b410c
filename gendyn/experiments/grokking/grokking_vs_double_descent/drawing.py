"""Grokking and epoch-wise double descent side by side: accuracies, and what follows from the order of two speeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_vs_double_descent.claims import DELAY
from gendyn.experiments.grokking.grokking_vs_double_descent.tables import FITTED, LEARNT, speeds
from gendyn.plots import style
from gendyn.plots.grokking_curves import Curves, accuracy_panel
from gendyn.types import Axes, Dataset, Figure

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

    @property
    def name(self) -> str:
        """Of the arm and its noise."""
        return f"{self.arm}, {self.noise:.0%} noise" if self.noise else f"{self.arm}, no noise"


def figure(ds: Dataset) -> Figure:
    """Errors against step in the four regimes at the largest width; rise and delay factor against the ratio, width."""
    found = speeds(ds)
    tables = 1.0 - found.train_error, 1.0 - found.test_error, found.ratio, found.rise
    regimes = [
        LearningRegime(arm, float(noise), found.steps, *(table[i, j] for table in tables))
        for i, arm in enumerate(found.arms)
        for j, noise in enumerate(found.noises)
    ]
    return learning_speeds(regimes, found.widths)


def learning_speeds(regimes: Sequence[LearningRegime], widths: np.ndarray) -> Figure:
    """Draws a panel of accuracies for each regime at the largest width, rise against ratio, and delay against width.

    In the last row, left: every regime and width is a point, the median over seeds with its interval both ways; larger
    points are wider networks; the vertical line is where fitting and generalising take equally long. Points whose
    median ratio is 0, infinite or unknown have no place and are counted in the caption. Right: ``1 / ratio`` of the
    regimes without noise; the dashed line is where a delay counts as grokking.

    Args:
        regimes: at least one.
        widths: ``[W]``, ascending.

    Raises:
        ConfigError: no regime, or tables that do not fit the widths and steps.
    """
    if not regimes:
        raise ConfigError("regimes is empty; pass one LearningRegime for each arm and noise rate.")
    for regime in regimes:
        shape = (len(widths), regime.ratio.shape[-1])
        if regime.ratio.shape != shape or regime.rise.shape != shape or 0 in shape:
            raise ConfigError(
                f"{regime.arm}: ratio has shape {regime.ratio.shape} and rise {regime.rise.shape}; for {len(widths)} "
                "widths both must be [widths, seeds], with a seed."
            )
        if any(table.shape != (*shape, len(regime.steps)) for table in (regime.train, regime.test)):
            raise ConfigError(f"{regime.arm}: train and test must be [widths, seeds, steps] = {shape} x steps.")
    rows = -(-len(regimes) // COLUMNS)
    made, axes = style.figure(rows + 1, COLUMNS, width=5.2, height=3.1, share_x=False)
    panels = list(axes[:rows].flat)
    for ax, regime in zip(panels, regimes, strict=False):
        accuracy_panel(ax, Curves(regime.name, regime.steps, regime.train[-1], regime.test[-1]))
        ax.set_xlim(1, float(np.max(regime.steps)))
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
    unplaced = _rises(rise, regimes, widths)
    _delays(by_width, [regime for regime in regimes if regime.noise == 0], widths)
    text = (
        f"above: width {widths[-1]:g}, medians of {regimes[0].ratio.shape[-1]} seeds, thin: each seed's test accuracy; "
        f"ratio: steps to {FITTED:.0%} training /\nto {LEARNT:.0%} test accuracy; larger points are wider networks; "
        f"{median_interval(regimes[0].rise.T).level:.0%} intervals"
    )
    style.caption(made, text + f"; points without a finite ratio: {unplaced}" * bool(unplaced))
    return made


def _rises(ax: Axes, regimes: Sequence[LearningRegime], widths: np.ndarray) -> int:
    """Rise against ratio; returns how many points have no place."""
    unplaced = 0
    for regime, colour in zip(regimes, _colours(regimes), strict=True):
        x, y = (median_interval(values.T) for values in (regime.ratio, regime.rise))
        placed = np.flatnonzero((x.centre > 0) & (x.centre < np.inf) & np.isfinite(y.centre))
        unplaced += len(widths) - len(placed)
        for i in placed:
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
                label=regime.name if i == placed[0] else None,
            )
    ax.axvline(1.0, color=style.GREY, linewidth=1.0)
    ax.set_xscale("log")
    ax.set_xlabel("steps to fit / steps to generalise", fontsize=style.SIZES["label"])
    ax.set_ylabel("rise of test error", fontsize=style.SIZES["label"])
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="upper left", markerscale=0.7)
    return unplaced


def _delays(ax: Axes, regimes: Sequence[LearningRegime], widths: np.ndarray) -> None:
    for regime, colour in zip(regimes, _colours(regimes), strict=True):
        with np.errstate(divide="ignore"):
            band = median_interval((1.0 / regime.ratio).T)
        # A delay that is not known to end is drawn up to the largest that is.
        largest = float(np.nanmax(np.where(np.isfinite(band.centre), band.centre, np.nan), initial=DELAY))
        high = np.where(np.isfinite(band.high), band.high, 10 * largest)
        style.band(ax, widths, band.centre, band.low, high, color=colour, marker="o", label=regime.arm)
    ax.axhline(DELAY, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    bottom, top = ax.get_ylim()
    ticks = [value for value in DELAY_TICKS if bottom <= value <= top]
    ax.set_yticks(ticks, [style.number(value) for value in ticks])
    ax.set_xticks(widths, [style.number(width) for width in widths.tolist()])
    ax.minorticks_off()
    ax.set_xlabel("width", fontsize=style.SIZES["label"])
    ax.set_ylabel("delay factor, no noise", fontsize=style.SIZES["label"])
    ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="upper left")


def _colours(regimes: Sequence[LearningRegime]) -> list[str]:
    """One for each arm, in the order they come in."""
    names = list(dict.fromkeys(regime.arm for regime in regimes))
    return [COLOURS[names.index(regime.arm) % len(COLOURS)] for regime in regimes]
