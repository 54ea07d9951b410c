"""gendyn's own segment, made ready without a store: what the sections time."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import ml_collections
from jax.sharding import Mesh

import gendyn.sweep
from benchmarks import plain
from benchmarks.timing import Timing, timed
from gendyn import train
from gendyn.core.flops import count_flops
from gendyn.sweep.execute.compile import make_mesh, put
from gendyn.sweep.execute.inputs import Inputs, first_state, make_inputs
from gendyn.sweep.execute.layout import Layout
from gendyn.sweep.execute.population import Population
from gendyn.sweep.execute.segment import compile_for
from gendyn.sweep.plan import Chunk, load_task, make_plan
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.program import Program
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.types import Task


class Compiled(NamedTuple):
    """A chunk whose segment is compiled, with its runs still on the host."""

    chunk: Chunk
    layout: Layout
    mesh: Mesh
    compiled: Any
    state: train.State
    inputs: Inputs
    seconds: float
    """Of tracing, lowering and compiling."""

    def place(self) -> Population:
        """The runs and the data on the devices."""
        data = put(self.inputs.data, self.mesh, shared=True)
        fixed = self.inputs.hypers, self.inputs.sample
        return Population(self.layout, self.mesh, self.compiled, self.state, *fixed, data, None)


class Prepared(NamedTuple):
    """A chunk whose segment is compiled and whose runs are on the devices."""

    population: Population
    chunk: Chunk
    compile_seconds: float

    def steps(self, num_steps: int) -> dict[str, Any]:
        """Trains every run ``num_steps`` further, and evaluates once."""
        return self.population.advance(num_steps)


def mlp_config(*, width: int, depth: int, batch_size: int, num_steps: int = 1000) -> ml_collections.ConfigDict:
    """Digits (64 inputs, 10 classes, 1,000 examples), sgd with momentum: a step is as plain as steps are."""
    config = gendyn.sweep.base_config(task="digits", model="mlp", optim="sgd")
    config.model.width, config.model.depth = width, depth
    return _trained(config, batch_size, num_steps)


def teacher_config(*, width: int, input_size: int, batch_size: int, num_steps: int) -> ml_collections.ConfigDict:
    """A regression on one output of a teacher, one hidden layer: networks as small as they come."""
    config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    config.task.input_size, config.task.num_outputs, config.task.kind = input_size, 1, "regression"
    config.model.width, config.model.depth, config.loss = width, 1, "squared_error"
    return _trained(config, batch_size, num_steps)


def cnn_config(*, width: int, batch_size: int, num_steps: int = 1000) -> ml_collections.ConfigDict:
    """The 5-layer CNN on digits of 8 x 8 pixels."""
    config = gendyn.sweep.base_config(task="digits", model="cnn", optim="sgd")
    config.model.width = width
    return _trained(config, batch_size, num_steps)


def _trained(config: ml_collections.ConfigDict, batch_size: int, num_steps: int) -> ml_collections.ConfigDict:
    config.optim.learning_rate, config.optim.momentum = plain.LEARNING_RATE, plain.MOMENTUM
    config.train.batch_size, config.train.num_steps = batch_size, num_steps
    config.record.kind, config.record.steps = "given", (num_steps,)
    return config


def plan_one(config: Mapping[str, Any], axes: Mapping[str, Any], devices: Sequence[jax.Device]) -> tuple[Chunk, Task]:
    """The only chunk of a sweep that fits one."""
    tasks: dict[str, Task] = {}
    (chunk,) = make_plan(config, axes=axes, devices=devices, tasks=tasks).chunks
    return chunk, load_task(chunk.runs[0].flat, tasks)


def compile_only(
    config: Mapping[str, Any],
    axes: Mapping[str, Any],
    *,
    strategy: str = "auto",
    batch: int = 1,
    devices: Sequence[jax.Device] | None = None,
) -> Compiled:
    """Plans, draws and compiles one chunk; ``auto`` is the planner's choice by size."""
    devices = jax.local_devices() if devices is None else devices
    chunk, task = plan_one(config, axes, devices)
    program = chunk.program(task)
    inputs = make_inputs(chunk, program, task)
    state = first_state(chunk, program, inputs)
    strategy = chunk.estimate.strategy if strategy == "auto" else strategy
    rows = tuple(range(len(chunk.runs)))
    layout = Layout(0, strategy, batch, rows, 1, len(devices), devices[0].platform, "")
    mesh = make_mesh(devices)
    abstract = abstract_run(program, chunk, task)
    began = time.perf_counter()
    compiled = compile_for(program, mesh, abstract, layout)
    return Compiled(chunk, layout, mesh, compiled, state, inputs, time.perf_counter() - began)


def prepare(config: Mapping[str, Any], axes: Mapping[str, Any], **choices: Any) -> Prepared:
    """:func:`compile_only`, then the runs placed on the devices."""
    ready = compile_only(config, axes, **choices)
    return Prepared(ready.place(), ready.chunk, ready.seconds)


def stepper(prepared: Prepared, seconds: float, *, per_run: int = 1) -> Callable[[], Timing]:
    """Measures a step without the evaluation at the end of its segment; a measurement takes about ``seconds``.

    Args:
        per_run: 1 for a step of all runs together; their number for the share of one.
    """

    def segment(num_steps: int) -> Timing:
        return timed(lambda: prepared.steps(num_steps))

    def measure(num_steps: int) -> Timing:
        full, empty = segment(num_steps), segment(0)
        return Timing(full.wall - empty.wall, full.cpu - empty.cpu).per(num_steps * per_run)

    segment(2)
    tried = 8
    while (spent := segment(tried).wall - segment(0).wall) < seconds / 4:
        tried *= 2
    num_steps = max(4, int(tried * seconds / spent))
    return lambda: measure(num_steps)


def step_flops(config: Mapping[str, Any], axes: Mapping[str, Any]) -> float:
    """Operations of the matrix products of one gradient step of one run, counted on its jaxpr."""
    chunk, task = plan_one(config, axes, jax.local_devices())
    return program_flops(chunk.program(task), chunk, task)


def program_flops(program: Program, chunk: Chunk, task: Task) -> float:
    """Unlike the planner's 3 x forward: no gradient with respect to the data is computed, and none is counted."""
    arguments = abstract_run(program, chunk, task)

    def step(state: Any, hypers: Any, sample: Any, data: Any) -> Any:
        return train.gradient_step(run_at(program, hypers), state, sample, data)

    return count_flops(step, *arguments)
