"""The strategy: by rule where a chunk is short; by the clock, on copies and within memory, where it is long."""

import math

import jax
import numpy as np
import pytest

from gendyn.sweep.execute import calibrate
from gendyn.sweep.execute import job as jobs
from gendyn.sweep.execute.segment import make_segment
from gendyn.sweep.execute.states import flatten_state
from gendyn.sweep.plan import cost

AXES = {"seed": range(20)}
DEVICES = jax.devices()[:1]
MEMORY = cost.Memory(per_run=10.0, step=100.0, shared=0.0)


def config_of(small, **leaves):
    return small.config(sweep__strategy="auto", sweep__buckets="max", **leaves)


def with_seconds(chunk, seconds):
    return chunk._replace(estimate=chunk.estimate._replace(seconds=seconds))


def test_only_a_long_chunk_of_several_runs_with_an_open_strategy_is_timed(small):
    (chunk,) = small.gendyn.sweep.plan(config_of(small), axes=AXES).chunks
    assert not calibrate.due(chunk, DEVICES)
    assert calibrate.planned(chunk) == (chunk.estimate.strategy, 1)
    long = with_seconds(chunk, 1e6)
    assert calibrate.due(long, DEVICES)
    assert not calibrate.due(long._replace(runs=long.runs[:1]), DEVICES)
    (pinned,) = small.gendyn.sweep.plan(
        small.change(config_of(small), sweep__strategy="map", sweep__batch=3), axes=AXES
    ).chunks
    assert not calibrate.due(with_seconds(pinned, 1e6), DEVICES)
    assert calibrate.planned(pinned) == ("map", 3)


@pytest.mark.parametrize("best", calibrate.CANDIDATES)
def test_the_fastest_is_taken(best):
    assert calibrate.candidates(20, 1, ("vmap", 1), MEMORY, math.inf) == list(calibrate.CANDIDATES)
    timings = {candidate: 1.0 if candidate == best else 2.0 for candidate in calibrate.CANDIDATES}
    assert calibrate.fastest(timings, ("vmap", 1)) == best
    # What did not fit is out; where nothing fitted, the planned one is halved when it runs.
    others = [candidate for candidate in calibrate.CANDIDATES if candidate != best]
    assert calibrate.fastest(timings | {best: None}, best) == others[0]
    assert calibrate.fastest(dict.fromkeys(timings), ("map", 8)) == ("map", 8)


def test_what_does_not_fit_is_not_tried():
    """All runs side by side would take all the memory there is; the planner had foreseen one after another."""
    assert calibrate.candidates(20, 1, ("map", 1), MEMORY, 1.0) == [("map", 1)]
    assert calibrate.candidates(20, 1, ("map", 1), MEMORY, MEMORY.total(20, 1, 1)) == [("map", 1)]
    # Eight of eight are all of them.
    assert calibrate.candidates(8, 1, ("map", 1), MEMORY, math.inf) == [("map", 1), ("vmap", 1)]


def test_timing_leaves_the_state_as_it_was(small, monkeypatch):
    """The runs would stop at once: they are timed without their stop rule. A candidate that fails is left out."""
    packed = small.packed(config_of(small, stop__train_loss=100.0), AXES)
    segment = make_segment(packed.chunk, packed.task, DEVICES)
    before = {name: array.copy() for name, array in flatten_state(packed.state).items()}
    for choice in (("map", 8), ("vmap", 1)):
        assert math.isfinite(calibrate.seconds_per_step(segment, packed.state, choice, repeats=1))
    for name, array in flatten_state(packed.state).items():
        np.testing.assert_array_equal(array, before[name])

    def seconds_per_step(segment, state, choice):
        if choice == ("map", 1):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return 1.0 + choice[1]

    monkeypatch.setattr(calibrate, "seconds_per_step", seconds_per_step)
    assert calibrate.choose(packed.chunk, segment, packed.state) == ("vmap", 1)


def test_a_calibrated_sweep_writes_its_layout_down_and_agrees(small, tmp_path, monkeypatch):
    chosen = iter([("map", 8)])
    monkeypatch.setattr(jobs.calibrate, "due", lambda chunk, devices: chunk.settings["sweep.strategy"] == "auto")
    monkeypatch.setattr(jobs.calibrate, "choose", lambda chunk, segment, state: next(chosen))
    found = small.run(config_of(small), AXES, tmp_path / "calibrated")
    (history,) = small.layouts(tmp_path / "calibrated")
    assert [(layout["strategy"], layout["batch"]) for layout in history] == [("map", 8)]
    pinned = small.run(small.change(config_of(small), sweep__strategy="map"), AXES, tmp_path / "pinned")
    small.close(pinned, found)
