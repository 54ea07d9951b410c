"""Where the runs of a sweep sit on its axes, and tables of their values over axes."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gendyn.core import ConfigError
from gendyn.types import Dataset


class Grid(NamedTuple):
    """Where each run of a sweep sits on its axes."""

    axes: dict[str, np.ndarray]
    """Axis name -> its values, ascending; the order of the axes is the order of the table's dimensions."""
    runs: np.ndarray
    """Run number at every grid point, -1 where there is none."""


class ExtraAxes(ConfigError):
    """A sweep varies more axes than what was asked of it knows: one value of each must be chosen first."""

    def __init__(self, message: str, axes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.axes = axes
        """Their names."""


def axis_values(ds: Dataset, axis: str) -> np.ndarray:
    """The value of an axis for every run, ``[R]``; one that was not swept is read from the stored config.

    Raises:
        ConfigError: neither the dataset nor its config has it.
    """
    if axis in ds.coords:
        return np.asarray(ds[axis].values)
    leaf: Any = config_of(ds)
    for part in axis.split("."):
        if not isinstance(leaf, dict) or part not in leaf:
            raise ConfigError(f"the dataset has no axis {axis!r} and its config no such leaf. Axes: {swept_axes(ds)}.")
        leaf = leaf[part]
    return np.full(ds.sizes["run"], leaf)


def config_of(ds: Dataset) -> dict[str, Any]:
    """The config stored with the results, nested (stored keys may be dotted); empty if there is none."""
    nested: dict[str, Any] = {}
    for name, value in json.loads(ds.attrs.get("config", "{}")).items():
        *parents, last = name.split(".")
        target = nested
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return nested


def swept_axes(ds: Dataset) -> tuple[str, ...]:
    """Names of the axes that take more than one value.

    The store lists a sweep's axes in ``attrs["axes"]``, since other coordinates (parameter counts) vary along ``run``
    too; a dataset made elsewhere has every coordinate along ``run`` taken for an axis.
    """
    listed = json.loads(ds.attrs["axes"]) if "axes" in ds.attrs else [n for n in ds.coords if n != "run"]
    names = (str(name) for name in listed if ds[name].dims == ("run",))
    return tuple(name for name in names if len(np.unique(ds[name].values)) > 1)


def grid(ds: Dataset, axes: tuple[str, ...]) -> Grid:
    """Lays the runs out on ``axes``; every point may hold one run at most.

    Raises:
        ExtraAxes: two runs share a point, because the sweep has an axis that is not in ``axes``.
    """
    columns = [axis_values(ds, axis) for axis in axes]
    pairs = [np.unique(column, return_inverse=True) for column in columns]
    index = tuple(inverse for _, inverse in pairs)
    flat = np.ravel_multi_index(index, tuple(len(values) for values, _ in pairs))
    if len(np.unique(flat)) != len(flat):
        raise _extra_axes(ds, axes, flat)
    runs = np.full([len(values) for values, _ in pairs], -1)
    runs[index] = np.arange(len(flat))
    return Grid({axis: values for axis, (values, _) in zip(axes, pairs, strict=True)}, runs)


def _extra_axes(ds: Dataset, axes: tuple[str, ...], point: np.ndarray) -> ExtraAxes:
    """``point [R]`` numbers the points on ``axes``; an axis that only advances together with these is not extra."""
    others = {axis: np.unique(ds[axis].values, return_inverse=True)[1] for axis in swept_axes(ds) if axis not in axes}
    points = len(np.unique(point))
    extra = tuple(a for a, value in others.items() if len(np.unique(np.stack([point, value]), axis=1).T) > points)
    if not extra:
        return ExtraAxes(f"several runs share one {', '.join(axes)}, and the sweep varies nothing else.", ())
    first = {axis: ds[axis].values[0].item() for axis in extra}
    return ExtraAxes(
        f"several runs share one {', '.join(axes)}: the sweep also varies {', '.join(extra)}. Choose one value of each "
        f"first, such as gendyn.analysis.runs_at(ds, {first}).",
        extra,
    )


def runs_at(ds: Dataset, values: Mapping[str, Any]) -> Dataset:
    """The runs of a sweep that have given values on some of its axes; all axes stay coordinates.

    Args:
        ds: the results.
        values: axis -> one of its values.

    Raises:
        ConfigError: no axis of that name, or no run with that value.
    """
    keep = np.ones(ds.sizes["run"], bool)
    for axis, value in values.items():
        column = axis_values(ds, axis)
        here = np.asarray(column == value)
        if not here.any():
            known = ", ".join(map(repr, np.unique(column).tolist()))
            raise ConfigError(f"no run has {axis} = {value!r}; the sweep's values are {known}.")
        keep &= here
    if not keep.any():
        raise ConfigError(
            f"no run has {' and '.join(f'{axis} = {value!r}' for axis, value in values.items())} at once."
        )
    return ds.isel(run=np.flatnonzero(keep))


def tabulate(layout: Grid, values: np.ndarray) -> np.ndarray:
    """``values [R, ...]`` on the grid: ``[*axes, ...]`` in float, NaN at points without a run."""
    table = np.asarray(values, float)[layout.runs]
    table[layout.runs < 0] = np.nan
    return table


def seeds_first(table: np.ndarray, keep: np.ndarray | None = None) -> np.ndarray:
    """A table ``[..., S]`` as rows for :func:`gendyn.analysis.bootstrap`: ``[S, ...]``.

    Args:
        table: seeds on the last axis, as :func:`grid` puts them if ``seed`` is the last axis.
        keep: bool ``[S]``, the seeds that stay; all if ``None``.

    >>> seeds_first(np.array([[1, 2, 3], [4, 5, 6]]), np.array([True, False, True])).tolist()
    [[1, 4], [3, 6]]
    """
    return np.moveaxis(table if keep is None else table[..., keep], -1, 0)


def parameter_counts(ds: Dataset, layout: Grid, axis: str) -> np.ndarray:
    """Number of parameters at each value of an axis, ``[W]``: of the runs there the largest, NaN where there is none.

    Args:
        layout: of :func:`grid`.
        axis: one of its axes, such as ``"model.width"``.

    Raises:
        ConfigError: the grid does not have it.
    """
    if axis not in layout.axes:
        raise ConfigError(f"axis = {axis!r} must be one of the grid's axes {', '.join(layout.axes)}.")
    others = tuple(i for i, name in enumerate(layout.axes) if name != axis)
    table = tabulate(layout, ds["num_parameters"].values)
    return np.asarray(np.nanmax(table, axis=others))
