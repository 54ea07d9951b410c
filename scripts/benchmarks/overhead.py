"""What the store and the progress cost a longer sweep."""

import contextlib
import io
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import jax
import numpy as np

from benchmarks import engine
from benchmarks.rows import Row
from gendyn import store
from gendyn.sweep.execute import ChunkJob
from gendyn.sweep.progress import Progress

RUNS, STEPS, RECORDS = 32, 20_000, 100
COMMIT_SECONDS = 2.0
"""Fifteen times as often as by default."""


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


def _run(chunk: Any, task: Any, *, stored: bool) -> tuple[float, float, float]:
    """Seconds of training, of the committing thread and of the progress lines."""
    committers: list[Any] = []
    silent = contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, silent:
        job = ChunkJob(chunk, task, jax.local_devices(), pathlib.Path(folder) / chunk.id)
        job.prepare()
        with (
            _committers(committers, store.Committer if stored else _NoStore),
            Progress(chunk.steps[-1] * len(chunk.runs), len(chunk.runs), quiet=not stored, interval=1.0) as progress,
        ):
            began = time.perf_counter()
            job.run(progress)
            seconds = time.perf_counter() - began
    return seconds, sum(committer.seconds for committer in committers), progress.seconds


def run(repeats: int) -> list[Row]:
    """The time inside the committing thread and the progress, and the run against the same run without either."""
    config = engine.mlp_config(width=128, depth=1, batch_size=128, num_steps=STEPS)
    config.record.kind, config.record.num_records = "linear", RECORDS
    config.store.commit_seconds = COMMIT_SECONDS
    chunk, task = engine.plan_one(config, {"seed": range(RUNS)}, jax.local_devices())
    inside, against = [], []
    for turn in range(repeats):
        results = {
            stored: _run(chunk, task, stored=stored) for stored in ((True, False) if turn % 2 else (False, True))
        }
        seconds, committing, progress = results[True]
        inside.append(100 * (committing + progress) / seconds)
        against.append(100 * (seconds / results[False][0] - 1))

    def row(name: str, shares: list[float], at_most: float | None) -> Row:
        return Row(name, float(np.median(shares)), min(shares), max(shares), unit="%", at_most=at_most)

    return [
        row("time inside store and progress / run", inside, 2.0),
        row("run with store and progress / without, minus 1", against, 2.0),
        Row("the run", seconds, unit="s", note=f"{RECORDS} records, a commit every {COMMIT_SECONDS:g} s"),
    ]
