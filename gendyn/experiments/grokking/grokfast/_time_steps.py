"""What a step of each arm of a sweep costs, all timed on one machine in turn."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gendyn import sweep
from gendyn.sweep.calibrate import step_timer
from gendyn.sweep.execute import ChunkJob
from gendyn.sweep.plan import Chunk
from gendyn.sweep.planner import load_task
from gendyn.sweep.run import pick_devices
from gendyn.types import Config, Task


def time_steps(config: Config, arms: Sequence[str], *, rounds: int = 5) -> dict[str, tuple[float, float]]:
    """Seconds that one step of one run takes in each arm: mean and standard error over rounds.

    Arms that share a program cost the same: one of them is timed, with as many seeds as the sweep has, laid out as the
    sweep would. In each round every program is timed once, so that a machine that slows down slows all of them; on one
    that others use the errors are large, and the findings in seconds then decide nothing.
    """
    seeds = dict(config.axes).get("seed", (config.seed,))
    single = config.copy_and_resolve_references()
    with single.unlocked():
        single.zip_axes = ()
    tasks: dict[str, Task] = {}
    groups = [[planned.flat["arm"] for planned in group.runs] for group in _chunks(single, arms, ())]
    with tempfile.TemporaryDirectory() as folder:
        timers = []
        for i, group in enumerate(groups):
            chunk = _chunks(single, group[:1], seeds)[0]
            job = ChunkJob(chunk, load_task(chunk.runs[0].flat, tasks), pick_devices(config), Path(folder) / str(i))
            job.prepare()
            layout = job.layouts[-1]
            timers.append((step_timer(job, layout.strategy, layout.batch), len(chunk.runs)))
        times = np.array([[timer() / count for timer, count in timers] for _ in range(rounds)])
    means, errors = times.mean(axis=0), times.std(axis=0, ddof=1) / math.sqrt(rounds)
    return {arm: (float(means[i]), float(errors[i])) for i, group in enumerate(groups) for arm in group}


def _chunks(config: Config, arms: Sequence[str], seeds: Sequence[int]) -> tuple[Chunk, ...]:
    axes = {"arm": tuple(arms)} | ({"seed": tuple(seeds)} if seeds else {})
    return sweep.plan(config, axes=axes).chunks
