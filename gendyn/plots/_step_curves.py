"""Which runs share a curve over training steps, and their median: for the figures that any sweep has."""

from typing import Any

import numpy as np

from gendyn.analysis import axis_values, history, record_steps, swept_axes
from gendyn.plots import style
from gendyn.types import Axes, Dataset

MAX_LINES, MAX_COLUMNS = 7, 4
Choices = list[tuple[str, np.ndarray]]


def largest_axes(ds: Dataset, given: tuple[str | None, ...]) -> list[str]:
    """``given`` axes, each ``None`` replaced by that with the most values among the rest, except seeds; else ""."""
    axes = [axis for axis in swept_axes(ds) if axis.rpartition(".")[2] != "seed"]
    candidates = sorted(axes, key=lambda axis: -len(np.unique(ds[axis].values)))
    remaining = [a for a in candidates if a not in given]
    return [name or (remaining.pop(0) if remaining else "") for name in given]


def draw(ax: Axes, ds: Dataset, name: str, chosen: np.ndarray, **line: Any) -> None:
    """The median of the ``chosen [R]`` runs against the step, on an axis that shows step 0, the untrained network."""
    ax.plot(*median_curve(record_steps(ds)[chosen], history(ds, name)[chosen]), **line)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlim(left=0)


def median_curve(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def choices(ds: Dataset, axis: str, most: int) -> Choices:
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
