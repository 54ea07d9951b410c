"""Simulations with a program of their own: stored, labelled, resumed and locked as a sweep of networks is."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gendyn import store
from gendyn.core import ConfigError, canonical, check_positive_int
from gendyn.sweep.config.leaf import plain
from gendyn.sweep.ending import ending
from gendyn.sweep.execute.devices import compilation_cache, pick_devices
from gendyn.sweep.execute.failures import Failures
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.signals import Signals, Stopped
from gendyn.sweep.plan.labels import labels
from gendyn.types import ArrayLike, Dataset


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


class Simulation(NamedTuple):
    """All runs of a program of its own."""

    groups: tuple[Group, ...]
    """Their points name the same axes, in the same order."""
    measured: Mapping[str, Measured]
    """What every ``compute`` returns."""
    runs_at_once: int = 256
    """Runs of a chunk; the last chunk of a group may be smaller, and compiles once more."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.groups[0].points[0]) if self.groups and self.groups[0].points else ()

    def select(self, wanted: Callable[[Mapping[str, Any]], bool]) -> "Simulation":
        """The runs whose point is wanted."""
        parts = (group._replace(points=tuple(filter(wanted, group.points))) for group in self.groups)
        return self._replace(groups=tuple(part for part in parts if part.points))

    def summary(self) -> str:
        """A line a group, and the totals; nothing is computed."""
        lines = [f"{'group':<7}{'runs':>7}{'records':>9}{'chunks':>8}  axes"]
        totals = [0, 0]
        for number, group in enumerate(self.groups):
            chunks = -(-len(group.points) // self.runs_at_once)
            totals = [totals[0] + len(group.points), totals[1] + chunks]
            values = {name: list(dict.fromkeys(point[name] for point in group.points)) for name in self.axes}
            shown = ", ".join(f"{name} {_brief(of_axis)}" for name, of_axis in values.items())
            lines.append(f"{number:<7}{len(group.points):>7}{len(group.steps) or 1:>9}{chunks:>8}  {shown}")
        numbers = sum(int(np.prod(about.shape, dtype=int)) for about in self.measured.values())
        lines.append(f"{totals[0]} runs in {totals[1]} chunks; {numbers:,} numbers a run and record.")
        return "\n".join(lines)


def _brief(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) if len(values) <= 4 else f"{values[0]} … {values[-1]} ({len(values)})"


@compilation_cache()
def simulate(
    config: Mapping[str, Any],
    workdir: str | Path,
    simulation: Simulation,
    *,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = True,
) -> Dataset:
    """Computes the runs of every group, or those that ``workdir`` lacks, and returns the labelled results.

    A chunk is some runs of one group; its commit is atomic, so a kill costs one chunk. A compute function whose
    randomness comes from the points alone makes every result a pure function of the config. Runs that the folder does
    not have yet form chunks of their own; those it has are kept, whether asked for again or not.

    Args:
        config: plain leaves; stored, and compared with what ``workdir`` holds.
        workdir: the results folder; made if it does not exist.
        simulation: its groups.
        overrides: what the user changed, stored with the provenance.
        quiet: no progress.

    Returns:
        Dims ``run x record``; the axes are coordinates of ``run``. See :func:`gendyn.store.open`.

    Raises:
        ConfigError: no runs, points with different axes, a run twice, results of other names or shapes, or a
            ``workdir`` that holds something else.
        StoreError: the folder cannot be written.
        RunError: ``compute`` raised for some runs; all others are there.

    >>> import tempfile
    >>> def compute(points):
    ...     return {"square": [point["x"] ** 2 for point in points]}
    >>> group = Group(points=({"x": 1}, {"x": 3}), compute=compute)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = simulate({}, folder, Simulation((group,), {"square": Measured("x squared")}))
    >>> ds["x"].values.tolist(), ds["square"].values.tolist()
    ([1, 3], [[1.0], [9.0]])
    """
    pick_devices("")  # there is one, before anything is computed
    check_positive_int("runs_at_once", simulation.runs_at_once)
    groups, measured = simulation.groups, simulation.measured
    plan = _plan(dict(config), simulation, dict(overrides or {}))
    folder = store.open_workdir(workdir)
    with store.lock(folder):
        known = store.read_plan(folder) if store.born(folder) else None
        if known is not None:
            if any(known.get(name) != json.loads(json.dumps(plan[name])) for name in _IDENTITY):
                raise ConfigError(
                    f"workdir = {str(workdir)!r} holds other runs than this config asks for. Choose another folder."
                )
            plan = known
        owners = {canonical(point): group for group in groups for point in _plain_points(group)}
        fresh = _missing_chunks(simulation, plan["chunks"])
        if fresh or known is None:
            plan = plan | {"chunks": plan["chunks"] + fresh}
            store.write_plan(folder, plan)
        chunks = [chunk for chunk in plan["chunks"] if canonical(chunk["runs"][0]["coords"]) in owners]
        count = sum(len(chunk["runs"]) for chunk in chunks)
        called = labels({chunk["id"]: [run["coords"] for run in chunk["runs"]] for chunk in chunks})
        failures = Failures()
        done = sum(len(chunk["runs"]) for chunk in chunks if _is_there(folder, chunk))
        with Progress(count, count, quiet=quiet, labels=called) as progress, Signals() as signals:
            if done:
                progress.say(f"{done:,} of {count:,} runs done.")
            for place, chunk in enumerate(chunks):
                group = owners[canonical(chunk["runs"][0]["coords"])]
                held = _open_chunk(folder, chunk, measured)
                if held.committed() == len(chunk["steps"]):
                    progress.resume(len(chunk["runs"]))
                    continue
                try:
                    records = _computed(group, chunk, measured)
                except ConfigError:  # what an experiment says of its arguments or its results: true of all chunks
                    raise
                except Exception as error:
                    progress.say(failures.add(progress.label(chunk["id"]), len(chunk["runs"]), error))
                    progress.leave(len(chunk["runs"]))
                else:
                    held.commit(records, 0, {}, {})
                    progress.advance(len(chunk["runs"]), progress.label(chunk["id"]))
                if signals.received and place + 1 < len(chunks):
                    done = sum(len(each["runs"]) for each in chunks[: place + 1])
                    raise Stopped(signals.received, f"{done:,} of {count:,} runs", folder)
        failures.check(count, folder)
        ds = store.open(folder)
        progress.say(ending(ds, workdir))
    return ds


def _computed(group: Group, chunk: Mapping[str, Any], measured: Mapping[str, Measured]) -> dict[str, np.ndarray]:
    """The records of a chunk, checked."""
    with _one_blas_thread():
        records = group.compute(tuple(run["coords"] for run in chunk["runs"]))
        records = {name: np.asarray(values) for name, values in records.items()}
    return _checked(records, measured, len(chunk["runs"]), len(chunk["steps"]))


def _one_blas_thread() -> AbstractContextManager[Any]:
    """Redraws are thousands of small decompositions: BLAS's threads share none of them, and wait for each other.

    At n = 200 a Cholesky factor by two threads took 100 times that of one where another process was running. XLA's own
    products keep all their threads.
    """
    import scipy.linalg  # noqa: F401 (loads the library that JAX's decompositions on a CPU call)
    import threadpoolctl

    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


_IDENTITY = ("config", "axes", "metrics")


def _plain_points(group: Group) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in point.items()} for point in group.points]


def _plan(config: Mapping[str, Any], simulation: Simulation, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a new folder, without its chunks."""
    points = [point for group in simulation.groups for point in _plain_points(group)]
    axes = list(points[0]) if points else []
    if not axes or any(list(point) != axes for point in points):
        raise ConfigError("simulate: give points, all of the same axes in the same order.")
    if len({canonical(point) for point in points}) < len(points):
        raise ConfigError(f"simulate: two points of {', '.join(axes)} are equal; each run may be given once.")
    leaves = {name: value for name, value in config.items() if name not in ("axes", "zip_axes")}
    return {
        "axes": axes,
        "metrics": {
            name: {"shape": list(about.shape), "dtype": about.dtype, "long_name": about.long_name}
            for name, about in simulation.measured.items()
        },
        "chunks": [],
        "config": leaves,
        "provenance": dict(store.collect(leaves, overrides, device=True)),
    }


def _missing_chunks(simulation: Simulation, chunks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chunks of the runs that no chunk has yet, in the order of the groups; a chunk never mixes groups."""
    there = {canonical(run["coords"]) for chunk in chunks for run in chunk["runs"]}
    index = len(there)
    made = []
    for group in simulation.groups:
        members = []
        for point in _plain_points(group):
            if canonical(point) not in there:
                members.append({"index": index, "coords": point, "values": dict(group.values)})
                index += 1
        for i in range(0, len(members), simulation.runs_at_once):
            part = members[i : i + simulation.runs_at_once]
            steps = [int(step) for step in group.steps] or [0]
            made.append({"id": f"runs_{part[0]['index']:04d}", "steps": steps, "runs": part})
    return made


def _is_there(folder: Path, chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk is committed."""
    path = store.chunk_folder(folder, chunk["id"])
    return store.ChunkStore.exists(path) and store.ChunkStore(path, store.holds(chunk)).committed() > 0


def _open_chunk(folder: Path, chunk: Mapping[str, Any], measured: Mapping[str, Measured]) -> store.ChunkStore:
    return store.ChunkStore.create(
        store.chunk_folder(folder, chunk["id"]),
        rows=len(chunk["runs"]),
        num_records=len(chunk["steps"]),
        variables=[store.Variable(name, about.shape, about.dtype) for name, about in measured.items()],
        records_per_block=len(chunk["steps"]),
        holds=store.holds(chunk),
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
