"""The linear student: accuracies against step, delay and final loss against the ratio, measured on top of exact."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import Band, median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class LinearRuns(NamedTuple):
    """The seeds of one ratio and the exact curves."""

    ratio: float
    steps: np.ndarray
    """``[T]``: recorded steps."""
    train: np.ndarray
    test: np.ndarray
    """``[S, T]``: accuracies of each seed."""
    exact_train: np.ndarray
    exact_test: np.ndarray
    """``[T]``: accuracies of the integrals."""


def linear_grokking(
    runs: Sequence[LinearRuns],
    delay_ratios: np.ndarray,
    delays: Band,
    exact_delays: np.ndarray,
    limit_delays: np.ndarray,
    loss_ratios: np.ndarray,
    losses: Band,
    *,
    accuracy: float = 0.95,
    level: float = 0.9,
    note: str = "",
) -> "Figure":
    """Draws a panel of accuracies for each of ``runs``, then delays and final test losses against the ratio.

    Bands and the bars of delays are exact intervals of medians over seeds, the bars of losses those of means. Open
    rings and dashes are the integrals.

    Args:
        runs: one to three ratios.
        delay_ratios: ``[L]``, below 1, ascending.
        delays: measured, in steps, arrays ``[L]``; ``inf`` is not drawn.
        exact_delays, limit_delays: ``[L]``: of the integrals, and of the small-tolerance formula.
        loss_ratios: ``[K]``.
        losses: measured shares of the initial test loss that are left at the end, arrays ``[K]``.
        accuracy: the level that delays are measured at.
        level: of the bands.
        note: added to the caption.

    Raises:
        ConfigError: no runs or more than three, or arrays that do not fit each other.
    """
    if not 1 <= len(runs) <= 3:
        raise ConfigError(f"runs holds {len(runs)} ratios; pass one to three.")
    shapes = [np.shape(a) for a in (delays.centre, exact_delays, limit_delays)] + [np.shape(losses.centre)]
    if shapes != [np.shape(delay_ratios)] * 3 + [np.shape(loss_ratios)]:
        raise ConfigError(f"delays and losses have shapes {shapes}; pass one value for each ratio.")
    made, panels = _panels(len(runs))
    below = panels[len(runs) :]
    reached = 1.0
    for ax, of_ratio in zip(panels, runs, strict=False):
        reached = min(reached, _accuracies(ax, of_ratio, accuracy, level))
    panels[0].set_ylabel("accuracy", fontsize=style.SIZES["label"])
    panels[0].legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left")
    for ax in below:
        ax.set_xlabel("dimension / training examples", fontsize=style.SIZES["label"])
    left, right = below
    left.plot(
        delay_ratios,
        limit_delays,
        color=style.GREY,
        linestyle=(0, (1, 1.5)),
        linewidth=2.0,
        label="small-tolerance formula",
    )
    style.rings(left, delay_ratios, exact_delays, "exact")
    style.bars(left, delay_ratios, delays)
    left.set_yscale("log")
    left.set_ylabel(f"delay to {accuracy:.0%}, steps", fontsize=style.SIZES["label"])
    left.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left")
    fine = np.linspace(min(0.0, float(loss_ratios.min())), float(loss_ratios.max()) * 1.05, 300)
    floor = np.maximum(0.0, 1.0 - 1.0 / np.maximum(fine, 1e-9))
    right.plot(fine, floor, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6, label="floor, 1 − 1 / ratio")
    style.bars(right, loss_ratios, losses)
    right.set_ylabel("test loss, end / start", fontsize=style.SIZES["label"])
    right.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left")
    seeds = len(runs[0].train)
    bands = f"above: medians and {reached:.0%} intervals" if seeds > 1 else "one seed, no interval"
    bars = f"below: median and {delays.level:.0%} interval, mean and {losses.level:.0%} interval" if seeds > 1 else ""
    style.caption(made, "\n".join(filter(None, (note, "   ·   ".join(filter(None, (bands, bars)))))))
    return made


def _panels(count: int) -> "tuple[Figure, list[Axes]]":
    """``count`` panels above and two below, on one grid of six columns so that the layout holds them apart."""
    made, axes = style.figure(2, 6, width=2.6, share_x=False)
    cells = axes[0, 0].get_subplotspec().get_gridspec()
    for ax in axes.flat:
        ax.remove()
    spans = [(0, i * 6 // count, (i + 1) * 6 // count) for i in range(count)] + [(1, 0, 3), (1, 3, 6)]
    panels = [made.add_subplot(cells[row, start:end]) for row, start, end in spans]
    for ax in panels:
        style.dress(ax)
    return made, panels


def _accuracies(ax: "Axes", runs: LinearRuns, accuracy: float, level: float) -> float:
    reached = 1.0
    for name, values, exact, colour in (
        ("train", runs.train, runs.exact_train, style.TRAIN),
        ("test", runs.test, runs.exact_test, style.TEST),
    ):
        if np.shape(values)[1:] != np.shape(runs.steps) or np.shape(exact) != np.shape(runs.steps) or not len(values):
            raise ConfigError(
                f"ratio {runs.ratio:g}: {name} accuracy has shape {np.shape(values)} and its exact curve "
                f"{np.shape(exact)}; with {len(runs.steps)} steps pass [seeds, steps] and [steps]."
            )
        band = median_interval(values, level=level)
        reached = min(reached, band.level)
        style.band(ax, runs.steps, band.centre, band.low, band.high, color=colour, label=name)
        ax.plot(
            runs.steps,
            exact,
            color=style.THEORY,
            linestyle=(0, (3, 2)),
            linewidth=1.4,
            label="exact" if name == "test" else None,
        )
    ax.axhline(accuracy, color=style.GREY, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_xlim(max(1.0, runs.steps.max() / 1000.0), runs.steps.max())
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    ax.set_title(f"ratio {style.number(runs.ratio)}", fontsize=style.SIZES["title"])
    return reached
