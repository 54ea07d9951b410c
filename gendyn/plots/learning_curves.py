"""Losses and errors against training step, one colour for each value of the sweep's largest axis."""

import numpy as np

from gendyn.analysis import axis_values, history, record_steps, swept_axes
from gendyn.core.errors import ConfigError
from gendyn.plots import style
from gendyn.types import Dataset, Figure

MAX_LINES, MAX_COLUMNS = 7, 4


def learning_curves(ds: Dataset, *, colour: str | None = None, column: str | None = None) -> Figure:
    """Draws train (thin) and test (thick) loss and error against the step, as medians over all other axes.

    It asks nothing of a sweep but the recorded variables, and draws whatever has been recorded so far.

    Args:
        ds: a sweep's results.
        colour: axis shown by colour; by default the one with the most values, except ``seed``.
        column: axis shown by columns; by default the one with the most values among the rest, except ``seed``.

    Raises:
        ConfigError: an axis that the sweep does not have, or nothing recorded yet.
    """
    candidates = sorted((a for a in swept_axes(ds) if a != "seed"), key=lambda a: -len(np.unique(ds[a].values)))
    remaining = [a for a in candidates if a not in (colour, column)]
    colour = colour or (remaining.pop(0) if remaining else "")
    column = column or (remaining.pop(0) if remaining else "")
    if not np.isfinite(ds["test_loss"].values).any():
        raise ConfigError(
            "nothing finite has been recorded yet, so there is nothing to draw; wait for the first record."
        )
    colours, columns = _choices(ds, colour, MAX_LINES), _choices(ds, column, MAX_COLUMNS)
    made, axes = style.figure(2, len(columns))
    palette = style.sequence(len(colours))
    for j, (title, in_column) in enumerate(columns):
        for i, kind in enumerate(("loss", "error")):
            ax = axes[i, j]
            for (label, in_colour), shade in zip(colours, palette, strict=True):
                for name, width in (("train", 1.1), ("test", 2.6)):
                    chosen = in_column & in_colour
                    steps, middle = _median_curve(record_steps(ds)[chosen], history(ds, f"{name}_{kind}")[chosen])
                    ax.plot(steps, middle, color=shade, linewidth=width, label=label if name == "test" else None)
            # symlog keeps step 0, the untrained network, on the page.
            ax.set_xscale("symlog", linthresh=1.0)
            ax.set_xlim(left=0)
        axes[0, j].set_yscale("log")
        axes[1, j].set_ylim(bottom=0)
        axes[0, j].set_title(title, fontsize=style.SIZES["title"])
        axes[1, j].set_xlabel("training step", fontsize=style.SIZES["label"])
    axes[0, 0].set_ylabel("loss", fontsize=style.SIZES["label"])
    axes[1, 0].set_ylabel("error (fraction wrong)", fontsize=style.SIZES["label"])
    if colour:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        made.legend(
            handles,
            labels,
            title=colour,
            loc="outside right upper",
            frameon=False,
            fontsize=style.SIZES["tick"],
            title_fontsize=style.SIZES["tick"],
        )
    style.caption(made, f"thick: test, thin: train   ·   medians over the other axes, {ds.sizes['run']:,} runs")
    return made


def _median_curve(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median over the runs that are there of ``values [R, T]`` at every step any of them has recorded.

    Runs of one sweep may be recorded at different steps (a stop by epoch, other train-set sizes): each is interpolated
    between its own records and ends with the last of them.
    """
    known = np.isfinite(values) & np.isfinite(steps)
    common = np.unique(steps[known])
    rows = [
        np.interp(common, at[there], row[there], left=np.nan, right=np.nan)
        for at, row, there in zip(steps, values, known, strict=True)
        if there.any()
    ]
    return common, np.nanmedian(np.array(rows), axis=0) if rows else common


def _choices(ds: Dataset, axis: str, most: int) -> list[tuple[str, np.ndarray]]:
    """``(label, runs with that value [R])`` for at most ``most`` values of an axis, spread evenly over them."""
    if not axis:
        return [("", np.ones(ds.sizes["run"], bool))]
    values = axis_values(ds, axis)
    unique = np.unique(values)
    picked = unique[np.unique(np.linspace(0, len(unique) - 1, min(most, len(unique))).round().astype(int))]
    name = axis.rsplit(".", 1)[-1].replace("_", " ")
    prefix = "" if most == MAX_LINES else f"{name} "
    labels = [prefix + (style.number(v) if np.issubdtype(unique.dtype, np.number) else str(v)) for v in picked.tolist()]
    return [(label, values == value) for label, value in zip(labels, picked, strict=True)]
