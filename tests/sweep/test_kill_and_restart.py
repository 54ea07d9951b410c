"""``kill -9`` at any instant, and the same command again: the results of an uninterrupted sweep, to the bit."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from gendyn import store

LONG = {"record.num_records": 300, "train.num_steps": 299}


@pytest.fixture(scope="module")
def reference(small, killing, tmp_path_factory):
    """The sweep without a kill, in this process."""
    return small.run(killing.config_of(), killing.AXES, tmp_path_factory.mktemp("reference"))


def test_two_kills(small, killing, reference, tmp_path):
    draw = np.random.default_rng(0)
    at_least = 0
    for threshold in (11, 33):  # in the first chunk, and in the second
        with killing.Sweep(tmp_path) as sweep:
            arrived = lambda threshold=threshold: killing.committed(tmp_path) >= threshold  # noqa: E731
            assert sweep.kill_when(arrived, delay=draw.uniform(0, 0.1))
        # Each of three runs a chunk has as many records as its chunk.
        readable = killing.check_readable(tmp_path, reference.dataset)
        assert 3 * threshold <= readable < reference.dataset["committed"].sum()
        assert at_least < readable
        at_least = readable
    with killing.Sweep(tmp_path) as sweep:
        sweep.finish()
    small.same(reference, small.result(tmp_path))


class Instant(NamedTuple):
    """When ``records`` are committed and ``find(workdir)`` finds something half done; ``delay`` seconds later."""

    name: str
    records: int
    delay: float = 0.0
    find: Callable[[Path], Any] = lambda workdir: True


def kills_before_events(root, stride):
    command = [sys.executable, "-m", "tests.sweep.kills_at_events", str(stride)]
    done = subprocess.run(command, cwd=root, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return done.stdout


def test_a_kill_before_any_thing_done_to_a_file_is_recovered_from(root):
    """A sample: before birth, just after it, and in a recovery."""
    assert re.search(r"born at [1-9]\d*; 3 trials: \{'recovered': 3\}", kills_before_events(root, 400))


@pytest.mark.slow
def test_kills_before_every_twentieth_thing_done_to_a_file(root):
    kills_before_events(root, 20)


def kill_at(killing, workdir, instant):
    """Starts new sweeps until a kill has hit what it was meant for (one that missed has used up records)."""
    for _ in range(40):
        shutil.rmtree(workdir, ignore_errors=True)
        with killing.Sweep(workdir) as sweep:
            hit = sweep.kill_when(
                lambda: killing.committed(workdir) >= instant.records and instant.find(workdir), delay=instant.delay
            )
        if hit and instant.find(workdir):  # what was half done is not any more
            return
    raise AssertionError(f"{instant} was never hit")


@pytest.mark.slow
def test_twenty_kills(small, killing, reference, tmp_path, capsys):
    """Each in a sweep of its own: starting up, at random instants of training, in a checkpoint, in a record write."""
    draw = np.random.default_rng(0)
    total = int(reference.dataset["committed"].sum()) // 3  # of both chunks; three runs each
    instants = [Instant("starting", 0, draw.uniform(0, 5)) for _ in range(2)]
    for i in range(10):
        instants.append(Instant("random", int(total * (i + draw.uniform()) / 10.5), draw.uniform(0, 0.05)))
    for name, find in (("checkpoint", killing.being_saved), ("record write", killing.records_being_written)):
        instants += [Instant(name, int(draw.integers(0, total - 4)), 0.0, find) for _ in range(4)]
    found = []
    for i, instant in enumerate(instants):
        workdir = tmp_path / str(i)
        kill_at(killing, workdir, instant)
        readable = killing.check_readable(workdir, reference.dataset) // 3
        assert instant.records <= readable < total
        with killing.Sweep(workdir) as sweep:
            sweep.finish()
        small.same(reference, small.result(workdir))
        found.append(f"{instant.name} after {readable}")
    with capsys.disabled():
        print(
            f"\n{len(found)}/{len(instants)} bit-identical, killed after so many of {total} records: {', '.join(found)}"
        )


@pytest.mark.slow
def test_a_thousand_reads_of_a_running_sweep(small, killing, tmp_path, capsys):
    """Never an error, never a torn record; what has been read once stays."""
    reads, snapshots = 0, []
    workdir = tmp_path / "live"
    with killing.Sweep(workdir, **LONG) as sweep:
        while not store.born(workdir):
            assert sweep.running()
        while sweep.running():
            snapshots.append(store.open(workdir))
            reads += 1
        sweep.finish()
    whole = store.open(workdir)
    before = np.zeros(whole.sizes["run"])
    for snapshot in snapshots:
        committed = snapshot["committed"].values
        assert (committed >= before).all()
        before = committed
        known = np.arange(whole.sizes["record"])[None] < committed[:, None]
        for name in whole.data_vars:
            values = snapshot[name].values
            np.testing.assert_array_equal(values[known], whole[name].values[known])
            assert values.dtype.kind != "f" or np.isnan(values[~known]).all()
    with capsys.disabled():
        distinct = len({tuple(snapshot["committed"].values) for snapshot in snapshots})
        print(f"\n{reads} reads of a running sweep, {distinct} different states, none torn")
    assert reads >= 1000
    assert distinct > 100
