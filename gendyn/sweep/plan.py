"""The plan: which runs share which programs, in which chunks. Plain data, printed before anything compiles."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gendyn import train
from gendyn.core import ConfigError, module
from gendyn.sweep import axes as axes_module
from gendyn.sweep import cost
from gendyn.sweep.config import Flat, complete, flatten, leaves_of, nest
from gendyn.sweep.points import Point, build, canonical, digest, make_points
from gendyn.sweep.program import Program, as_model, program_of, stops
from gendyn.types import Task

MAX_ROWS = 4096
"""Runs in a chunk at most: what a kill or a lost machine can cost."""


class PlannedRun(NamedTuple):
    """A run with its place in the sweep."""

    index: int
    identity: str
    flat: Flat


class Chunk(NamedTuple):
    """Runs that train together in one program: the unit that anyone may execute."""

    id: str
    sizes: dict[str, int]
    """Padded sizes of the model."""
    num_rows: int
    """Rows of the training pool that the program sees."""
    steps: tuple[int, ...]
    """The step of each record."""
    runs: tuple[PlannedRun, ...]

    def program(self, task: Task) -> Program:
        return program_of(self.runs[0].flat, self.sizes, task.x_train.shape[1:], task.num_outputs)


class Plan(NamedTuple):
    """All chunks of a sweep. :meth:`to_json` and :func:`plan_from_json` are inverse; :attr:`digest` names it."""

    config: Flat
    axes: axes_module.Axes
    chunks: tuple[Chunk, ...]

    @property
    def runs(self) -> list[PlannedRun]:
        """In the order of their index."""
        return sorted((run for chunk in self.chunks for run in chunk.runs), key=lambda run: run.index)

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        chunks = []
        for chunk in self.chunks:
            runs = []
            for run in chunk.runs:
                overrides = {k: v for k, v in run.flat.items() if self.config.get(k, _MISSING) != v}
                coords = {name: run.flat.get(name) for name, _ in self.axes}
                entry = {"index": run.index, "coords": coords, "identity": run.identity, "overrides": overrides}
                runs.append(entry)
            fixed = {"id": chunk.id, "sizes": chunk.sizes, "num_rows": chunk.num_rows, "steps": list(chunk.steps)}
            chunks.append(fixed | {"runs": runs})
        axes = [[name, list(values)] for name, values in self.axes]
        names = [name for name, _ in self.axes]
        return {"format": 1, "config": nest(self.config), "axes": names, "axis_values": axes, "chunks": chunks}


_MISSING = object()


def plan_from_json(stored: Mapping[str, Any]) -> Plan:
    """The plan that :meth:`Plan.to_json` wrote."""
    config = {name: _detuple(value) for name, value in flatten(stored["config"]).items()}
    chunks = []
    for entry in stored["chunks"]:
        runs = []
        for run in entry["runs"]:
            overrides = {name: _detuple(value) for name, value in run["overrides"].items()}
            merged = config | overrides
            flat = {name: merged[name] for name in leaves_of(merged)}
            runs.append(PlannedRun(run["index"], run["identity"], flat))
        chunks.append(Chunk(entry["id"], entry["sizes"], entry["num_rows"], tuple(entry["steps"]), tuple(runs)))
    axes = tuple((name, tuple(_detuple(v) for v in values)) for name, values in stored["axis_values"])
    return Plan(config, axes, tuple(chunks))


def _detuple(value: Any) -> Any:
    return tuple(_detuple(v) for v in value) if isinstance(value, list) else value


def read_axes(config: Mapping[str, Any], axes: Any) -> tuple[axes_module.Axes, tuple[tuple[str, ...], ...]]:
    """The axes in force (the argument replaces the config's) and the zips."""
    chosen = axes_module.normalise(config.get("axes", ()) if axes is None else axes)
    return chosen, tuple(tuple(group) for group in config.get("zip_axes", ()))


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
    points = make_points(flat, chosen, zips)
    if known is not None:
        _check_same_sweep(known, flat, chosen)
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
    kept = () if known is None else known.chunks
    base = flat if known is None else known.config
    return Plan(base, _union(chosen, known), (*kept, *chunks))


def _union(axes: axes_module.Axes, known: Plan | None) -> axes_module.Axes:
    if known is None:
        return axes
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


def _group_key(flat: Flat) -> str:
    """Runs with equal keys can share a program."""
    leaves = leaves_of(flat)
    static = {name: flat[name] for name, leaf in leaves.items() if leaf.kind == "static"}
    traits = {"ema": flat["train.ema_decay"] > 0, "stop": stops(flat)}
    return canonical([static, traits])


def check_against_data(runs: Sequence[PlannedRun], task: Task) -> None:
    """Rules that need the data's size and kind."""
    available = len(task.y_train)
    for run in runs:
        flat = run.flat
        num_train = flat["data.num_train"] or available
        if num_train > available:
            raise ConfigError(
                f"data.num_train = {num_train} is more than the {available} training examples of task "
                f"{task.name!r}; choose at most {available} (0 is all), or a smaller task.num_test."
            )
        if flat["train.batch_size"] > num_train:
            raise ConfigError(
                f"train.batch_size = {flat['train.batch_size']} is larger than the training set of {num_train}; "
                f"choose at most {num_train}, or 0 for full batch."
            )
        if flat["data.label_noise"] > 0 and task.kind != "classification":
            raise ConfigError(f"data.label_noise = {flat['data.label_noise']} needs classes; task {task.name!r} is a regression.")
        if flat["loss"] == "cross_entropy" and task.kind != "classification":
            raise ConfigError(f"config.loss = 'cross_entropy' needs classes; task {task.name!r} is a regression: use 'squared_error'.")
        if flat["train.augment"] and task.x_train.ndim != 4:
            raise ConfigError(
                f"train.augment = True crops and flips images; task {task.name!r} has inputs of shape "
                f"{task.x_train.shape[1:]}. Set train.augment = False."
            )


def _sizes(flat: Flat) -> dict[str, int]:
    leaves = leaves_of(flat)
    return {name: flat[name] for name, leaf in leaves.items() if leaf.kind == "size"}


def record_steps(flat: Flat, runs: Iterable[PlannedRun], num_train: int) -> tuple[int, ...]:
    """The record steps of a group: its schedule, and the steps at which a stop rule by step or epoch falls due."""
    extra = set()
    for run in runs:
        batch = run.flat["train.batch_size"]
        per_epoch = max(1, (run.flat["data.num_train"] or num_train) // batch) if batch else 1
        extra |= {run.flat["stop.step"], run.flat["stop.epoch"] * per_epoch} - {0}
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
    available, batch = len(task.y_train), flat["train.batch_size"]
    steps = record_steps(flat, runs, available)
    exact = program_of(flat, _sizes(flat), task.x_train.shape[1:], task.num_outputs)
    # Building the network here turns a bad width into an error before anything compiles.
    for built in {canonical(_model_leaves(run.flat)): run.flat for run in runs}.values():
        build("model", built, **_given(built, task))
    forward = dict(zip((r.index for r in runs), cost.flops_by_size(exact, [r.flat for r in runs]), strict=True))
    rows = {run.index: run.flat["data.num_train"] or available for run in runs}
    ordered = sorted(runs, key=lambda r: (forward[r.index] * (1 if batch else rows[r.index]), r.index))
    keys = [(tuple(_sizes(r.flat).values()), 0 if batch else rows[r.index]) for r in ordered]
    bounds = [i for i in range(len(keys)) if i == 0 or keys[i] != keys[i - 1]] + [len(keys)]
    masks_break = batch == 0 and _has_statistics(exact, flat)
    chunks: list[Chunk] = []
    for start, end in _buckets(ordered, bounds, forward, rows, batch, steps[-1], limits, masks_break):
        members = ordered[start:end]
        sizes = {name: max(run.flat[name] for run in members) for name in _sizes(flat)}
        if flat["sweep.buckets"] == "power_of_two":
            sizes = {name: 1 << (size - 1).bit_length() for name, size in sizes.items()}
        num_rows = max(rows[run.index] for run in members)
        program = program_of(flat, sizes, task.x_train.shape[1:], task.num_outputs)
        work = cost.step_flops(max(forward[run.index] for run in members), batch, num_rows)
        for part in _fit(members, program, task, num_rows, work, limits):
            part = sorted(part, key=lambda run: run.index)
            name = digest([[run.identity for run in part], sizes, num_rows])[:10]
            chunks.append(Chunk(name, sizes, num_rows, steps, tuple(part)))
    return chunks


def _model_leaves(flat: Flat) -> dict[str, Any]:
    return {name: value for name, value in flat.items() if name.startswith("model.")}


def _given(flat: Flat, task: Task) -> dict[str, Any]:
    from gendyn.sweep.program import _task_arguments

    program = program_of(flat, {}, task.x_train.shape[1:], task.num_outputs)
    return _task_arguments("models", flat["model.name"], program)


def _has_statistics(program: Program, flat: Flat) -> bool:
    return bool(jax.tree.leaves(cost.shapes_at(program, flat, padded=False).statistics))


def _buckets(
    ordered: list[PlannedRun],
    bounds: list[int],
    forward: Mapping[int, float],
    rows: Mapping[int, int],
    batch: int,
    num_steps: int,
    limits: cost.Machine,
    masks_break: bool,
) -> list[tuple[int, int]]:
    """Intervals of ``ordered`` that share a program, by the config's rule or by least estimated time."""
    flat = ordered[0].flat
    rule = flat["sweep.buckets"]
    cells = [(bounds[i], bounds[i + 1]) for i in range(len(bounds) - 1)]

    def padded(i: int, j: int) -> tuple[float, int]:
        members = ordered[cells[i][0] : cells[j - 1][1]]
        return max(forward[r.index] for r in members), max(rows[r.index] for r in members)

    def seconds(i: int, j: int) -> float:
        if masks_break and len({rows[r.index] for r in ordered[cells[i][0] : cells[j - 1][1]]}) > 1:
            return math.inf  # BatchNorm would average over rows that the run does not see
        flops = cost.step_flops(padded(i, j)[0], batch, padded(i, j)[1])
        count = cells[j - 1][1] - cells[i][0]
        share = math.ceil(count / limits.devices)
        return limits.compile_seconds + num_steps * share * (limits.step_seconds + flops / limits.flops_per_second)

    if rule == "exact" or not _sizes(flat):
        chosen = [(i, i + 1) for i in range(len(cells))]
    elif rule == "max":
        chosen = [(0, len(cells))]
    elif rule == "power_of_two":
        def level(i: int) -> tuple[int, ...]:
            return tuple((s - 1).bit_length() for s in _sizes(ordered[cells[i][0]].flat).values())

        edges = [i for i in range(len(cells)) if i == 0 or level(i) != level(i - 1)] + [len(cells)]
        chosen = [(edges[k], edges[k + 1]) for k in range(len(edges) - 1)]
    else:
        chosen = cost.cheapest_partition(len(cells), seconds)
    return [(cells[i][0], cells[j - 1][1]) for i, j in chosen]


def _fit(
    members: list[PlannedRun], program: Program, task: Task, num_rows: int, work: float, limits: cost.Machine
) -> list[list[PlannedRun]]:
    """Equal chunks within the memory limit, so that they share one compiled program."""
    flat = members[0].flat
    estimate = cost.memory(program, flat | program_sizes(program), host_data(task, num_rows), num_rows)
    together = side_by_side(flat, work, limits)
    most = min(MAX_ROWS, estimate.max_rows(limits.bytes, together, limits.devices))
    if most < 1:
        need = estimate.total(1, 1, limits.devices) / 1e9
        raise ConfigError(
            f"one run of sizes {dict(program.sizes)} needs about {need:.2f} GB, more than the {limits.bytes / 1e9:.2f} GB "
            "available; raise sweep.memory_limit_gb, or take a smaller width, batch or data.num_train."
        )
    parts = math.ceil(len(members) / most)
    size = math.ceil(len(members) / parts)
    return [members[i : i + size] for i in range(0, len(members), size)]


def side_by_side(flat: Flat, work: float, limits: cost.Machine) -> float:
    """Runs of one device that are in a step at once: all (infinite) under vmap, one under map."""
    strategy = flat["sweep.strategy"]
    if strategy == "auto":
        strategy = "vmap" if work < limits.vmap_below else "map"
    if strategy == "map":
        return max(1, flat["sweep.batch"])
    return math.inf


def program_sizes(program: Program) -> dict[str, int]:
    return dict(program.sizes)


def host_data(task: Task, num_rows: int) -> train.Data:
    """The arrays of a task that a program sees, still on the host."""
    return train.Data(task.x_train[:num_rows], task.x_test, np.asarray(task.y_test))


def default_model(flat: Flat, task: Task) -> Any:
    """The network of a run at its own sizes."""
    return as_model(build("model", flat, **_given(flat, task)))


_ = module  # re-exported for the summary
