"""Tables of redraws: experiments that solve or simulate one problem a run, again and again under other seeds.

A redraw is a value of the axis ``seed``; it has one record.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gendyn.analysis.runs import FINISHED, history, run_status
from gendyn.analysis.tables import axis_values, grid, tabulate
from gendyn.core import ConfigError
from gendyn.types import Dataset


def finished_tables(ds: Dataset, axes: tuple[str, ...], *names: str) -> list[np.ndarray]:
    """Recorded arrays of the seeds that are finished at every point of the outer axes, each ``[S, *outer, ...]``.

    Args:
        ds: the results.
        axes: all axes, the last of them ``"seed"``; values of the others ascend along the tables.
        names: of the variables.

    Raises:
        ConfigError: no such variable, or no seed is finished at every point of the outer axes.
    """
    layout = grid(ds, axes)
    # A place without a run is NaN in a table, and so not 1.
    finished = (tabulate(layout, run_status(ds) == FINISHED) == 1.0).all(axis=tuple(range(len(axes) - 1)))
    if not finished.any():
        raise ConfigError("no redraw is finished at every point of the axes; wait for the first chunks.")
    tables = (tabulate(layout, history(ds, name)[:, 0]) for name in names)
    return [np.moveaxis(np.compress(finished, table, axis=len(axes) - 1), len(axes) - 1, 0) for table in tables]


def recorded_tables(ds: Dataset, axes: tuple[str, ...] = ("seed",)) -> dict[str, np.ndarray]:
    """:func:`finished_tables` of every recorded array, by its name.

    Raises:
        ConfigError: as there.
    """
    names = [str(name) for name in ds.data_vars]
    return dict(zip(names, finished_tables(ds, axes, *names), strict=True))


def outer_values(ds: Dataset, axis: str) -> np.ndarray:
    """The values of an axis of numbers, ascending: those of the tables' rows.

    Raises:
        ConfigError: neither the dataset nor its config has it.
    """
    return np.unique(axis_values(ds, axis).astype(float))


def finished_runs(
    ds: Dataset, place: Mapping[str, Any], *, seeds: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Numbers of the finished runs at a place, in the order of their seeds: ``[S]``.

    Args:
        ds: the results.
        place: axis -> value.
        seeds: those wanted, all of which must be finished there; ``None``: all that are.

    Raises:
        ConfigError: there is none, or one of ``seeds`` is not finished.
    """
    there = np.all([axis_values(ds, axis) == value for axis, value in place.items()], axis=0)
    runs = np.flatnonzero(there & (run_status(ds) == FINISHED))
    if not len(runs):
        raise ConfigError(f"no run at {dict(place)} is finished; wait for its first chunk.")
    known = axis_values(ds, "seed")[runs]
    order = np.argsort(known, kind="stable")
    runs, known = runs[order], known[order]
    if seeds is None:
        return runs
    missing = np.setdiff1d(seeds, known)
    if len(missing):
        raise ConfigError(f"seed {missing[0]} is not finished at {dict(place)}; take those that common_seeds names.")
    return runs[np.isin(known, seeds)]


def common_seeds(ds: Dataset, places: Iterable[Mapping[str, Any]]) -> np.ndarray:
    """The seeds that are finished at every one of several places, ascending: ``[S]``.

    Tables that are compared row by row take these alone (``seeds=`` of the functions here): a simulation under way has
    more seeds at one place than at another, and not always the first.

    Raises:
        ConfigError: no place, none is finished somewhere, or no seed at all places.
    """
    chosen = [dict(place) for place in places]
    each = [axis_values(ds, "seed")[finished_runs(ds, place)] for place in chosen]
    if not each:
        raise ConfigError("places is empty; name at least one place of the axes.")
    common = each[0]
    for seeds in each[1:]:
        common = np.intersect1d(common, seeds)
    if not len(common):
        raise ConfigError(f"no seed is finished at all of {len(chosen)} places; wait for the first chunks.")
    return np.unique(common)


def redraws_at(
    ds: Dataset,
    place: Mapping[str, Any],
    names: Sequence[str] | None = None,
    *,
    seeds: Sequence[int] | np.ndarray | None = None,
    finite: bool = False,
) -> dict[str, np.ndarray]:
    """Recorded arrays of the finished redraws at a place, in the order of their seeds: name -> float ``[S, ...]``.

    Args:
        ds: the results.
        place: axis -> value.
        names: variables; ``None``: all.
        seeds: as for :func:`finished_runs`.
        finite: refuse values that are not.

    Raises:
        ConfigError: no such run or variable, or a value that is not finite where it must be.
    """
    runs = finished_runs(ds, place, seeds=seeds)
    chosen = [str(name) for name in ds.data_vars] if names is None else list(names)
    found = {name: np.asarray(history(ds, name)[runs, 0], float) for name in chosen}
    for name, values in found.items():
        broken = int(np.sum(~np.isfinite(values.reshape(len(runs), -1)).all(axis=1)))
        if finite and broken:
            raise ConfigError(
                f"{name} is not finite in {broken} of {len(runs)} runs at {dict(place)}; lower the learning rate."
            )
    return found


def paired_table(
    ds: Dataset, name: str, place: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], *, finite: bool = True
) -> np.ndarray:
    """A recorded array at every combination of some axes' values, of the seeds that all have: ``[S, *axes, ...]``.

    Args:
        ds: the results.
        name: of the variable.
        place: axis -> the one value of it.
        axes: axis -> values, in the order that the table shall have.
        finite: as for :func:`redraws_at`.

    Raises:
        ConfigError: a combination without a finished run, no seed that all have, or a value that is not finite.
    """
    places = [{**place, **dict(zip(axes, values, strict=True))} for values in itertools.product(*axes.values())]
    seeds = common_seeds(ds, places)
    columns = [redraws_at(ds, each, (name,), seeds=seeds, finite=finite)[name] for each in places]
    shape = (len(columns[0]), *map(len, axes.values()), *columns[0].shape[1:])
    return np.stack(columns, axis=1).reshape(shape)
