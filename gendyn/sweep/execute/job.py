"""Everything of a chunk up to its first segment, so that it can be done while another chunk trains."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jaxlib
import numpy as np
from absl import logging

from gendyn import store, train
from gendyn.sweep.execute import calibrate
from gendyn.sweep.execute.compile import make_mesh
from gendyn.sweep.execute.inputs import first_state
from gendyn.sweep.execute.layout import (
    Conditions,
    Event,
    Layout,
    OtherConditions,
    RunsFinished,
    Start,
    next_layout,
)
from gendyn.sweep.execute.layout_file import read_layouts, write_layouts
from gendyn.sweep.execute.segment import Segment, compile_for, make_segment
from gendyn.sweep.execute.states import unflatten_state
from gendyn.sweep.plan.planned import Chunk
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.types import Task


class Job(NamedTuple):
    """A chunk and where to train it: all that anyone needs to take it on."""

    chunk: Chunk
    task: Task
    devices: Sequence[jax.Device]
    folder: pathlib.Path
    """The chunk's own."""

    def finished(self) -> bool:
        """Whether every record is committed, with a state that restores; otherwise training goes on."""
        if not store.ChunkStore.exists(self.folder):
            return False
        there = store.ChunkStore(self.folder, self.chunk.holds)
        if there.committed() < len(self.chunk.steps):
            return False
        restored = there.restore_state()
        return restored is not None and restored.records == len(self.chunk.steps)


class Setup(NamedTuple):
    """What stays as it is while a chunk trains."""

    chunk: Chunk
    segment: Segment
    store: store.ChunkStore
    layout_path: pathlib.Path

    def steps_done(self, record: int) -> int:
        """Steps that lie behind a run when its first ``record`` records are there."""
        return self.chunk.steps[record - 1] if record else 0


@dataclasses.dataclass
class Position:
    """How far a chunk has come."""

    record: int
    """Records that are there; the next one has this number."""
    layouts: tuple[Layout, ...]
    """The history; the one in force is the last."""
    last: dict[str, np.ndarray] | None
    """The record before, of all runs; ``None`` before the first."""
    state: train.State | None
    """Of all runs, on the host; ``None`` while it is on the devices: kept twice it would double the memory."""


_SWITCHES = {
    "jax_threefry_partitionable": True,
    "jax_default_prng_impl": "threefry2x32",
    "jax_default_matmul_precision": None,
    "jax_enable_x64": False,
}
"""Of jax, with its own defaults: they change random draws or products."""


def versions() -> str:
    """The software that bits depend on."""
    found = f"jax {jax.__version__}, jaxlib {jaxlib.__version__}, XLA_FLAGS={os.environ.get('XLA_FLAGS', '')}"
    switches = {name: getattr(jax.config, name) for name in _SWITCHES}
    return found + "".join(f", {name}={value}" for name, value in switches.items() if value != _SWITCHES[name])


def prepare(job: Job) -> tuple[Setup, Position]:
    """Restores or draws the state, decides on the layout and writes it down, and compiles.

    XLA compiles beside the drawing of the first state, where the layout is known before.
    """
    chunk, devices = job.chunk, job.devices
    conditions = Conditions(len(devices), devices[0].platform, versions())
    layout_path, timed = job.folder / "layout.json", calibrate.due(chunk, devices)
    with ThreadPoolExecutor(1) as beside:
        if not layout_path.exists() and not timed:
            # Whoever asks for the same segment waits for it; should this fail, asking again raises the error.
            beside.submit(_compile_first, job, Start(len(chunk.runs), *calibrate.planned(chunk), conditions))
        opened = _open_store(job)
        setup = Setup(chunk, make_segment(chunk, job.task, devices), opened, layout_path)
        position = restore(setup)
        if position.layouts:
            follow(setup, position, OtherConditions(conditions))
        else:
            assert position.state is not None
            choice = calibrate.choose(chunk, setup.segment, position.state) if timed else calibrate.planned(chunk)
            follow(setup, position, Start(len(chunk.runs), *choice, conditions))
    # Killed between a commit and the layout it was made for; else nothing has changed.
    follow(setup, position, runs_finished(setup, position))
    setup.segment.compiled(position.layouts[-1])
    return setup, position


def restore(setup: Setup, layouts: Sequence[Layout] | None = None) -> Position:
    """The last commit, or step 0 where there is none; of ``layouts`` those that had begun by then.

    ``None``: the layouts that the folder has.
    """
    restored = setup.store.restore()
    if layouts is None:
        committed = restored.info.get("layouts", ()) if restored is not None else ()
        layouts = read_layouts(setup.layout_path, committed, len(setup.chunk.runs))
    if restored is None:
        record, last = 0, None
        state = first_state(setup.chunk, setup.segment.program, setup.segment.inputs)
    else:
        record, state = restored.records, unflatten_state(setup.segment.abstract.state, restored.state)
        last = {name: values[:, record - 1] for name, values in setup.store.read().items()}
    return Position(record, tuple(layout for layout in layouts if layout.from_record <= record), last, state)


def runs_finished(setup: Setup, position: Position) -> RunsFinished:
    """Which rows of the layout go on, by the record before; all of them where no rule stops a run."""
    rows = np.asarray(position.layouts[-1].rows)
    if setup.segment.program.stop and position.last is not None and position.record < len(setup.chunk.steps):
        rows = rows[position.last["finished_step"][rows] < 0]
    return RunsFinished(tuple(int(row) for row in rows))


def follow(setup: Setup, position: Position, event: Event) -> None:
    """Takes the layout that an event leads to, and writes it down before anything is computed under it."""
    before = position.layouts[-1] if position.layouts else None
    layout = next_layout(before, position.record, event)
    assert layout is not None
    if layout is not before:
        position.layouts = (*position.layouts, layout)
        if isinstance(event, OtherConditions):
            logging.warning("chunk %s goes on under other conditions: %s", setup.chunk.id, event.conditions)
    write_layouts(setup.layout_path, position.layouts)


def _open_store(job: Job) -> store.ChunkStore:
    record = abstract_run(job.chunk.program(job.task), job.chunk, job.task).record()
    variables = [store.Variable(name, value.shape, str(value.dtype)) for name, value in record.items()]
    rows, records = len(job.chunk.runs), len(job.chunk.steps)
    return store.ChunkStore.create(
        job.folder,
        rows=rows,
        num_records=records,
        variables=variables,
        records_per_block=records_per_block(records),
        holds=job.chunk.holds,
    )


def records_per_block(records: int) -> int:
    """Records in one file, of a chunk of so many."""
    return min(records, 16)


def _compile_first(job: Job, event: Start) -> None:
    layout = next_layout(None, 0, event)
    assert layout is not None
    program = job.chunk.program(job.task)
    compile_for(program, make_mesh(job.devices), abstract_run(program, job.chunk, job.task), layout)
