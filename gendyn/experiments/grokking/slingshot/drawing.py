"""Slingshots: loss and last-layer norm of single runs, and what share of the runs of every arm has cycles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gendyn.analysis import final_values, history, record_steps, share_interval
from gendyn.experiments.grokking.slingshot.tables import LOSS_FLOOR, NORM, Arm, Roles, roles
from gendyn.plots import style
from gendyn.types import Dataset, Figure

CURVE_HEIGHT, ROW_HEIGHT = 2.6, 0.3
"""In inches: of a panel of single runs, and of one arm's row."""
COLOURS = (style.TRAIN, style.TEST, style.MEASURED, style.THEORY)


def figure(ds: Dataset) -> Figure:
    """Draws training loss and last-layer norm of one seed of four arms; below, all runs of every arm, a row each.

    Triangles mark where a cycle's spike begins; losses below what the detector takes for 0 are drawn at that. An arm
    without cycles tells something only if its loss falls as low as those of arms with cycles, which is what the panel
    of lowest losses is for.
    """
    from matplotlib.figure import Figure as New

    found = roles(ds)
    every = found.every
    heights = [CURVE_HEIGHT, CURVE_HEIGHT, 0.9 + ROW_HEIGHT * len(every)]
    made = New(figsize=(10.0, sum(heights) + 1.4), layout="constrained", facecolor="white")
    cells = made.add_gridspec(3, 3, height_ratios=heights)
    loss = made.add_subplot(cells[0, :])
    norm = made.add_subplot(cells[1, :], sharex=loss)
    rows = [made.add_subplot(cells[2, column]) for column in range(3)]
    for ax in (loss, norm, *rows):
        style.dress(ax)
    _single_runs(loss, norm, ds, _shown(found))
    accuracy = 1.0 - final_values(ds, "test_error")
    _shares(rows[0], every)
    _dots(rows[1], "lowest training loss", [np.maximum(arm.lowest, LOSS_FLOOR) for arm in every])
    rows[1].set_xscale("log")
    _dots(rows[2], "test accuracy", [accuracy[arm.runs] for arm in every])
    for ax in rows:
        # The first arm on top.
        ax.set_ylim(len(every) - 0.4, -0.6)
        ax.set_yticks(np.arange(len(every)), [arm.name for arm in every] if ax is rows[0] else [])
    told = [found.adam.small, *([found.rmsprop.small] if found.rmsprop else [])]
    caption = (
        "; ".join(f"{arm.name}: {arm.cycles}" for arm in told) + "\n"
        f"above: one seed each, triangles: a slingshot begins; losses below {LOSS_FLOOR:.1e} are drawn as that\n"
        f"below: {len(every[0].runs)} seeds an arm, exact 90% intervals of shares, dark bars: share with at least two\n"
        "small dots: seeds, lines: their medians"
    )
    style.caption(made, caption)
    return made


def _shown(found: Roles) -> list[Arm]:
    """Adam, Adam with float64 in the loss, RMSProp, gradient descent; Adam's largest epsilon where one is missing."""
    adam, rmsprop = found.adam, found.rmsprop
    wanted = [adam.small, *adam.float64[:1], *([rmsprop.small] if rmsprop else []), *found.others[::-1]]
    return [*wanted, adam.larger[-1]][: len(COLOURS)]


def _single_runs(loss: Any, norm: Any, ds: Dataset, shown: Sequence[Arm]) -> None:
    for arm, colour in zip(shown, COLOURS, strict=False):
        steps, losses, norms = (
            table[arm.runs[0]] for table in (record_steps(ds), history(ds, "train_loss"), history(ds, NORM))
        )
        known = np.isfinite(steps)
        steps, losses, norms = steps[known], np.maximum(losses[known], LOSS_FLOOR), norms[known]
        loss.plot(steps, losses, color=colour, linewidth=1.3, label=arm.name)
        marked = np.isin(steps, arm.found.steps[0])
        loss.plot(steps[marked], losses[marked], color=colour, marker="v", linestyle="none", markersize=8)
        norm.plot(steps, norms, color=colour, linewidth=1.8, label=arm.name)
    loss.set_yscale("log")
    loss.tick_params(labelbottom=False)
    norm.set_ylim(bottom=0.0)
    norm.set_xlabel("training step", fontsize=style.SIZES["label"])
    loss.legend(fontsize=style.SIZES["tick"], frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    for ax, label in ((loss, "training loss"), (norm, "last-layer norm")):
        ax.set_ylabel(label, fontsize=style.SIZES["label"])


def _shares(ax: Any, arms: Sequence[Arm]) -> None:
    at = np.arange(len(arms))
    estimates, lows, highs = np.array([share_interval(arm.has)[:3] for arm in arms]).T
    error = np.abs([lows - estimates, highs - estimates])
    shape: dict[str, Any] = {"fmt": "o", "markersize": 7, "linewidth": 2.0, "capsize": 3}
    ax.errorbar(estimates, at, xerr=error, color=style.TRAIN, **shape)
    repeated = [np.mean(arm.found.num_cycles >= 2) for arm in arms]
    ax.plot(repeated, at, marker="|", markersize=14, markeredgewidth=2.5, linestyle="none", color=style.THEORY)
    ax.set_xlim(-0.08, 1.15)
    ax.set_xlabel("share with a slingshot", fontsize=style.SIZES["label"])


def _dots(ax: Any, label: str, values: Sequence[np.ndarray]) -> None:
    """Every seed of an arm as a dot in its row, and their median as a short line."""
    for row, of_arm in enumerate(values):
        known = of_arm[np.isfinite(of_arm)]
        ax.plot(known, np.full(len(known), row), "o", color=style.TEST, markersize=5, alpha=0.6)
        if len(known):
            ax.plot([np.median(known)] * 2, [row - 0.3, row + 0.3], color=style.TEST, linewidth=2.5)
    ax.set_xlabel(label, fontsize=style.SIZES["label"])
