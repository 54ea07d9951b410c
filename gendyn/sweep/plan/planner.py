"""Making a plan: which runs can share a program, and what is already planned."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from gendyn.core.lookup import unnamed_fault
from gendyn.sweep.config import axes as axes_module
from gendyn.sweep.config.complete import complete
from gendyn.sweep.config.flat import Flat, flatten
from gendyn.sweep.config.points import make_points
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.against_task import check_against_data, load_task
from gendyn.sweep.plan.chunking import chunks_of
from gendyn.sweep.plan.extend import all_arms, check_same_arms, check_same_numbers, check_same_sweep, union
from gendyn.sweep.plan.planned import Plan, PlannedRun
from gendyn.sweep.plan.program import traits
from gendyn.sweep.plan.same_data import as_known, places, reader, varied_leaves
from gendyn.types import Task


def read_axes(config: Mapping[str, Any], axes: Any) -> tuple[axes_module.Axes, axes_module.Zips]:
    """The axes in force (the argument replaces the config's) and the zips."""
    chosen = axes_module.normalise(config.get("axes", ()) if axes is None else axes)
    return chosen, axes_module.normalise_zips(config.get("zip_axes", ()))


def make_plan(
    config: Mapping[str, Any],
    *,
    axes: Any = None,
    devices: Sequence[jax.Device],
    tasks: dict[str, Task] | None = None,
    known: Plan | None = None,
) -> Plan:
    """Sorts the runs of a sweep into programs and chunks.

    Args:
        config: a config as :func:`gendyn.sweep.base_config` makes them.
        axes: ``{leaf: values}``, instead of the config's.
        devices: where it will run; their number and kind decide buckets and chunk sizes.
        tasks: loaded tasks are kept here.
        known: an earlier plan of the same folder: its chunks stay as they are, and only new runs are planned.

    Raises:
        ConfigError: anything wrong with the input; see :func:`gendyn.sweep.config.points.make_points`.
    """
    tasks = {} if tasks is None else tasks
    chosen, zips = read_axes(config, axes)
    flat = complete(flatten(config))
    if known is not None:
        flat = flat | {"arms": all_arms(known, flat)}
    points = make_points(flat, chosen, zips, data_of=reader(tasks))
    varied = varied_leaves(chosen if known is None else union(chosen, known), flat["arms"])
    if known is not None:
        check_same_sweep(known, flat, chosen)
        points = as_known(points, known, varied, flat["store.accept_changes"])
        check_same_arms(known, flat, points)
    done = set() if known is None else {run.identity for run in known.runs}
    wanted = {point.identity for point in points}
    offset = 0 if known is None else 1 + max((run.index for run in known.runs), default=-1)
    fresh = [point for point in points if point.identity not in done]
    if known is not None:
        check_same_numbers(known, chosen, fresh)
    runs = [PlannedRun(offset + i, p.identity, p.flat, p.data) for i, p in enumerate(fresh)]
    groups: dict[Any, list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault((_group_key(run.flat), run.data), []).append(run)
    for members in groups.values():
        check_against_data(members, load_task(members[0].flat, tasks))
    limits = cost.machine(devices, flat["sweep.memory_limit_gb"])
    chunks = [c for members in groups.values() for c in chunks_of(members, load_task(members[0].flat, tasks), limits)]
    if known is None:
        return Plan(flat, chosen, tuple(chunks))
    # Strategy, memory limit, the data's place and the like are those of this call, also for runs planned before.
    present = {name: flat[name] for name in leaves_of(flat).of_kind("execution")}
    moved = {name: flat[name] for name in places(flat, varied)}
    kept = []
    for chunk in known.chunks:
        there = (dataclasses.replace(run, flat=run.flat | present).placed(moved) for run in chunk.runs)
        kept.append(chunk._replace(runs=tuple(there)))
    extended = (*kept, *chunks)
    others = {run.identity for chunk in extended for run in chunk.runs} - wanted
    made = Plan(known.config | present | moved, union(chosen, known), extended, frozenset(wanted if others else ()))
    for run in (run for chunk in made.asked for run in chunk.runs):
        if run.unnamed:
            raise unnamed_fault("plan.json", run.unnamed)
    return made._replace(carried=known.carried)


def _group_key(flat: Flat) -> Any:
    """Runs with equal keys can share a program."""
    names = leaves_of(flat).of_kind("static")
    due: tuple[Any, ...] = ()
    if flat["stop.train_loss"] >= 0 or flat["stop.train_error"] >= 0:
        # These rules are asked at every record, so no neighbour may add records of its own.
        size = (flat["data.num_train"], flat["data.train_fraction"]) if flat["stop.epoch"] else ()
        due = (flat["stop.step"], flat["data.change_step"], flat["stop.epoch"], size)
    return names, tuple(flat[name] for name in names), tuple(traits(flat).values()), due
