"""Which strategy: by rule where a chunk is short, by timing the segment itself where that pays."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from gendyn import train
from gendyn.sweep.execute.compile import put
from gendyn.sweep.execute.layout import Layout
from gendyn.sweep.execute.population import out_of_memory, put_rows
from gendyn.sweep.execute.segment import Segment
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.planned import Chunk

Choice = tuple[str, int]
"""A strategy and its batch."""

CANDIDATES: tuple[Choice, ...] = (("map", 1), ("vmap", 1), ("map", 8))
"""One run at a time, all side by side, and batches of eight."""

PAYS = 30.0
"""Calibrate where the predicted time is this many times what the candidates' compiling takes."""

LONG = 2.0
"""Seconds of timing a candidate after which it is not timed again."""


def planned(chunk: Chunk) -> Choice:
    """What the config pins, or the planner's choice by size."""
    pinned, batch = chunk.settings["sweep.strategy"], max(1, chunk.settings["sweep.batch"])
    return (chunk.estimate.strategy, 1) if pinned == "auto" else (pinned, batch)


def due(chunk: Chunk, devices: Sequence[jax.Device]) -> bool:
    """Whether the strategy is open, and timing the candidates costs little of what is to come."""
    if chunk.settings["sweep.strategy"] != "auto" or len(chunk.runs) < 2 * len(devices):
        return False
    return chunk.estimate.seconds > PAYS * cost.machine(devices).compile_seconds * len(CANDIDATES)


def choose(chunk: Chunk, segment: Segment, state: train.State) -> Choice:
    """Times the candidates that fit the memory, on copies of the state, and takes the fastest."""
    expected = (chunk.estimate.strategy, 1)
    devices = segment.mesh.devices.flat
    needed = cost.memory(segment.program, chunk.settings, segment.inputs.data, chunk.num_rows)
    limits = cost.machine(list(devices), chunk.settings["sweep.memory_limit_gb"])
    tried = candidates(len(chunk.runs), len(devices), expected, needed, limits.bytes)
    return fastest({candidate: _timed_once(segment, state, candidate) for candidate in tried}, expected)


def candidates(runs: int, devices: int, expected: Choice, needed: cost.Memory, limit: float) -> list[Choice]:
    """Those that are not the same for so few runs, and fit the memory; the planned strategy always does."""

    def fits(candidate: Choice) -> bool:
        together = math.inf if candidate[0] == "vmap" else candidate[1]
        return candidate == expected or needed.total(runs, together, devices) <= limit

    return [
        candidate
        for candidate in CANDIDATES
        if (candidate[1] == 1 or candidate[1] < runs / devices) and fits(candidate)
    ]


def fastest(timings: Mapping[Choice, float | None], expected: Choice) -> Choice:
    """The candidate of least time. Where none fitted, the planned one: it is halved when it runs."""
    known = {candidate: seconds for candidate, seconds in timings.items() if seconds is not None}
    return min(known, key=lambda candidate: known[candidate], default=expected)


def _timed_once(segment: Segment, state: train.State, candidate: Choice) -> float | None:
    """Seconds a step; ``None`` where it does not fit the devices."""
    try:
        return seconds_per_step(segment, state, candidate)
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return None


def seconds_per_step(segment: Segment, state: train.State, choice: Choice, *, repeats: int = 3) -> float:
    """Median time of a step of the chunk's own segment under a strategy; see :func:`step_timer`.

    Of fewer repeats where they take seconds: each pays for an evaluation of all runs.
    """
    timer = step_timer(segment, state, choice)
    began = time.perf_counter()
    times = [timer()]
    while len(times) < repeats and time.perf_counter() - began < LONG:
        times.append(timer())
    return float(np.median(times))


def step_timer(segment: Segment, state: train.State, choice: Choice) -> Callable[[], float]:
    """Compiles a segment under a strategy; each call of the result times a step of all runs, without the evaluation.

    Args:
        segment: of a chunk.
        state: of all its runs, on the host; it is left as it was.
        choice: the strategy and its batch.
    """
    rows = tuple(range(len(segment.inputs.sample.num_train)))
    layout = Layout(0, *choice, rows, 1, segment.mesh.size, segment.mesh.devices.flat[0].platform, "")
    size = layout.program_rows()
    # Without the stop rule: a run that finishes while it is timed would cost nothing from then on.
    compiled = segment._replace(program=segment.program._replace(stop=False)).compiled(layout)
    moving = put_rows(state, np.asarray(rows), size, segment.mesh)
    fixed = put_rows((segment.inputs.hypers, segment.inputs.sample), np.asarray(rows), size, segment.mesh)
    data, mesh = segment.data, segment.mesh

    def timed(num_steps: int) -> float:
        nonlocal moving
        began = time.perf_counter()
        moving, record = compiled(moving, *fixed, data, put(np.int32(num_steps), mesh, shared=True))
        jax.block_until_ready((moving, record))
        return time.perf_counter() - began

    timed(1)
    num_steps = 1
    empty = timed(0)
    # Long enough for the clock, and beside the evaluation, whose own time scatters.
    while timed(num_steps) - empty < max(0.2, empty / 2) and num_steps < 4096:
        num_steps *= 4
    return lambda: (timed(num_steps) - timed(0)) / num_steps
