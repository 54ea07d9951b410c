"""Which strategy: by rule where a sweep is short, by timing the segment itself where that pays."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import numpy as np

from gendyn.sweep import cost
from gendyn.sweep.population import put_rows
from gendyn.sweep.strategy import Layout, compile_segment, put

if TYPE_CHECKING:
    from gendyn.sweep.execute import ChunkJob

CANDIDATES = (("map", 1), ("vmap", 1), ("map", 8))
"""One run at a time, all side by side, and batches of eight."""

PAYS = 30.0
"""Calibrate where the predicted time is this many times what the candidates' compiling takes."""

LONG = 2.0
"""Seconds of timing a candidate after which it is not timed again."""


def pays(job: "ChunkJob") -> bool:
    """Whether timing the candidates costs little of what is to come."""
    compile_seconds = cost.machine(job.devices).compile_seconds
    rows = len(job.chunk.runs) // len(job.devices)
    return rows > 1 and job.chunk.estimate.seconds > PAYS * compile_seconds * len(CANDIDATES)


def due(job: "ChunkJob") -> bool:
    """Whether preparing the chunk will time candidates."""
    return job.flat["sweep.strategy"] == "auto" and pays(job)


def choose(job: "ChunkJob") -> tuple[str, int]:
    """The strategy and batch of a chunk whose state and inputs are ready."""
    if not pays(job):
        return job.chunk.estimate.strategy, 1
    timings: dict[tuple[str, int], float] = {}
    for candidate in _candidates(job):
        try:
            timings[candidate] = seconds_per_step(job, *candidate)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
    # Where none fits, the planned one is taken and halved when it runs.
    return min(timings, key=lambda candidate: timings[candidate], default=(job.chunk.estimate.strategy, 1))


def _candidates(job: "ChunkJob") -> list[tuple[str, int]]:
    """Those that are not the same for so few runs, and fit the memory; the planned strategy always does."""
    runs, devices = len(job.chunk.runs), len(job.devices)
    needed = cost.memory(job.program, job.flat, job.inputs.data, job.chunk.num_rows)
    limits = cost.machine(job.devices, job.flat["sweep.memory_limit_gb"])

    def fits(strategy: str, batch: int) -> bool:
        together = math.inf if strategy == "vmap" else batch
        planned = (strategy, batch) == (job.chunk.estimate.strategy, 1)
        return planned or needed.total(runs, together, devices) <= limits.bytes

    distinct = [(strategy, batch) for strategy, batch in CANDIDATES if batch == 1 or batch < runs / devices]
    return [candidate for candidate in distinct if fits(*candidate)]


def seconds_per_step(job: "ChunkJob", strategy: str, batch: int, *, repeats: int = 3) -> float:
    """Median time of a step of the chunk's own segment under a strategy; see :func:`step_timer`.

    Of fewer repeats where they take seconds: each pays for an evaluation of all runs.
    """
    timer = step_timer(job, strategy, batch)
    began = time.perf_counter()
    times = [timer()]
    while len(times) < repeats and time.perf_counter() - began < LONG:
        times.append(timer())
    return float(np.median(times))


def step_timer(job: "ChunkJob", strategy: str, batch: int) -> Callable[[], float]:
    """Compiles the chunk's own segment under a strategy; each call of the result times a step, without the evaluation.

    On copies: the job is left as it was.
    """
    rows = tuple(range(len(job.chunk.runs)))
    layout = Layout(0, strategy, batch, rows, 1, len(job.devices), job.devices[0].platform, "")
    size = layout.program_rows()
    # Without the stop rule: a run that finishes while it is timed would cost nothing from then on.
    compiled = compile_segment(job.program._replace(stop=False), layout, job.mesh, job.abstract_inputs(size))
    state = put_rows(job.state, np.asarray(rows), size, job.mesh)
    fixed = put_rows((job.inputs.hypers, job.inputs.sample), np.asarray(rows), size, job.mesh)
    data, mesh = job.data, job.mesh  # not the job, whose own state may go while this is kept

    def timed(num_steps: int) -> float:
        nonlocal state
        began = time.perf_counter()
        state, record = compiled(state, *fixed, data, put(np.int32(num_steps), mesh, shared=True))
        jax.block_until_ready((state, record))
        return time.perf_counter() - began

    timed(1)
    num_steps = 1
    empty = timed(0)
    # Long enough for the clock, and beside the evaluation, whose own time scatters.
    while timed(num_steps) - empty < max(0.2, empty / 2) and num_steps < 4096:
        num_steps *= 4
    return lambda: (timed(num_steps) - timed(0)) / num_steps
