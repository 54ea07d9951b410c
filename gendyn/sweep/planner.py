"""Making a plan: runs into groups that can share a program, groups into buckets of sizes, buckets into chunks."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gendyn import train
from gendyn.core import ConfigError, module
from gendyn.sweep import axes as axes_module
from gendyn.sweep import cost
from gendyn.sweep.buckets import Cell, split
from gendyn.sweep.config import Flat, complete, flatten, leaves_of
from gendyn.sweep.pack import shapes_at
from gendyn.sweep.plan import Chunk, Estimate, Plan, PlannedRun
from gendyn.sweep.points import (
    Point,
    build,
    canonical,
    changed_num_train,
    digest,
    make_points,
    most_rows,
    num_train,
    read_arms,
)
from gendyn.sweep.program import host_data, program_of, task_arguments, traits
from gendyn.types import Task

MAX_ROWS = 4096
"""Runs in a chunk at most: what a kill or a lost machine can cost."""


def read_axes(config: Mapping[str, Any], axes: Any) -> tuple[axes_module.Axes, axes_module.Zips]:
    """The axes in force (the argument replaces the config's) and the zips."""
    chosen = axes_module.normalise(config.get("axes", ()) if axes is None else axes)
    return chosen, axes_module.normalise_zips(config.get("zip_axes", ()))


def load_task(flat: Flat, cache: dict[str, Task]) -> Task:
    """The task of a run; equal arguments load once."""
    key = canonical({name: value for name, value in flat.items() if name.startswith("task.")})
    if key not in cache:
        cache[key] = build("task", flat)
    return cache[key]


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
        ConfigError: anything wrong with the input; see :func:`gendyn.sweep.points.make_points`.
    """
    tasks = {} if tasks is None else tasks
    chosen, zips = read_axes(config, axes)
    flat = complete(flatten(config))
    if known is not None:
        flat = flat | {"arms": _all_arms(known, flat)}
    points = make_points(flat, chosen, zips)
    if known is not None:
        _check_same_sweep(known, flat, chosen)
        _check_same_arms(known, flat, points)
    done = set() if known is None else {run.identity for run in known.runs}
    offset = 0 if known is None else 1 + max(run.index for run in known.runs)
    fresh = [point for point in points if point.identity not in done]
    runs = [PlannedRun(offset + i, p.identity, p.flat) for i, p in enumerate(fresh)]
    groups: dict[str, list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault(_group_key(run.flat), []).append(run)
    for members in groups.values():
        check_against_data(members, load_task(members[0].flat, tasks))
    limits = cost.machine(devices, flat["sweep.memory_limit_gb"])
    chunks = [c for members in groups.values() for c in _chunks(members, load_task(members[0].flat, tasks), limits)]
    if known is None:
        return Plan(flat, chosen, tuple(chunks))
    # How to execute is this call's affair, also for the runs that were planned before.
    present = {name: flat[name] for name, leaf in leaves_of(flat).items() if leaf.kind == "execution"}
    kept = [
        chunk._replace(runs=tuple(dataclasses.replace(run, flat=run.flat | present) for run in chunk.runs))
        for chunk in known.chunks
    ]
    return Plan(known.config | present, _union(chosen, known), (*kept, *chunks))


def _union(axes: axes_module.Axes, known: Plan) -> axes_module.Axes:
    merged = {name: list(values) for name, values in known.axes}
    for name, values in axes:
        merged.setdefault(name, []).extend(v for v in values if v not in merged.get(name, []))
    return tuple((name, tuple(values)) for name, values in merged.items())


def _check_same_sweep(known: Plan, flat: Flat, axes: axes_module.Axes) -> None:
    """A folder holds one sweep: outside the axes, old and new configs must agree."""
    varied = {name for name, _ in (*known.axes, *axes)}
    leaves = leaves_of(flat)
    for name in sorted(set(flat) | set(known.config)):
        if name in varied or (name in leaves and leaves[name].kind == "execution"):
            continue
        old, new = known.config.get(name), flat.get(name)
        if old != new:
            raise ConfigError(
                f"workdir holds the results of another sweep: config.{name} is {old!r} there and {new!r} here. "
                f"Use another --workdir, or make it an axis (--axis {name}={old},{new}) to keep both."
            )


def _all_arms(known: Plan, flat: Flat) -> tuple[Any, ...]:
    """This call's arms, and those that only runs of earlier calls have."""
    now = read_arms(flat["arms"])
    return (*flat["arms"], *(pair for pair in known.config["arms"] if pair[0] not in now))


def _check_same_arms(known: Plan, flat: Flat, points: Sequence[Point]) -> None:
    """In a folder a name stands for one set of leaves, and a set of leaves for one name."""
    before, now = read_arms(known.config["arms"]), read_arms(flat["arms"])
    names = {point.identity: point.flat["arm"] for point in points}
    for run in known.runs:
        name = run.flat["arm"]
        if names.get(run.identity, name) != name:
            raise ConfigError(
                f"workdir holds a run of arm {names[run.identity]!r} already, under the name {name!r}. Call the arm "
                "that, leave it out, or use another --workdir."
            )
        for leaf in sorted({*before.get(name, {}), *now.get(name, {})}):
            old, new = run.flat.get(leaf), now[name].get(leaf, flat.get(leaf))
            if old != new:
                raise ConfigError(
                    f"workdir holds runs of arm {name!r} with {leaf} = {old!r}, and config.arms now gives it {new!r}. "
                    "Give the changed arm another name, or use another --workdir."
                )


def _group_key(flat: Flat) -> str:
    """Runs with equal keys can share a program."""
    leaves = leaves_of(flat)
    static = {name: flat[name] for name, leaf in leaves.items() if leaf.kind == "static"}
    parts: dict[str, Any] = dict(traits(flat))
    if flat["stop.train_loss"] >= 0 or flat["stop.train_error"] >= 0:
        # These rules are asked at every record, so no neighbour may add records of its own.
        size = flat["data.num_train"], flat["data.train_fraction"]
        parts["due"] = [flat["stop.step"], flat["data.change_step"], flat["stop.epoch"], flat["stop.epoch"] and size]
    return canonical([static, parts])


def check_against_data(runs: Sequence[PlannedRun], task: Task) -> None:
    """Rules that need the data's size and kind."""
    available = len(task.y_train)
    for run in runs:
        flat = run.flat
        count, fewest = most_rows(flat, available), num_train(flat, available)
        if flat["data.change_step"]:
            fewest = min(fewest, changed_num_train(flat, available))
        if count > available:
            raise ConfigError(
                f"data.num_train = {count} is more than the {available} training examples of task "
                f"{task.name!r}; choose at most {available} (0 is all), or a smaller task.num_test."
            )
        if task.rest_is_test and count == available:
            raise ConfigError(
                f"task {task.name!r} tests on the examples that a run does not train on, and this run trains on all "
                f"{available}: set data.train_fraction or data.num_train lower."
            )
        if flat["train.batch_size"] > fewest:
            raise ConfigError(
                f"train.batch_size = {flat['train.batch_size']} is larger than the training set of {fewest}; "
                f"choose at most {fewest}, or 0 for full batch."
            )
        if flat["stop.train_error"] >= 0 and task.kind != "classification":
            raise ConfigError(
                f"stop.train_error = {flat['stop.train_error']} needs classes; task {task.name!r} is a regression: "
                "use stop.train_loss."
            )
        if flat["data.label_noise"] > 0 and task.kind != "classification":
            raise ConfigError(
                f"data.label_noise = {flat['data.label_noise']} needs classes; task {task.name!r} is a regression."
            )
        needs_classes = getattr(module("optim", flat["loss"]), "NEEDS_CLASSES", False)
        if needs_classes and task.kind != "classification":
            raise ConfigError(
                f"config.loss = {flat['loss']!r} needs classes; task {task.name!r} is a regression: "
                "use 'squared_error'."
            )
        if flat["train.jacobian_penalty"] > 0 and np.issubdtype(task.x_train.dtype, np.integer):
            raise ConfigError(
                f"train.jacobian_penalty = {flat['train.jacobian_penalty']} differentiates by the inputs; those of "
                f"task {task.name!r} are integers: set it to 0."
            )
        if flat["train.augment"] and task.x_train.ndim != 4:
            raise ConfigError(
                f"train.augment = True crops and flips images; task {task.name!r} has inputs of shape "
                f"{task.x_train.shape[1:]}. Set train.augment = False."
            )


def _sizes(flat: Flat) -> dict[str, int]:
    leaves = leaves_of(flat)
    return {name: flat[name] for name, leaf in leaves.items() if leaf.kind == "size"}


def record_steps(flat: Flat, runs: Iterable[PlannedRun], available: int) -> tuple[int, ...]:
    """The record steps of a group: its schedule, and the steps at which a stop rule by step or epoch falls due."""
    extra = set()
    for run in runs:
        batch = run.flat["train.batch_size"]
        per_epoch = max(1, num_train(run.flat, available) // batch) if batch else 1
        extra |= {run.flat["stop.step"], run.flat["data.change_step"], run.flat["stop.epoch"] * per_epoch} - {0}
    return train.record_steps(
        flat["record.kind"],
        num_steps=flat["train.num_steps"],
        num_records=flat["record.num_records"],
        steps=flat["record.steps"],
        extra=tuple(extra),
    )


def _chunks(runs: list[PlannedRun], task: Task, limits: cost.Machine) -> list[Chunk]:
    """One group in buckets, each bucket in chunks that fit."""
    flat = runs[0].flat
    names = list(_sizes(flat))
    available, batch = len(task.y_train), flat["train.batch_size"]
    steps = record_steps(flat, runs, available)
    exact = program_of(flat, _sizes(flat), task)
    # Building the network here turns a bad width into an error before anything compiles.
    models = {canonical({n: v for n, v in run.flat.items() if n.startswith("model.")}): run.flat for run in runs}
    for built in models.values():
        build("model", built, **task_arguments(exact))
    forward = dict(zip((run.index for run in runs), cost.flops_by_size(exact, [r.flat for r in runs]), strict=True))

    cells: dict[tuple[Any, ...], list[PlannedRun]] = {}
    for run in runs:
        rows = most_rows(run.flat, available)
        # Mini-batches never touch rows beyond their own; only the full batch is padded.
        key = (tuple(run.flat[name] for name in names), 0 if batch else rows)
        cells.setdefault(key, []).append(run)

    def pool(members: Sequence[PlannedRun]) -> int:
        return max(most_rows(run.flat, available) for run in members)

    def cell(key: tuple[Any, ...]) -> Cell:
        members = cells[key]
        return Cell(key[0], pool(members), forward[members[0].index], len(members))

    ordered = sorted(cells, key=lambda key: (cell(key).forward * (1 if batch else cell(key).rows), key))
    rule = flat["sweep.buckets"] if names or not batch else "max"
    pinned = {"auto": None, "vmap": True, "map": False}[flat["sweep.strategy"]]
    has_statistics = bool(jax.tree.leaves(shapes_at(exact, flat, padded=False).statistics))
    intervals = split(
        [cell(key) for key in ordered],
        rule,
        batch_size=batch,
        num_steps=steps[-1],
        limits=limits,
        vmap=pinned,
        equal_rows=has_statistics and not batch,
    )
    chunks: list[Chunk] = []
    for i, j in intervals:
        members = sorted((run for key in ordered[i:j] for run in cells[key]), key=lambda run: run.index)
        sizes = {name: max(run.flat[name] for run in members) for name in names}
        if rule == "power_of_two":
            sizes = {name: 1 << (size - 1).bit_length() for name, size in sizes.items()}
        chunks += _fit(members, sizes, task, pool(members), steps, forward, limits)
    return chunks


def _fit(
    members: list[PlannedRun],
    sizes: dict[str, int],
    task: Task,
    num_rows: int,
    steps: tuple[int, ...],
    forward: Mapping[int, float],
    limits: cost.Machine,
) -> list[Chunk]:
    """Equal chunks within the memory limit, so that they share one compiled program."""
    flat = members[0].flat
    program = program_of(flat, sizes, task)
    needed = cost.memory(program, flat | sizes, host_data(task, num_rows), num_rows)
    batch = flat["train.batch_size"]
    padded = cost.step_flops(cost.flops_by_size(program, [flat | sizes])[0], batch, num_rows)
    strategy = flat["sweep.strategy"]
    if strategy == "auto":
        strategy = "vmap" if padded < limits.vmap_below else "map"
    together = math.inf if strategy == "vmap" else max(1, flat["sweep.batch"])
    most = min(MAX_ROWS, needed.max_rows(limits.bytes, together, limits.devices))
    if most < 1:
        raise ConfigError(
            f"one run of sizes {sizes} needs about {needed.total(1, 1, limits.devices) / 1e9:.3g} GB, more than the "
            f"{limits.bytes / 1e9:.3g} GB there are; raise sweep.memory_limit_gb, or choose a smaller width, "
            "train.batch_size or data.num_train."
        )
    size = math.ceil(len(members) / math.ceil(len(members) / most))
    chunks = []
    for part in (tuple(members[i : i + size]) for i in range(0, len(members), size)):
        rows = {run.index: num_train(run.flat, len(task.y_train)) for run in part}
        useful = sum(cost.step_flops(forward[run.index], batch, rows[run.index]) for run in part) * steps[-1]
        estimate = Estimate(
            program=digest([repr(program), num_rows, len(part)])[:10],
            strategy=strategy,
            useful_flops=useful,
            padded_flops=padded * len(part) * steps[-1],
            bytes=needed.total(len(part), together, limits.devices),
            seconds=limits.seconds(padded, len(part), steps[-1], vmap=strategy == "vmap"),
        )
        name = digest([[run.identity for run in part], sizes, num_rows])[:10]
        chunks.append(Chunk(name, sizes, num_rows, steps, part, estimate))
    return chunks
