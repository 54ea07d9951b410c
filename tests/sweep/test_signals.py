"""A signal commits what is there; the same command goes on as if it had not come."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

from gendyn import store, sweep
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.signals import Signals, Stopped

AXES = {"model.width": (3, 4), "seed": (0, 1)}


@pytest.fixture
def signal_at(monkeypatch):
    """``signal_at(number, records)``: sent to this process when so many records are there."""
    original, left = Progress.advance, [0, 0]

    def advance(progress, run_steps, note=""):
        left[1] -= bool(note)
        if note and left[1] == 0:
            os.kill(os.getpid(), left[0])
        return original(progress, run_steps, note)

    monkeypatch.setattr(Progress, "advance", advance)
    return lambda number, records: left.__setitem__(slice(None), (number, records))


@pytest.mark.parametrize(("number", "records"), [(signal.SIGINT, 3), (signal.SIGTERM, 8)])
def test_what_is_there_is_committed(small, signal_at, tmp_path, number, records):
    """Also where no commit would be due for hours: in the first chunk of six records, and in the second."""
    config = small.config(store__commit_seconds=1e9, sweep__buckets="exact")
    signal_at(number, records)
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    said = rf"stopped by {number.name}: {2 * records} of 24 records are committed in .*; the same command goes on"
    with pytest.raises(Stopped, match=said) as stopped:
        sweep.run(config, axes=AXES, workdir=tmp_path / "s", quiet=True)
    assert stopped.value.number == number
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert int(store.open(tmp_path / "s")["committed"].sum()) == 2 * records
    found = small.run(config, AXES, tmp_path / "s")
    small.same(small.run(config, AXES, tmp_path / "whole"), found)


def test_a_program_of_its_own_ends_between_chunks(tmp_path):
    asked = []

    def compute(points):
        asked.append(len(points))
        if len(asked) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return {"square": [point["x"] ** 2 for point in points]}

    group = sweep.Group(points=tuple({"x": x} for x in range(6)), compute=compute)
    simulation = sweep.Simulation((group,), {"square": sweep.Measured("x squared")}, runs_at_once=2)
    with pytest.raises(Stopped, match="stopped by SIGTERM: 4 of 6 runs are committed"):
        sweep.simulate({}, tmp_path, simulation)
    ds = sweep.simulate({}, tmp_path, simulation)
    np.testing.assert_array_equal(ds["square"].values[:, 0], np.arange(6) ** 2)
    assert asked == [2, 2, 2]


@pytest.fixture
def default_handler():
    """A test runner's workers ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_second_signal_ends_at_once(default_handler):
    with pytest.raises(KeyboardInterrupt), Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_changes_no_handler():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work():
        with Signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


def test_a_reader_of_the_progress_that_goes_away_ends_nothing(monkeypatch):
    class Gone:
        def isatty(self):
            return False

        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    with Progress(10, 1, interval=0.0) as progress:
        for _ in range(3):
            progress.advance(3, "chunk")
    assert progress.done == 9
