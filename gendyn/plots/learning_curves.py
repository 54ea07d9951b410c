"""Losses and errors against training step, one colour for each value of the sweep's largest axis."""

import numpy as np

from gendyn.core.errors import ConfigError
from gendyn.plots import style
from gendyn.plots._step_curves import MAX_COLUMNS, MAX_LINES, choices, draw, largest_axes
from gendyn.types import Dataset, Figure

_ROWS = {"loss": "loss", "error": "error (fraction wrong)"}


def drawn_rows(ds: Dataset) -> list[str]:
    """Of ``loss`` and ``error`` those that were recorded for training and test data, as one number a run and record."""
    curves = [name for name, variable in ds.data_vars.items() if variable.ndim == 2]
    return [kind for kind in _ROWS if f"train_{kind}" in curves and f"test_{kind}" in curves]


def learning_curves(ds: Dataset, *, colour: str | None = None, column: str | None = None) -> Figure:
    """Draws train (thin) and test (thick) loss and error against the step, as medians over all other axes.

    It asks nothing of a sweep but the recorded variables, and draws whatever has been recorded so far. A regression
    has no error: the loss is drawn alone.

    Args:
        ds: a sweep's results.
        colour: axis shown by colour; by default the one with the most values, except ``seed``.
        column: axis shown by columns; by default the one with the most values among the rest, except ``seed``.

    Raises:
        ConfigError: an axis that the sweep does not have, no losses, or nothing recorded yet.
    """
    colour, column = largest_axes(ds, (colour, column))
    rows = drawn_rows(ds)
    if not rows:
        raise ConfigError("neither losses nor errors were recorded, one number a record: there are no learning curves.")
    if not np.isfinite(ds[f"test_{rows[0]}"].values).any():
        raise ConfigError(
            "nothing finite has been recorded yet, so there is nothing to draw; wait for the first record."
        )
    colours, columns = choices(ds, colour, MAX_LINES), choices(ds, column, MAX_COLUMNS)
    made, axes = style.figure(len(rows), len(columns))
    palette = style.sequence(len(colours))
    for j, (title, in_column) in enumerate(columns):
        for ax, kind in zip(axes[:, j], rows, strict=True):
            for (label, in_colour), shade in zip(colours, palette, strict=True):
                chosen = in_column & in_colour
                draw(ax, ds, f"train_{kind}", chosen, color=shade, linewidth=1.1)
                draw(ax, ds, f"test_{kind}", chosen, color=shade, linewidth=2.6, label=label)
            if kind == "loss":
                ax.set_yscale("log")
            else:
                ax.set_ylim(bottom=0)
        axes[0, j].set_title(title, fontsize=style.SIZES["title"])
        axes[-1, j].set_xlabel("training step", fontsize=style.SIZES["label"])
    for ax, kind in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(_ROWS[kind], fontsize=style.SIZES["label"])
    if colour:
        style.side_legend(made, axes[0, 0], title=colour)
    style.caption(made, f"thick: test, thin: train   ·   medians over the other axes, {ds.sizes['run']:,} runs")
    return made
