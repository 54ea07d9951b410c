"""The strategy: by rule where a sweep is short; by the clock, on copies and within memory, where it is long."""

import jax
import numpy as np
import pytest

from gendyn.sweep import calibrate
from gendyn.sweep.execute import ChunkJob, flatten_state

AXES = {"seed": range(20)}


def config_of(small, **leaves):
    return small.config(sweep__strategy="auto", sweep__buckets="max", **leaves)


@pytest.fixture
def job(small, tmp_path):
    """A job on one device whose state and inputs are ready."""

    def ready(**leaves):
        packed = small.packed(config_of(small, **leaves), AXES)
        job = ChunkJob(packed.chunk, packed.task, jax.devices()[:1], tmp_path)
        job.inputs, job.state = packed.inputs, packed.state
        job.data = packed.inputs.data
        return job

    return ready


def test_a_short_sweep_takes_the_planned_strategy(job, monkeypatch):
    monkeypatch.setattr(calibrate, "seconds_per_step", lambda *arguments: pytest.fail("timed"))
    ready = job()
    assert not calibrate.pays(ready)
    assert calibrate.choose(ready) == (ready.chunk.estimate.strategy, 1)
    long = ready.chunk.estimate._replace(seconds=1e6)
    ready.chunk = ready.chunk._replace(estimate=long)
    assert calibrate.pays(ready)


@pytest.mark.parametrize("best", calibrate.CANDIDATES)
def test_the_fastest_is_taken(job, monkeypatch, best):
    monkeypatch.setattr(calibrate, "PAYS", 0.0)
    monkeypatch.setattr(calibrate, "seconds_per_step", lambda job, *candidate: 1.0 if candidate == best else 2.0)
    assert calibrate.choose(job()) == best


def test_what_does_not_fit_is_not_tried(job, monkeypatch):
    """All runs side by side would take all the memory there is; the planner had foreseen one after another."""
    tried = []
    monkeypatch.setattr(calibrate, "PAYS", 0.0)
    monkeypatch.setattr(calibrate, "seconds_per_step", lambda job, *candidate: tried.append(candidate) or 1.0)
    ready = job()
    ready.chunk = ready.chunk._replace(estimate=ready.chunk.estimate._replace(strategy="map"))
    ready.flat = ready.flat | {"sweep.memory_limit_gb": 1e-6}
    calibrate.choose(ready)
    assert tried == [("map", 1)]


def test_timing_leaves_the_job_as_it_was(job):
    """The runs would stop at once: they are timed without their stop rule."""
    ready = job(stop__train_loss=100.0)
    before = {name: array.copy() for name, array in flatten_state(ready.state).items()}
    for candidate in (("map", 8), ("vmap", 1)):
        assert 0 < calibrate.seconds_per_step(ready, *candidate, repeats=1) < 1
    for name, array in flatten_state(ready.state).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_calibrated_sweep_writes_its_layout_down_and_agrees(small, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrate, "PAYS", 0.0)
    chosen = iter([("map", 8)])
    monkeypatch.setattr(calibrate, "choose", lambda job: next(chosen))
    found = small.run(config_of(small), AXES, tmp_path / "calibrated")
    (history,) = small.layouts(tmp_path / "calibrated")
    assert [(layout["strategy"], layout["batch"]) for layout in history] == [("map", 8)]
    pinned = small.run(small.change(config_of(small), sweep__strategy="map"), AXES, tmp_path / "pinned")
    small.close(pinned, found)
