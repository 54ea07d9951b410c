"""Alternatives timed in turns: on a shared machine only ratios of neighbours in time mean anything."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np


class Timing(NamedTuple):
    """One measurement, in seconds."""

    wall: float
    cpu: float
    """User and system time of all threads of the process: what is left of a timing when others load the machine."""

    def per(self, count: float) -> "Timing":
        """The share of one of ``count`` equal pieces of work."""
        return Timing(self.wall / count, self.cpu / count)


class Ratio(NamedTuple):
    """Of paired measurements."""

    median: float
    low: float
    """Smallest of the pairs."""
    high: float
    cpu: float
    """The median ratio of CPU times; it knows nothing of cores that idle."""


def timed(fn: Callable[[], Any]) -> Timing:
    """One call, with everything it returns ready."""
    wall, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(fn())
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def alternate(candidates: Mapping[str, Callable[[], Timing]], repeats: int) -> dict[str, list[Timing]]:
    """Measures each candidate ``repeats`` times in turns; each turn begins with another one."""
    names = list(candidates)
    measured: dict[str, list[Timing]] = {name: [] for name in names}
    for turn in range(repeats):
        for position in range(len(names)):
            name = names[(turn + position) % len(names)]
            measured[name].append(candidates[name]())
    return measured


def ratio(numerator: list[Timing], denominator: list[Timing]) -> Ratio:
    """Pair by pair, in the order measured."""
    pairs = list(zip(numerator, denominator, strict=True))
    wall = np.array([a.wall / b.wall for a, b in pairs])
    cpu = np.array([a.cpu / max(b.cpu, 1e-9) for a, b in pairs])
    return Ratio(float(np.median(wall)), float(wall.min()), float(wall.max()), float(np.median(cpu)))


def median_wall(measured: list[Timing]) -> float:
    """In seconds."""
    return float(np.median([timing.wall for timing in measured]))
