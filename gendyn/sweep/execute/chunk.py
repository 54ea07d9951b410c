"""One chunk from its last commit to its end. Anyone who holds a plan may train any of its chunks."""

import time
import warnings
from typing import Any

import jax
import numpy as np
from absl import logging

from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep.execute.job import Position, Setup, follow, restore, runs_finished
from gendyn.sweep.execute.layout import OutOfMemory, next_layout
from gendyn.sweep.execute.population import Population, out_of_memory
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.signals import Signals
from gendyn.sweep.execute.states import flatten_state


def train_chunk(setup: Setup, position: Position, progress: Progress, signals: Signals) -> None:
    """Trains from ``position`` to the last record, or to the first after a signal; ``position`` moves along.

    What is trained is committed when this returns.
    """
    steps, rows = setup.chunk.steps, len(setup.chunk.runs)
    progress.resume(rows * setup.steps_done(position.record))
    population: Population | None = None
    buffer: list[dict[str, np.ndarray]] = []
    with store.Committer(setup.store) as committer:
        committed = time.monotonic()
        while position.record < len(steps):
            done = setup.steps_done(position.record)
            num_steps = steps[position.record] - done
            try:
                if population is None:
                    population = _populate(setup, position)
                position.last = population.advance(num_steps)
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                committer.drain()
                population = None
                buffer.clear()
                _return_to_last_commit(setup, position, error)
                progress.advance(rows * (setup.steps_done(position.record) - done))
                continue  # and populate there: until here, the error keeps the old arrays alive
            buffer.append(position.last)
            position.record += 1
            progress.advance(num_steps * rows, progress.label(setup.chunk.id))
            finished = runs_finished(setup, position)
            if not finished.active:  # all records to come repeat this one
                buffer += [position.last] * (len(steps) - position.record)
                progress.resume(rows * (steps[-1] - setup.steps_done(position.record)))
                position.record = len(steps)
            layout = position.layouts[-1]
            drops = position.record < len(steps) and next_layout(layout, position.record, finished) is not layout
            late = time.monotonic() - committed >= setup.chunk.settings["store.commit_seconds"]
            if late or drops or signals.received or position.record == len(steps):
                _commit(committer, setup, position, population, buffer)
                buffer = []
                committed = time.monotonic()
                if signals.received:
                    return
            if drops:
                committer.drain()
                position.state, population = population.state(), None
                follow(setup, position, finished)


def _populate(setup: Setup, position: Position) -> Population:
    """The runs onto the devices."""
    assert position.state is not None
    population = setup.segment.populate(position.layouts[-1], position.state, position.last)
    position.state = None
    return population


def _commit(
    committer: store.Committer, setup: Setup, position: Position, population: Population, buffer: list[dict[str, Any]]
) -> None:
    """Hands the records since the last commit, and the state behind them, to the committing thread."""
    records = {name: np.stack([record[name] for record in buffer], axis=1) for name in buffer[0]}
    state = flatten_state(population.state())
    layouts = [layout.to_json() for layout in position.layouts]
    committer.submit(records, position.record - len(buffer), state, {"layouts": layouts})


def _return_to_last_commit(setup: Setup, position: Position, error: BaseException) -> None:
    """Out of memory: from the last commit on, fewer runs at a time."""
    back = restore(setup, position.layouts)
    position.record, position.layouts, position.last, position.state = (
        back.record,
        back.layouts,
        back.last,
        back.state,
    )
    layout = position.layouts[-1]
    smaller = next_layout(layout, position.record, OutOfMemory())
    if smaller is None or smaller is layout:
        raise ConfigError(
            f"out of memory with one run at a time (chunk {setup.chunk.id}, sizes {setup.chunk.sizes}): "
            f"choose a smaller width, train.batch_size or data.num_train. What was committed is safe. [{error}]"
        ) from error
    message = f"out of memory: chunk {setup.chunk.id} goes on from its last commit in {smaller.parts} parts"
    logging.warning("%s", message)
    warnings.warn(message, stacklevel=2)
    follow(setup, position, OutOfMemory())
    follow(setup, position, runs_finished(setup, position))  # as a restart from this layout would
