"""Chunks of a folder taken apart or made longer: the same runs under new ids, and what is to be copied to them."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gendyn.core import ConfigError, digest
from gendyn.core.lookup import unnamed_fault
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.chunking import record_steps
from gendyn.sweep.plan.planned import Carry, Chunk, Plan, PlannedRun, chunk_id


class Taken(NamedTuple):
    """Rows of a chunk, as a chunk of their own."""

    chunk: Chunk
    rows: tuple[int, ...]


def take_rows(chunk: Chunk, rows: Sequence[int]) -> Taken:
    """Some runs of a chunk, in a program of the same sizes."""
    runs, expected = tuple(chunk.runs[row] for row in rows), chunk.estimate
    share = len(rows) / len(chunk.runs)
    parts = {name: getattr(expected, name) * share for name in ("useful_flops", "padded_flops", "seconds")}
    estimate = expected._replace(program=digest([expected.program, len(rows)])[:10], **parts)
    name = chunk_id([run.identity for run in runs], chunk.sizes, chunk.num_rows)
    return Taken(chunk._replace(id=name, runs=runs, estimate=estimate), tuple(rows))


def split(
    plan: Plan, wanted: Callable[[PlannedRun], bool], whole: Callable[[Chunk], bool] = lambda chunk: False
) -> Plan:
    """The same plan, in which no chunk holds both wanted runs and others.

    Args:
        plan: of a folder.
        wanted: which runs.
        whole: which chunks stay as they are nevertheless, such as finished ones.
    """
    chunks: list[Chunk] = []
    carried = {carry.target: carry for carry in plan.carried}
    for chunk in plan.chunks:
        rows = [[row for row, run in enumerate(chunk.runs) if wanted(run) is side] for side in (True, False)]
        if not all(rows) or whole(chunk):
            chunks.append(chunk)
            continue
        before = carried.pop(chunk.id, Carry(chunk.id, chunk.id, tuple(range(len(chunk.runs)))))
        for taken in (take_rows(chunk, side) for side in rows):
            chunks.append(taken.chunk)
            origin = tuple(before.rows[row] for row in taken.rows)
            carried[taken.chunk.id] = Carry(before.source, taken.chunk.id, origin)
    return plan._replace(chunks=tuple(chunks), carried=tuple(carried.values()))


FREE = ("constant", "inverse_sqrt")
"""Schedules whose rate at a step does not depend on the number of steps."""


def lengthen(known: Plan, num_steps: int, available: Callable[[Flat], int]) -> Plan:
    """The plan of a folder with longer runs: their records so far, then those of the longer run beyond.

    The steps that are taken are those of a run that was planned so long from the start. It would have been recorded at
    other steps, unless these are given.

    Args:
        known: the plan there, with fewer steps.
        num_steps: of every run from now on.
        available: training rows of a run's task.

    Raises:
        ConfigError: a schedule that ends with the run, or runs whose length an arm or axis sets.
    """
    before = known.config["train.num_steps"]
    for run in known.runs:
        if run.unnamed:
            raise unnamed_fault("plan.json", run.unnamed)
        if run.flat["schedule.name"] not in FREE:
            raise ConfigError(
                f"workdir holds runs of {before} steps, and config.train.num_steps is now {num_steps}. Their schedule "
                f"{run.flat['schedule.name']!r} ends with the run, so a longer run is another one from its first step: "
                f"use another --workdir, or make it an axis (--axis train.num_steps={before},{num_steps}). Runs of "
                f"schedule.name {' or '.join(FREE)} can be trained on."
            )
        if run.flat["train.num_steps"] != before:
            raise ConfigError(
                f"workdir holds runs of several lengths, set by an axis or an arm: config.train.num_steps = "
                f"{num_steps} cannot lengthen all. Keep it at {before}, or use another --workdir."
            )
    chunks, carried = [], []
    for chunk in known.chunks:
        longer = (dataclasses.replace(r, flat=r.flat | {"train.num_steps": num_steps}) for r in chunk.runs)
        runs = tuple(dataclasses.replace(run, identity=run.named()) for run in longer)
        planned = record_steps(runs[0].flat, runs, available(runs[0].flat))
        steps = (*chunk.steps, *(step for step in planned if step > chunk.steps[-1]))
        name = chunk_id([run.identity for run in runs], chunk.sizes, chunk.num_rows)
        chunks.append(chunk._replace(id=name, steps=steps, runs=runs))
        carried.append(Carry(chunk.id, name, tuple(range(len(runs)))))
    config = known.config | {"train.num_steps": num_steps}
    return known._replace(config=config, chunks=tuple(chunks), carried=tuple(carried))
