"""One group of runs, which can share a program, into buckets of sizes and chunks that fit the memory."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax

from gendyn import train
from gendyn.core import ConfigError, digest, said_of
from gendyn.sweep.config.factories import build
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.buckets import Cell, split
from gendyn.sweep.plan.planned import Chunk, Estimate, PlannedRun, chunk_id
from gendyn.sweep.plan.program import draws_alone, host_data, program_of, shapes_at, task_arguments
from gendyn.sweep.plan.rows import any_unseen, most_rows, num_train
from gendyn.types import Task

MAX_ROWS = 4096
"""Runs in a chunk at most: what a kill or a lost machine can cost."""


def _sizes(flat: Flat) -> dict[str, int]:
    return {name: flat[name] for name in leaves_of(flat).of_kind("size")}


def record_steps(flat: Flat, runs: Iterable[PlannedRun], available: int) -> tuple[int, ...]:
    """The record steps of a group: its schedule, and the steps at which a stop rule by step or epoch falls due.

    Raises:
        ConfigError: what the schedule says of its arguments, said of the leaves of ``config.record``.
    """
    extra = set()
    for run in runs:
        batch = run.flat["train.batch_size"]
        per_epoch = max(1, num_train(run.flat, available) // batch) if batch else 1
        extra |= {run.flat["stop.step"], run.flat["data.change_step"], run.flat["stop.epoch"] * per_epoch} - {0}
    kind, num_records, steps = (flat[f"record.{name}"] for name in ("kind", "num_records", "steps"))
    with said_of("config.record"):
        return train.record_steps(
            kind, num_steps=flat["train.num_steps"], num_records=num_records, steps=steps, extra=tuple(extra)
        )


def chunks_of(runs: list[PlannedRun], task: Task, limits: cost.Machine) -> list[Chunk]:
    """One group in buckets, each bucket in chunks that fit."""
    flat = runs[0].flat
    names = list(_sizes(flat))
    available, batch = len(task.y_train), flat["train.batch_size"]
    steps = record_steps(flat, runs, available)
    exact = program_of(flat, _sizes(flat), task)
    # Building the network here turns a bad width into an error before anything compiles.
    models = {tuple(run.flat[name] for name in leaves_of(run.flat).inside("model")): run.flat for run in runs}
    for built in models.values():
        build("model", built, **task_arguments(exact))
        if ":" in flat["model.name"]:  # of one's own: nobody has tried it at this width
            draws_alone(exact, built)
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
    if exact.draws:
        rule = "exact"  # a random mask has other bits in another shape
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
        own = program._replace(unseen_rows=any_unseen((run.flat for run in part), num_rows, len(task.y_train)))
        estimate = Estimate(
            # A network that draws nothing has the name that its program had before there were others.
            program=digest([repr(own).replace(", draws=False)", ")"), num_rows, len(part)])[:10],
            strategy=strategy,
            useful_flops=useful,
            padded_flops=padded * len(part) * steps[-1],
            bytes=needed.total(len(part), together, limits.devices),
            seconds=limits.seconds(padded, len(part), steps[-1], vmap=strategy == "vmap"),
        )
        name = chunk_id([run.identity for run in part], sizes, num_rows)
        chunks.append(Chunk(name, sizes, num_rows, steps, part, estimate))
    return chunks
