import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from gendyn.store import ChunkStore


@pytest.fixture(scope="module")
def program():
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("committing_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "JAX_PLATFORMS": "cpu"},
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def _start(program, folder: Path) -> int:
    program.stdin.write(f"{folder}\n")
    program.stdin.flush()
    return int(program.stdout.readline())


def _kill(program, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert program.stdout.readline() == "killed\n"


def _check(committing, folder: Path, at_least: int) -> int:
    """All committed records are right, everything else is NaN, and the state belongs to them."""
    store = ChunkStore(folder)
    records, values = store.snapshot()
    assert at_least <= records < committing.NUM_RECORDS
    for variable in committing.VARIABLES:
        np.testing.assert_array_equal(values[variable.name][:, :records], committing.truth(variable, 0, records))
        assert np.isnan(values[variable.name][:, records:]).all()
    return records


def test_kill_at_random_instants_loses_and_doubles_nothing(program, committing, tmp_path):
    folder = tmp_path / "chunk"
    draw = np.random.default_rng(0)
    records = 0
    for _ in range(6):
        pid = _start(program, folder)
        deadline = time.monotonic() + 30
        # Until it has got further than the last one, then at a random instant of a commit.
        while not ChunkStore.exists(folder) or ChunkStore(folder).committed() <= records:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.1))
        _kill(program, pid)
        records = _check(committing, folder, records + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a kill damages nothing: no fallback
        restored = ChunkStore(folder).restore()
    assert restored.records == records
    for name, value in committing.state_at(records).items():
        np.testing.assert_array_equal(restored.state[name], value)
    committing.commit_all(folder, last=records + 5)
    _check(committing, folder, records + 5)


def test_a_kill_during_creation_leaves_something_to_complete(program, committing, tmp_path):
    draw = np.random.default_rng(1)
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        pid = _start(program, folder)
        deadline = time.monotonic() + 30
        while not folder.exists():
            assert time.monotonic() < deadline
        time.sleep(draw.uniform(0, 0.03))
        _kill(program, pid)
        committing.commit_all(folder, last=2)
        _check(committing, folder, 2)


def test_a_reader_beside_the_writer_is_always_right(program, committing, tmp_path):
    folder = tmp_path / "chunk"
    pid = _start(program, folder)
    while not ChunkStore.exists(folder):
        time.sleep(0.005)
    before = 0
    seen = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for attempt in range(200):
            before = _check(committing, folder, before)
            seen.add(before)
            if attempt % 10 == 0 and (restored := ChunkStore(folder).restore_state()) is not None:
                np.testing.assert_array_equal(restored.state["step"], restored.records)
    assert len(seen) > 2  # the writer was at work meanwhile
    _kill(program, pid)
