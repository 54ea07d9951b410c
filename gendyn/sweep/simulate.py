"""Simulations with a program of their own: stored, labelled, resumed and locked as a sweep of networks is."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn import store
from gendyn.core import ConfigError, check_positive_int
from gendyn.sweep.config import plain
from gendyn.sweep.progress import Progress
from gendyn.sweep.run import use_compilation_cache
from gendyn.types import ArrayLike

if TYPE_CHECKING:
    import threadpoolctl
    import xarray


class Measured(NamedTuple):
    """A number, or an array of numbers, recorded of every run."""

    long_name: str
    """What a figure's axis says."""
    shape: tuple[int, ...] = ()
    dtype: str = "float32"


class Group(NamedTuple):
    """Runs with one program: equal shapes, equal records."""

    points: tuple[Mapping[str, Any], ...]
    """The place of each run on the axes: numbers, strings or bools."""
    compute: Callable[[tuple[Mapping[str, Any], ...]], Mapping[str, ArrayLike]]
    """Some of the points -> ``{name: [R, T, ...]}``, where ``T`` is the number of records; ``[R, ...]`` where it is 1
    and no steps are given."""
    steps: tuple[int, ...] = ()
    """Of each record; empty: one record."""
    values: Mapping[str, float] = {}
    """Further coordinates that all runs of the group share, such as ``num_parameters``."""


def simulate(
    config: Mapping[str, Any],
    workdir: str | Path,
    groups: Sequence[Group],
    measured: Mapping[str, Measured],
    *,
    runs_at_once: int = 256,
    quiet: bool = True,
) -> "xarray.Dataset":
    """Computes the runs of every group, or those that ``workdir`` lacks, and returns the labelled results.

    A chunk is ``runs_at_once`` runs of one group; its commit is atomic, so a kill costs one chunk. A compute function
    whose randomness comes from the points alone makes every result a pure function of the config.

    Args:
        config: plain leaves; stored, and compared with what ``workdir`` holds.
        workdir: the results folder; made if it does not exist.
        groups: their points name the same axes.
        measured: what ``compute`` returns.
        runs_at_once: the last chunk of a group may be smaller, and compiles once more.
        quiet: no progress.

    Returns:
        Dims ``run x record``; the axes are coordinates of ``run``. See :func:`gendyn.store.open`.

    Raises:
        ConfigError: no runs, points with different axes, a run twice, results of other names or shapes, or a
            ``workdir`` that holds something else.
        StoreError: the folder cannot be written.

    >>> import tempfile
    >>> def compute(points):
    ...     return {"square": [point["x"] ** 2 for point in points]}
    >>> group = Group(points=({"x": 1}, {"x": 3}), compute=compute)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = simulate({}, folder, [group], {"square": Measured("x squared")})
    >>> ds["x"].values.tolist(), ds["square"].values.tolist()
    ([1, 3], [[1.0], [9.0]])
    """
    check_positive_int("runs_at_once", runs_at_once)
    plan = _plan(config, groups, measured, runs_at_once)
    use_compilation_cache()
    folder = store.open_workdir(workdir)
    with store.lock(folder):
        if not store.born(folder):
            store.write_plan(folder, plan)
        elif any(store.read_plan(folder).get(name) != json.loads(json.dumps(plan[name])) for name in _IDENTITY):
            raise ConfigError(
                f"workdir = {str(workdir)!r} holds other runs than this config asks for. Choose another folder."
            )
        count = sum(len(group.points) for group in groups)
        with Progress(count, count, quiet=quiet) as progress:
            for group, chunk in _chunks_of(groups, plan["chunks"]):
                held = _open_chunk(folder, chunk, measured)
                if held.committed() == len(chunk["steps"]):
                    progress.resume(len(chunk["runs"]))
                    continue
                with _one_blas_thread():
                    records = group.compute(tuple(run["coords"] for run in chunk["runs"]))
                    records = {name: np.asarray(values) for name, values in records.items()}
                held.commit(_checked(records, measured, len(chunk["runs"]), len(chunk["steps"])), 0, {}, {})
                progress.advance(len(chunk["runs"]), chunk["id"])
    return store.open(folder)


def _one_blas_thread() -> "threadpoolctl.threadpool_limits":
    """Redraws are thousands of small decompositions: BLAS's threads share none of them, and wait for each other.

    At n = 200 a Cholesky factor by two threads took 100 times that of one where another process was running. XLA's own
    products keep all their threads.
    """
    import scipy.linalg  # noqa: F401 (loads the library that JAX's decompositions on a CPU call)
    import threadpoolctl

    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


_IDENTITY = ("config", "chunks", "axes", "metrics")


def _plan(
    config: Mapping[str, Any], groups: Sequence[Group], measured: Mapping[str, Measured], size: int
) -> dict[str, Any]:
    points = [{name: plain(value) for name, value in point.items()} for group in groups for point in group.points]
    axes = list(points[0]) if points else []
    if not axes or any(list(point) != axes for point in points):
        raise ConfigError("simulate: give points, all of the same axes in the same order.")
    if len({json.dumps(point) for point in points}) < len(points):
        raise ConfigError(f"simulate: two points of {', '.join(axes)} are equal; each run may be given once.")
    runs = iter([{"index": index, "coords": point} for index, point in enumerate(points)])
    chunks = []
    for group in groups:
        members = [next(runs) | {"values": dict(group.values)} for _ in group.points]
        for i in range(0, len(members), size):
            part = members[i : i + size]
            name = f"runs_{part[0]['index']:04d}"
            chunks.append({"id": name, "steps": [int(step) for step in group.steps] or [0], "runs": part})
    leaves = {name: value for name, value in dict(config).items() if name != "axes"}
    return {
        "format": 1,
        "axes": axes,
        "metrics": {
            name: {"shape": list(about.shape), "dtype": about.dtype, "long_name": about.long_name}
            for name, about in measured.items()
        },
        "chunks": chunks,
        "config": leaves,
        "provenance": dict(store.collect(leaves, {}, device=True)),
    }


def _chunks_of(groups: Sequence[Group], chunks: Sequence[dict[str, Any]]) -> list[tuple[Group, dict[str, Any]]]:
    """Every chunk with the group it was cut from."""
    remaining = iter(chunks)
    pairs = []
    for group in groups:
        left = len(group.points)
        while left:
            chunk = next(remaining)
            pairs.append((group, chunk))
            left -= len(chunk["runs"])
    return pairs


def _open_chunk(folder: Path, chunk: Mapping[str, Any], measured: Mapping[str, Measured]) -> store.ChunkStore:
    return store.ChunkStore.create(
        store.chunk_folder(folder, chunk["id"]),
        rows=len(chunk["runs"]),
        num_records=len(chunk["steps"]),
        variables=[store.Variable(name, about.shape, about.dtype) for name, about in measured.items()],
        records_per_block=len(chunk["steps"]),
    )


def _checked(
    records: Mapping[str, ArrayLike], measured: Mapping[str, Measured], runs: int, count: int
) -> dict[str, np.ndarray]:
    if set(records) != set(measured):
        raise ConfigError(
            f"simulate: compute returned {', '.join(sorted(records))}; measured names {', '.join(sorted(measured))}."
        )
    arrays = {}
    for name, about in measured.items():
        array = np.asarray(records[name], about.dtype)
        if count == 1 and array.shape == (runs, *about.shape):
            array = array[:, None]
        if array.shape != (runs, count, *about.shape):
            raise ConfigError(
                f"simulate: {name} has shape {array.shape}; {runs} runs, {count} records and the measured shape "
                f"{about.shape} make {(runs, count, *about.shape)}."
            )
        arrays[name] = array
    return arrays
