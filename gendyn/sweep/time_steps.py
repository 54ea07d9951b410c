"""What a step of each arm of a sweep costs, all timed on one machine in turn."""

import math
from collections.abc import Sequence

import numpy as np

from gendyn.sweep.config.complete import complete
from gendyn.sweep.config.flat import flatten
from gendyn.sweep.execute import calibrate
from gendyn.sweep.execute.devices import compilation_cache, pick_devices
from gendyn.sweep.execute.inputs import first_state
from gendyn.sweep.execute.segment import make_segment
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk
from gendyn.sweep.run import plan
from gendyn.types import Config, Task


@compilation_cache()
def time_steps(config: Config, arms: Sequence[str], *, rounds: int = 5) -> dict[str, tuple[float, float]]:
    """Seconds that one step of one run takes in each arm: mean and standard error over rounds.

    Arms that share a program cost the same: one of them is timed, with as many seeds as the sweep has, laid out as the
    sweep would. In each round every program is timed once, so that a machine that slows down slows all of them; where
    others use the machine too the errors are large.

    Args:
        config: of a sweep, with ``arms``; its axis ``seed`` says how many runs go together.
        arms: names of arms.
        rounds: at least 2.

    Raises:
        ConfigError: bad input; see :func:`gendyn.sweep.plan`.
    """
    seeds = dict(config.axes).get("seed", (config.seed,))
    single = config.copy_and_resolve_references()
    with single.unlocked():
        single.zip_axes = ()
    devices = pick_devices(complete(flatten(config))["sweep.platform"])
    tasks: dict[str, Task] = {}
    groups = [[planned.flat["arm"] for planned in group.runs] for group in _chunks(single, arms, ())]
    timers = []
    for group in groups:
        chunk = _chunks(single, group[:1], seeds)[0]
        segment = make_segment(chunk, load_task(chunk.settings, tasks), devices)
        state = first_state(chunk, segment.program, segment.inputs)
        timed = calibrate.due(chunk, devices)
        choice = calibrate.choose(chunk, segment, state) if timed else calibrate.planned(chunk)
        timers.append((calibrate.step_timer(segment, state, choice), len(chunk.runs)))
    times = np.array([[timer() / count for timer, count in timers] for _ in range(rounds)])
    means, errors = times.mean(axis=0), times.std(axis=0, ddof=1) / math.sqrt(rounds)
    return {arm: (float(means[i]), float(errors[i])) for i, group in enumerate(groups) for arm in group}


def _chunks(config: Config, arms: Sequence[str], seeds: Sequence[int]) -> tuple[Chunk, ...]:
    axes = {"arm": tuple(arms)} | ({"seed": tuple(seeds)} if seeds else {})
    return plan(config, axes=axes).chunks
