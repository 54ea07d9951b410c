"""From a sweep's dataset (run x record) to tables over its axes, at the last record."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn.core.errors import ConfigError

if TYPE_CHECKING:
    import xarray

FINISHED, DIVERGED, UNFINISHED = "finished", "diverged", "unfinished"


class Grid(NamedTuple):
    """Where each run of a sweep sits on its axes."""

    axes: dict[str, np.ndarray]
    """Axis name -> its values, ascending; the order of the axes is the order of the table's dimensions."""
    runs: np.ndarray
    """Run number at every grid point, -1 where there is none."""


def run_status(ds: "xarray.Dataset") -> np.ndarray:
    """``"finished"``, ``"diverged"`` or ``"unfinished"`` for every run, ``[R]``.

    Diverged: so marked at any committed record. Unfinished: its last record is not there yet (NaN without a mark).
    Redraws that train nothing, and so record neither losses nor marks, are finished when they are committed.
    """
    if "train_loss" not in ds:
        num_records = np.isfinite(record_steps(ds)).sum(axis=1)
        committed = ds["committed"].values if "committed" in ds.coords else num_records
        return np.where(committed < num_records, UNFINISHED, FINISHED)
    if "diverged" in ds:
        marked = history(ds, "diverged").astype(bool)
    else:
        marked = history(ds, "diverged_step") >= 0
    if "committed" in ds.coords:
        # A record that is not there yet holds 0 in an integer variable, which would read as "diverged at step 0".
        marked &= np.arange(ds.sizes["record"]) < ds["committed"].values[:, None]
    missing = np.isnan(_last(ds, "train_loss"))
    return np.where(marked.any(axis=1), DIVERGED, np.where(missing, UNFINISHED, FINISHED))


def final_values(ds: "xarray.Dataset", name: str) -> np.ndarray:
    """Each run's last record of a variable, ``[R]``: NaN for an unfinished run, the worst value for a diverged one.

    A diverged run is not missing at random, so it may not simply be left out of a median: a loss counts as ``inf`` and
    an error as 1.
    """
    worst = 1.0 if name.endswith("_error") else np.inf
    return np.where(run_status(ds) == DIVERGED, worst, _last(ds, name))


def history(ds: "xarray.Dataset", name: str) -> np.ndarray:
    """A recorded variable as ``[R, T, ...]``.

    Raises:
        ConfigError: the dataset does not have it.
    """
    if name not in ds:
        raise ConfigError(f"the dataset has no variable {name!r}; it has {', '.join(map(str, ds.data_vars))}.")
    return np.asarray(ds[name].transpose("run", "record", ...).values)


def record_steps(ds: "xarray.Dataset") -> np.ndarray:
    """Training step of every record, ``[R, T]``; NaN past the end of a run with fewer records than others."""
    steps = np.asarray(ds["step"].values, float)
    return np.broadcast_to(steps, (ds.sizes["run"], ds.sizes["record"]))


def _last(ds: "xarray.Dataset", name: str) -> np.ndarray:
    end = np.isfinite(record_steps(ds)).sum(axis=1) - 1
    return np.take_along_axis(history(ds, name).astype(float), end[:, None], axis=1)[:, 0]


def axis_values(ds: "xarray.Dataset", axis: str) -> np.ndarray:
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


def config_of(ds: "xarray.Dataset") -> dict[str, Any]:
    """The config stored with the results, nested (stored keys may be dotted); empty if there is none."""
    nested: dict[str, Any] = {}
    for name, value in json.loads(ds.attrs.get("config", "{}")).items():
        *parents, last = name.split(".")
        target = nested
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return nested


def swept_axes(ds: "xarray.Dataset") -> tuple[str, ...]:
    """Names of the axes that take more than one value.

    The store lists a sweep's axes in ``attrs["axes"]``, since other coordinates (parameter counts) vary along ``run``
    too; a dataset made elsewhere has every coordinate along ``run`` taken for an axis.
    """
    listed = json.loads(ds.attrs["axes"]) if "axes" in ds.attrs else [n for n in ds.coords if n != "run"]
    names = (str(name) for name in listed if ds[name].dims == ("run",))
    return tuple(name for name in names if len(np.unique(ds[name].values)) > 1)


def grid(ds: "xarray.Dataset", axes: tuple[str, ...]) -> Grid:
    """Lays the runs out on ``axes``; every point may hold one run at most.

    Raises:
        ConfigError: two runs share a point, because the sweep has an axis that is not in ``axes``.
    """
    columns = [axis_values(ds, axis) for axis in axes]
    pairs = [np.unique(column, return_inverse=True) for column in columns]
    index = tuple(inverse for _, inverse in pairs)
    flat = np.ravel_multi_index(index, tuple(len(values) for values, _ in pairs))
    if len(np.unique(flat)) != len(flat):
        extra = [axis for axis in swept_axes(ds) if axis not in axes]
        raise ConfigError(
            f"several runs share one {', '.join(axes)}: the sweep also varies {', '.join(extra) or 'nothing else'}. "
            "Select one value of each first, such as ds.isel(run=ds['optim.learning_rate'] == 0.003)."
        )
    runs = np.full([len(values) for values, _ in pairs], -1)
    runs[index] = np.arange(len(flat))
    return Grid({axis: values for axis, (values, _) in zip(axes, pairs, strict=True)}, runs)


def tabulate(layout: Grid, values: np.ndarray) -> np.ndarray:
    """``values [R, ...]`` on the grid: ``[*axes, ...]`` in float, NaN at points without a run."""
    table = np.asarray(values, float)[layout.runs]
    table[layout.runs < 0] = np.nan
    return table
