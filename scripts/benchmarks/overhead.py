"""What the store and the progress cost a longer sweep."""

import contextlib
import io
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import jax
import ml_collections
import numpy as np

from benchmarks import engine
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, ratio, timed
from gendyn import store
from gendyn.sweep.execute import Job, Progress, prepare, train_chunk
from gendyn.sweep.execute.signals import Signals
from gendyn.sweep.plan import Chunk
from gendyn.types import Task

RUNS, STEPS, RECORDS = 32, 20_000, 100
COMMIT_SECONDS = 10.0
"""Three times as often as by default, since the run is shorter than a sweep that lasts."""


class _NoStore:
    """Takes commits and keeps nothing."""

    seconds = 0.0

    def __init__(self, chunk: Any) -> None:
        del chunk

    def submit(self, *job: Any) -> None:
        del job

    def drain(self) -> None: ...

    def __enter__(self) -> "_NoStore":
        return self

    def __exit__(self, *error: object) -> None: ...


@contextlib.contextmanager
def _committers(kept: list[Any], real: type) -> Iterator[None]:
    """Every committer that is made under this is also in ``kept``."""

    def make(chunk: Any) -> Any:
        kept.append(real(chunk))
        return kept[-1]

    with mock.patch.object(store, "Committer", make):
        yield


class _Cost(NamedTuple):
    run: Timing
    inside: float
    """Seconds of the committing thread and of the progress lines."""


def _run(chunk: Chunk, task: Task, *, stored: bool) -> _Cost:
    committers: list[Any] = []
    silent = contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, silent:
        ready = prepare(Job(chunk, task, jax.local_devices(), pathlib.Path(folder) / chunk.id))
        with (
            _committers(committers, store.Committer if stored else _NoStore),
            Progress(chunk.steps[-1] * len(chunk.runs), len(chunk.runs), quiet=not stored, interval=1.0) as progress,
        ):
            timing = timed(lambda: train_chunk(*ready, progress, Signals()))
    return _Cost(timing, sum(committer.seconds for committer in committers) + progress.seconds)


def run(repeats: int) -> list[Row]:
    """The time inside the committing thread and the progress, and the run against the same run without either."""
    config = engine.mlp_config(width=128, depth=1, batch_size=128, num_steps=STEPS)
    config.record.update({"kind": "linear", "num_records": RECORDS, "steps": ()})
    config.store.commit_seconds = COMMIT_SECONDS
    axes, devices = {"seed": range(RUNS)}, jax.local_devices()
    chunk, task = engine.plan_one(config, axes, devices)
    short, _ = engine.plan_one(_shorter(config), axes, devices)
    _run(short, task, stored=True)  # the first commit of a process imports orbax
    costs: dict[bool, list[_Cost]] = {True: [], False: []}
    for turn in range(repeats):
        for stored in (True, False) if turn % 2 else (False, True):
            costs[stored].append(_run(chunk, task, stored=stored))
    inside = np.array([100 * cost.inside / cost.run.wall for cost in costs[True]])
    against = ratio([cost.run for cost in costs[True]], [cost.run for cost in costs[False]])
    seconds = float(np.median([cost.run.wall for cost in costs[True]]))
    return [
        Row(
            "time inside store and progress / run",
            float(np.median(inside)),
            float(inside.min()),
            float(inside.max()),
            unit="%",
            at_most=2.0,
            note=f"{seconds:.0f} s, {RECORDS} records, a commit every {COMMIT_SECONDS:g} s",
        ),
        of_ratio("run with store and progress / without", against, at_most=1.02),
    ]


def _shorter(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    short = config.copy_and_resolve_references()
    short.train.num_steps, short.record.num_records = 10, 2
    return short
