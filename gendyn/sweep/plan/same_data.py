"""One folder of results, one set of data: wherever the task's files lie today, they must hold what they held."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gendyn.core import ConfigError, canonical, digest
from gendyn.sweep.config.arms import read_arms
from gendyn.sweep.config.axes import Axes
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.points import Point, identity_of
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Plan
from gendyn.tasks import sha256
from gendyn.types import Task


def data_digest(task: Task) -> str:
    """Of the arrays of a task. Cost: one pass over them, about a second for a gigabyte."""
    return sha256(task.x_train, task.y_train, task.x_test, task.y_test)


def reader(tasks: dict[str, Task]) -> Callable[[Flat], str]:
    """``flat -> data_digest`` of a run's task; equal arguments are read once. Loaded tasks are kept in ``tasks``."""
    known: dict[str, str] = {}

    def data_of(flat: Flat) -> str:
        key = task_leaves(flat)
        if key not in known:
            known[key] = data_digest(load_task(flat, tasks))
        return known[key]

    return data_of


def varied_leaves(axes: Axes, arms: Any) -> set[str]:
    """Leaves that differ between the runs of a sweep, by an axis or by an arm: their values are labels."""
    return {name for name, _ in axes} | {leaf for settings in read_arms(arms).values() for leaf in settings}


def task_leaves(flat: Mapping[str, Any], without: Iterable[str] = ()) -> str:
    """The leaves of a run's task, as text, without some of them."""
    return canonical({name: v for name, v in flat.items() if name.startswith("task.") and name not in without})


def places(flat: Flat, varied: Iterable[str] = ()) -> tuple[str, ...]:
    """The leaves of a run that say where its data lie, but for labels: those that vary between runs."""
    return tuple(name for name in leaves_of(flat).of_kind("place") if name not in varied)


def as_known(points: Sequence[Point], known: Plan, varied: set[str], accept_changes: bool) -> list[Point]:
    """Runs under the identities by which a folder has them, whatever the place of their data.

    A run planned before version 0.5.0 has its place in its identity and no checksum of its data. It keeps its identity,
    and what its provenance says of its data is compared by :func:`gendyn.sweep.origins.check_origins`.

    Raises:
        ConfigError: the data are others than those of the runs there, unless ``accept_changes``.
    """
    if not any(point.data for point in points):
        return list(points)
    there = {_apart_from_data(run.flat, varied): run for run in known.runs if not run.unnamed and places(run.flat)}
    before = {
        task_leaves(run.flat, places(run.flat, varied)): run.data for run in known.runs if run.data and not run.unnamed
    }
    settled = []
    for point in points:
        if point.data:
            held = before.get(task_leaves(point.flat, places(point.flat, varied)), point.data)
            if held != point.data and not accept_changes:
                where = ", ".join(f"{name} = {point.flat[name]!r}" for name in places(point.flat))
                raise ConfigError(
                    f"workdir holds results of other data: {where} has arrays of sha256 {point.data[:12]}, and those "
                    f"of the runs there are {held[:12]}. Name the folder of the same files, use another --workdir, or, "
                    "where the change cannot matter, set --config.store.accept_changes=true."
                )
            run = there.get(_apart_from_data(point.flat, varied))
            if run is not None:
                point = point._replace(identity=run.identity, data=run.data)
        settled.append(point)
    return settled


def _apart_from_data(flat: Flat, varied: set[str]) -> str:
    """Equal for runs that differ in nothing but their data, or where those lie."""
    labels = {name: flat[name] for name in leaves_of(flat).of_kind("place") if name in varied}
    return digest([identity_of(flat, leaves_of(flat), "any"), labels])
