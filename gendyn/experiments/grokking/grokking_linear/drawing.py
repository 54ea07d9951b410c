"""The linear student: accuracies against step, delay and final loss against the ratio, measured on top of exact."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gendyn import theory
from gendyn.analysis import Band, config_of, history, mean_interval, median_interval, record_steps, tabulate
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_linear.tables import ACCURACY, tables
from gendyn.plots import style
from gendyn.types import Axes, Dataset, Figure


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


def figure(ds: Dataset) -> Figure:
    """Accuracies against step at three ratios; delay and final test loss against ratio; exact on top of measured."""
    found, config = tables(ds), config_of(ds)
    ratios, finished = found.ratios, found.seeds.complete
    if not finished.any():
        raise ConfigError("no seed is finished at every ratio; wait for the first chunks.")
    steps = tabulate(found.layout, record_steps(ds))
    accuracies = [1.0 - tabulate(found.layout, history(ds, name)) for name in ("train_error", "test_error")]
    below, above = ratios[found.below], ratios[ratios > 1]
    shown = []
    for ratio in (below[np.argmin(np.abs(below - 0.5))], below[-1], above[0]):
        row = int(np.flatnonzero(ratios == ratio)[0])
        at = steps[row, np.flatnonzero(finished)[0]]
        known = np.isfinite(at)
        losses = theory.linear_losses(at[known], float(ratio), learning_rate=config["learning_rate"])
        measured = (accuracy[row, finished][:, known] for accuracy in accuracies)
        exact = (theory.linear_accuracy(loss, tolerance=config["tolerance"]) for loss in losses)
        shown.append(LinearRuns(float(ratio), at[known], *measured, *exact))
    return linear_grokking(
        shown,
        below,
        median_interval(found.delays),
        found.exact,
        found.formula,
        ratios,
        mean_interval(found.losses),
        note=(
            f"d = {config['dimension']:,}, learning rate {config['learning_rate']:g}, "
            f"tolerance {config['tolerance']:g}, {int(finished.sum())} seeds"
        ),
    )


def linear_grokking(
    runs: Sequence[LinearRuns],
    delay_ratios: np.ndarray,
    delays: Band,
    exact_delays: np.ndarray,
    limit_delays: np.ndarray,
    loss_ratios: np.ndarray,
    losses: Band,
    *,
    note: str = "",
) -> Figure:
    """Draws a panel of accuracies for each of ``runs``, then delays and final test losses against the ratio.

    Bands and the bars of delays are exact intervals of medians over seeds, the bars of losses those of means. Open
    rings and dashes are the integrals.

    Args:
        runs: one to three ratios.
        delay_ratios: ``[K]``, below 1, ascending.
        delays: measured, in steps, arrays ``[K]``; ``inf`` is not drawn.
        exact_delays, limit_delays: ``[K]``: of the integrals, and of the small-tolerance formula.
        loss_ratios: ``[L]``.
        losses: measured shares of the initial test loss that are left at the end, arrays ``[L]``.
        note: added to the caption.

    Raises:
        ConfigError: no runs or more than three, or arrays that do not fit each other.
    """
    if not 1 <= len(runs) <= 3:
        raise ConfigError(f"runs holds {len(runs)} ratios; pass one to three.")
    shapes = [np.shape(a) for a in (delays.centre, exact_delays, limit_delays, losses.centre)]
    if shapes != [np.shape(delay_ratios)] * 3 + [np.shape(loss_ratios)]:
        raise ConfigError(f"delays and losses have shapes {shapes}; pass one value for each ratio.")
    made, panels = _panels(len(runs))
    reached = min(_accuracies(ax, of_ratio) for ax, of_ratio in zip(panels, runs, strict=False))
    panels[0].set_ylabel("accuracy", fontsize=style.SIZES["label"])
    left, right = panels[len(runs) :]
    dotted: dict[str, Any] = {"color": style.GREY, "linestyle": (0, (1, 1.5)), "linewidth": 2.0}
    left.plot(delay_ratios, limit_delays, label="small-tolerance formula", **dotted)
    style.rings(left, delay_ratios, exact_delays, "exact")
    style.bars(left, delay_ratios, delays)
    left.set_yscale("log")
    left.set_ylabel(f"delay to {ACCURACY:.0%}, steps", fontsize=style.SIZES["label"])
    fine = np.linspace(min(0.0, float(loss_ratios.min())), float(loss_ratios.max()) * 1.05, 300)
    floor = np.maximum(0.0, 1.0 - 1.0 / np.maximum(fine, 1e-9))
    right.plot(fine, floor, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6, label="floor, 1 − 1 / ratio")
    style.bars(right, loss_ratios, losses)
    right.set_ylabel("test loss, end / start", fontsize=style.SIZES["label"])
    for ax in (left, right):
        ax.set_xlabel("dimension / training examples", fontsize=style.SIZES["label"])
    for ax in (panels[0], left, right):
        ax.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left")
    text = "one seed, no interval"
    if len(runs[0].train) > 1:
        text = f"above: medians and {reached:.0%} intervals"
        text += f"   ·   below: median and {delays.level:.0%} interval, mean and {losses.level:.0%} interval"
    style.caption(made, "\n".join(filter(None, (note, text))))
    return made


def _panels(count: int) -> tuple[Figure, list[Axes]]:
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


def _accuracies(ax: Axes, runs: LinearRuns) -> float:
    """Draws one ratio; returns the lowest level that its bands truly have."""
    reached = 1.0
    dashed: dict[str, Any] = {"color": style.THEORY, "linestyle": (0, (3, 2)), "linewidth": 1.4}
    for name, values, exact, colour in (
        ("train", runs.train, runs.exact_train, style.TRAIN),
        ("test", runs.test, runs.exact_test, style.TEST),
    ):
        if np.shape(values)[1:] != np.shape(runs.steps) or np.shape(exact) != np.shape(runs.steps) or not len(values):
            raise ConfigError(
                f"ratio {runs.ratio:g}: {name} accuracy has shape {np.shape(values)} and its exact curve "
                f"{np.shape(exact)}; with {len(runs.steps)} steps pass [seeds, steps] and [steps]."
            )
        band = median_interval(values)
        reached = min(reached, band.level)
        style.band(ax, runs.steps, band.centre, band.low, band.high, color=colour, label=name)
        ax.plot(runs.steps, exact, label="exact" if name == "test" else None, **dashed)
    ax.axhline(ACCURACY, color=style.GREY, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_xlim(max(1.0, runs.steps.max() / 1000.0), runs.steps.max())
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    ax.set_title(f"ratio {style.number(runs.ratio)}", fontsize=style.SIZES["title"])
    return reached
