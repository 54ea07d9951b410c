"""One chunk from its last commit to its end. Anyone who holds a plan may execute any of its chunks."""

import os
import pathlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jaxlib
import numpy as np
from absl import logging
from jax.sharding import Mesh

from gendyn import store, train
from gendyn.core import ConfigError
from gendyn.sweep import calibrate, cost
from gendyn.sweep.pack import pack_variables, sample_of, stack
from gendyn.sweep.plan import Chunk
from gendyn.sweep.population import Population, host_copy, take, with_inert
from gendyn.sweep.program import Program, host_data, hypers_of, initialiser
from gendyn.sweep.progress import Progress
from gendyn.sweep.strategy import Layout, compile_segment, layout_from_json, make_mesh, put
from gendyn.types import PyTree, Task


class Inputs(NamedTuple):
    """The arrays of a chunk on the host; leaves of all but ``data`` are ``[R, …]``."""

    hypers: dict[str, np.ndarray]
    sample: train.Sample
    data: train.Data


INITIAL_ROWS = 64
"""Runs initialised at a time: a chunk fits all devices together, and this happens on one."""


def versions() -> str:
    """The software that bits depend on."""
    return f"jax {jax.__version__}, jaxlib {jaxlib.__version__}, XLA_FLAGS={os.environ.get('XLA_FLAGS', '')}"


def make_inputs(chunk: Chunk, program: Program, task: Task) -> Inputs:
    """Traced leaves, samples and data of a chunk."""
    flats = [run.flat for run in chunk.runs]
    sample = stack([sample_of(flat, task, chunk.num_rows) for flat in flats])
    return Inputs(hypers_of(program, flats), sample, host_data(task, chunk.num_rows))


def first_state(chunk: Chunk, program: Program, inputs: Inputs) -> train.State:
    """The state of step 0 of every run, on the host."""
    variables = pack_variables(program, [run.flat for run in chunk.runs])
    rows = len(chunk.runs)
    size = min(rows, INITIAL_ROWS)
    blocks = []
    for start in range(0, rows, size):
        chosen = np.arange(start, min(start + size, rows))
        block = initialiser(program)(
            *take((inputs.hypers, variables, inputs.sample), with_inert(chosen, size)), inputs.data
        )
        blocks.append(take(jax.tree.map(host_copy, block), slice(0, len(chosen))))
    return blocks[0] if len(blocks) == 1 else jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)


def flatten_state(state: PyTree) -> dict[str, np.ndarray]:
    """``{path: array}``, as a checkpoint holds it."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def unflatten_state(like: PyTree, flat: Mapping[str, np.ndarray]) -> PyTree:
    """The inverse of :func:`flatten_state`; ``like`` may be abstract."""
    paths, treedef = jax.tree_util.tree_flatten_with_path(like)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    return jax.tree.unflatten(treedef, [flat[name] for name in names])


def abstract_rows(program: Program, chunk: Chunk, task: Task, rows: int) -> tuple[PyTree, PyTree, PyTree, train.Data]:
    """Shapes of ``(state, hypers, sample, data)`` for ``rows`` runs of a chunk; nothing is drawn."""
    *per_run, data = abstract_run(program, chunk, task)

    def lead(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((rows, *leaf.shape), leaf.dtype)

    state, hypers, sample = jax.tree.map(lead, per_run)
    return state, hypers, sample, data


def abstract_run(program: Program, chunk: Chunk, task: Task) -> tuple[PyTree, PyTree, PyTree, train.Data]:
    """Shapes of ``(state, hypers, sample, data)`` for one run of a chunk."""
    return cost.abstract_inputs(program, chunk.runs[0].flat, host_data(task, chunk.num_rows), chunk.num_rows)


class ChunkJob:
    """A chunk being executed.

    :meth:`prepare` does what can be done while another chunk trains: drawing or restoring the state, choosing the
    layout, compiling. :meth:`run` trains.
    """

    def __init__(self, chunk: Chunk, task: Task, devices: Sequence[jax.Device], folder: pathlib.Path) -> None:
        self.chunk, self.task = chunk, task
        self.program = chunk.program(task)
        self.mesh: Mesh = make_mesh(devices)
        self.devices = list(devices)
        self.flat = chunk.runs[0].flat
        self.folder = folder
        self.population: Population | None = None

    def _open_store(self) -> store.ChunkStore:
        record = record_shapes(self.chunk, self.task)
        variables = [store.Variable(name, value.shape, str(value.dtype)) for name, value in record.items()]
        rows, records = len(self.chunk.runs), len(self.chunk.steps)
        return store.ChunkStore.create(
            self.folder, rows=rows, num_records=records, variables=variables, records_per_block=min(records, 16)
        )

    def complete(self) -> bool:
        """Whether every record is committed."""
        exists = store.ChunkStore.exists(self.folder)
        return exists and store.ChunkStore(self.folder).committed() == len(self.chunk.steps)

    def prepare(self) -> None:
        """Everything up to the first segment. XLA compiles beside the drawing of the first state, where it can."""
        with ThreadPoolExecutor(1) as beside:
            if not self._layout_path.exists() and not calibrate.due(self):
                # Whoever asks for the same segment waits for it; should this fail, asking again raises the error.
                beside.submit(self._compile_for, self._first_layout(0))
            self.store = self._open_store()
            self.inputs = make_inputs(self.chunk, self.program, self.task)
            self.data = put(self.inputs.data, self.mesh, shared=True)
            self._load()
            self.layouts = self._layouts()
        if self.last is not None and self._shrinks():  # killed between the commit and the layout it was made for
            self._drop_finished()
        self._compile()

    def _load(self) -> None:
        restored = self.store.restore()
        if restored is None:
            self.record, self.last = 0, None
            self.state = first_state(self.chunk, self.program, self.inputs)
            return
        like, *_ = abstract_run(self.program, self.chunk, self.task)
        self.record = restored.records
        self.state = unflatten_state(like, restored.state)
        self.last = {name: values[:, self.record - 1] for name, values in self.store.read().items()}

    def _layouts(self) -> list[Layout]:
        """The history of layouts, the one in force last; a new machine or version begins a new one."""
        path = self._layout_path
        stored = [layout_from_json(entry) for entry in store.read_json(path)] if path.exists() else []
        history = [layout for layout in stored if layout.from_record <= self.record]
        now = self._conditions()
        if not history:
            history = [self._first_layout(self.record)]
        elif any(getattr(history[-1], name) != value for name, value in now.items()):
            logging.warning("chunk %s goes on under other conditions: %s", self.chunk.id, now)
            history.append(history[-1]._replace(from_record=self.record, **now))
        self._write(history)
        return history

    @property
    def _layout_path(self) -> pathlib.Path:
        return self.folder / "layout.json"

    def _conditions(self) -> dict[str, Any]:
        return {"devices": len(self.devices), "platform": self.devices[0].platform, "versions": versions()}

    def _first_layout(self, record: int) -> Layout:
        strategy, batch = self._strategy()
        return Layout(record, strategy, batch, tuple(range(len(self.chunk.runs))), 1, **self._conditions())

    def _write(self, history: list[Layout]) -> None:
        self.layouts = history
        store.write_json(self._layout_path, [layout.to_json() for layout in history])

    def _strategy(self) -> tuple[str, int]:
        pinned, batch = self.flat["sweep.strategy"], max(1, self.flat["sweep.batch"])
        if pinned != "auto":
            return pinned, batch
        return calibrate.choose(self)

    def _compile(self) -> None:
        self.compiled = self._compile_for(self.layouts[-1])

    def _compile_for(self, layout: Layout) -> Callable[..., Any]:
        return compile_segment(self.program, layout, self.mesh, self.abstract_inputs(layout.program_rows()))

    def abstract_inputs(self, rows: int) -> tuple[PyTree, PyTree, PyTree, train.Data]:
        """Shapes of ``(state, hypers, sample, data)`` for ``rows`` runs."""
        return abstract_rows(self.program, self.chunk, self.task, rows)

    def _populate(self) -> Population:
        population = Population(
            self.layouts[-1],
            self.mesh,
            self.compiled,
            self.state,
            self.inputs.hypers,
            self.inputs.sample,
            self.data,
            self.last,
        )
        self.state = None  # type: ignore[assignment]  # the population's from here on; kept twice it would double the memory
        return population

    def run(self, progress: Progress) -> None:
        """Trains to the last record, committing as it goes."""
        steps, rows = self.chunk.steps, len(self.chunk.runs)
        progress.resume(rows * self._steps_done())
        buffer: list[dict[str, np.ndarray]] = []
        with store.Committer(self.store) as committer:
            committed = time.monotonic()
            while self.record < len(steps):
                num_steps = steps[self.record] - self._steps_done()
                try:
                    if self.population is None:
                        self.population = self._populate()
                    self.last = self.population.advance(num_steps)
                except (jax.errors.JaxRuntimeError, MemoryError) as error:
                    if not out_of_memory(error):
                        raise
                    committer.drain()
                    buffer.clear()
                    done = self._steps_done()
                    self._halve(error)
                    progress.advance(rows * (self._steps_done() - done))
                    continue  # and populate there: until here, the error keeps the old arrays alive
                buffer.append(self.last)
                self.record += 1
                progress.advance(num_steps * rows, f"chunk {self.chunk.id}")
                shrinks = self._shrinks()
                if not len(self._active()) and self.program.stop:
                    buffer += [self.last] * (len(steps) - self.record)
                    progress.resume(rows * (steps[-1] - self._steps_done()))
                    self.record = len(steps)
                late = time.monotonic() - committed >= self.flat["store.commit_seconds"]
                if late or shrinks or self.record == len(steps):
                    self._commit(committer, buffer)
                    buffer = []
                    committed = time.monotonic()
                    if shrinks and self.record < len(steps):
                        committer.drain()
                        self._shrink()

    def _steps_done(self) -> int:
        return self.chunk.steps[self.record - 1] if self.record else 0

    def _commit(self, committer: store.Committer, buffer: list[dict[str, np.ndarray]]) -> None:
        records = {name: np.stack([record[name] for record in buffer], axis=1) for name in buffer[0]}
        assert self.population is not None
        state = flatten_state(self.population.state())
        committer.submit(records, self.record - len(buffer), state, {"layout": len(self.layouts) - 1})

    def _active(self) -> np.ndarray:
        assert self.last is not None
        rows = np.asarray(self.layouts[-1].rows)
        return rows[self.last["finished_step"][rows] < 0]

    def _shrinks(self) -> bool:
        """Finished runs cost nothing one after another, but all of their time side by side: drop them by halves."""
        layout = self.layouts[-1]
        side_by_side = layout.strategy == "vmap" or layout.batch > 1
        if not self.program.stop or not side_by_side or self.record == len(self.chunk.steps):
            return False
        active = len(self._active())
        return active > 0 and layout._replace(rows=tuple(range(active))).program_rows() * 2 <= layout.program_rows()

    def _shrink(self) -> None:
        assert self.population is not None
        self.state = self.population.state()
        self.population = None
        self._drop_finished()
        self._compile()

    def _drop_finished(self) -> None:
        rows = tuple(int(row) for row in self._active())
        parts = min(self.layouts[-1].parts, len(rows))
        self._write([*self.layouts, self.layouts[-1]._replace(from_record=self.record, rows=rows, parts=parts)])

    def _halve(self, error: BaseException) -> None:
        """Out of memory: from the last commit on, fewer runs at a time."""
        self.population = None
        self._load()
        history = [old for old in self.layouts if old.from_record <= self.record]
        smaller = history[-1].smaller()
        if smaller is None:
            raise ConfigError(
                f"out of memory with one run at a time (chunk {self.chunk.id}, sizes {self.chunk.sizes}): "
                f"choose a smaller width, train.batch_size or data.num_train. What was committed is safe. [{error}]"
            ) from error
        message = f"out of memory: chunk {self.chunk.id} goes on from its last commit in {smaller.parts} parts"
        logging.warning("%s", message)
        warnings.warn(message, stacklevel=2)
        self._write([*history, smaller._replace(from_record=self.record)])
        if self.last is not None and self._shrinks():  # as a restart from this layout would
            self._drop_finished()
        self._compile()


def record_shapes(chunk: Chunk, task: Task) -> dict[str, jax.ShapeDtypeStruct]:
    """Names and shapes of what one run of the chunk records; see :func:`gendyn.sweep.program.member`."""
    state, *_ = abstract_run(chunk.program(task), chunk, task)
    return {**state.metrics, "diverged_step": state.diverged_step, "finished_step": state.finished_step}


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation failed."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
