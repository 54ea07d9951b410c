"""Out of memory: planned around where it can be foreseen, and survived where not."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from gendyn import store
from gendyn.core import ConfigError, RunError
from gendyn.sweep.execute import segment as segments
from gendyn.sweep.execute.layout import Layout
from gendyn.sweep.execute.population import Population
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.shapes import abstract_inputs

AXES = {"model.width": (3, 4), "seed": (0, 1, 2)}


def config_of(small, **leaves):
    return small.config(sweep__buckets="max", **leaves)


@pytest.fixture(scope="module")
def reference(small, tmp_path_factory):
    return small.run(config_of(small), AXES, tmp_path_factory.mktemp("reference"))


@pytest.fixture
def room(monkeypatch, tmp_path):
    """``room.most = n``: from the third segment on, more than ``n`` runs at a time do not fit the device.

    ``room.layouts[rows]`` is the layout file as it was when a program of so many rows first ran.
    """

    room = SimpleNamespace(most=10**9, calls=0, layouts={})
    original = segments.compile_segment

    def compile_segment(program, layout, mesh, inputs):
        compiled = original(program, layout, mesh, inputs)
        rows = layout.program_rows()

        def segment(*arguments):
            room.calls += 1
            if room.calls >= 3 and rows > room.most:
                raise jax.errors.JaxRuntimeError(f"RESOURCE_EXHAUSTED: Out of memory allocating {rows} rows.")
            if rows not in room.layouts:
                room.layouts[rows] = store.read_json(next(tmp_path.rglob("layout.json")))["layouts"]
            return compiled(*arguments)

        return segment

    monkeypatch.setattr(segments, "compile_segment", compile_segment)
    return room


@pytest.mark.parametrize("strategy", ["vmap", "map"])
def test_the_chunk_goes_on_in_parts(small, reference, room, tmp_path, monkeypatch, strategy):
    """Six runs: six at a time, three, two: from the last commit on, with each layout on disk before it is used."""
    small.use_devices(monkeypatch, 1)
    room.most = 2
    with pytest.warns(UserWarning, match="out of memory: chunk .* goes on from its last commit in [24] parts"):
        found = small.run(config_of(small, sweep__strategy=strategy), AXES, tmp_path)
    small.close(reference, found)
    (history,) = small.layouts(tmp_path)
    assert [(layout["from_record"], layout["parts"]) for layout in history] == [(0, 1), (2, 2), (2, 4)]
    assert room.layouts[6] == history[:1]
    assert room.layouts[2] == history


def test_what_was_not_committed_is_trained_again(small, reference, room, tmp_path, monkeypatch):
    small.use_devices(monkeypatch, 1)
    room.most = 3
    done = []
    monkeypatch.setattr(Progress, "advance", lambda self, steps, note="": done.append(steps))
    config = config_of(small, store__commit_seconds=1e9, sweep__strategy="vmap")
    with pytest.warns(UserWarning, match="in 2 parts"):
        found = small.run(config, AXES, tmp_path)
    small.close(reference, found)
    (history,) = small.layouts(tmp_path)
    assert [(layout["from_record"], layout["parts"]) for layout in history] == [(0, 1), (0, 2)]
    assert sum(done) == 6 * 20
    assert min(done) == -6 * 4


def test_interrupted_after_halving_resumes_in_parts(small, room, tmp_path, monkeypatch):
    small.use_devices(monkeypatch, 1)
    room.most = 3
    config = config_of(small, sweep__strategy="vmap")
    with pytest.warns(UserWarning, match="in 2 parts"):
        whole = small.run(config, AXES, tmp_path / "whole")
    room.calls = 0
    original = Population.advance

    def advance(population, num_steps):
        if room.calls > 8:
            raise KeyboardInterrupt
        return original(population, num_steps)

    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="in 2 parts"):
        patch.setattr(Population, "advance", advance)
        with pytest.raises(KeyboardInterrupt):
            small.run(config, AXES, tmp_path / "interrupted")
    assert (store.open(tmp_path / "interrupted")["committed"] < 6).all()
    found = small.run(config, AXES, tmp_path / "interrupted")
    small.same(whole, found)


def test_one_run_at_a_time_that_does_not_fit_is_said(small, room, tmp_path, monkeypatch):
    small.use_devices(monkeypatch, 1)
    room.most = 0
    with (
        pytest.warns(UserWarning, match="out of memory"),
        pytest.raises(
            RunError, match=r"6 runs failed.*out of memory with one run at a time \(chunk .*choose a smaller width"
        ),
    ):
        small.run(config_of(small), AXES, tmp_path)
    # What was committed is still readable.
    assert store.open(tmp_path)["committed"].values.tolist() == [2] * 6


def test_another_error_of_the_device_is_not_taken_for_it(small, tmp_path, monkeypatch):
    def fails(population, num_steps):
        raise jax.errors.JaxRuntimeError("INTERNAL: the device is lost")

    monkeypatch.setattr(Population, "advance", fails)
    with pytest.raises(RunError, match="JaxRuntimeError: INTERNAL: the device is lost") as failed:
        small.run(config_of(small), AXES, tmp_path)
    assert isinstance(failed.value.__cause__, jax.errors.JaxRuntimeError)


def test_a_layout_shrinks_until_each_device_has_one_run():
    def sizes(layout):
        while layout is not None:
            yield layout.program_rows(), layout.batch
            layout = layout.smaller()

    def layout(rows, strategy, batch, devices):
        return Layout(0, strategy, batch, tuple(range(rows)), 1, devices, "cpu", "")

    assert list(sizes(layout(5, "vmap", 1, 1))) == [(5, 1), (3, 1), (2, 1), (1, 1)]
    assert list(sizes(layout(6, "vmap", 1, 2))) == [(6, 1), (4, 1), (2, 1)]
    assert list(sizes(layout(8, "map", 4, 1))) == [(8, 4), (4, 4), (4, 2), (2, 2), (2, 1), (1, 1)]
    assert list(sizes(layout(1, "map", 1, 2))) == [(2, 1)]


def test_a_memory_limit_makes_equal_chunks(small, tmp_path):
    """A quarter of what the population needs: the sweep completes, in chunks."""
    config, axes = config_of(small, sweep__strategy="vmap"), {"seed": range(24)}
    (whole,) = small.gendyn.sweep.plan(config, axes=axes).chunks
    limited = small.change(config, sweep__memory_limit_gb=whole.estimate.bytes / 4e9)
    plan = small.gendyn.sweep.plan(limited, axes=axes)
    assert len(plan.chunks) >= 4
    *equal, last = (len(chunk.runs) for chunk in plan.chunks)
    assert len(set(equal)) == 1
    assert 0 < last <= equal[0]
    assert all(chunk.estimate.bytes <= whole.estimate.bytes / 4 for chunk in plan.chunks)
    assert plan.programs() <= 2
    found = small.run(limited, axes, tmp_path / "limited")
    small.close(small.run(config, axes, tmp_path / "whole"), found)
    assert len(list((tmp_path / "limited" / "chunks").iterdir())) == len(plan.chunks)


def test_a_run_that_cannot_fit_is_refused(small):
    with pytest.raises(ConfigError, match=r"one run of sizes .* needs about .* GB, more than the 1e-06 GB there are"):
        small.gendyn.sweep.plan(config_of(small, sweep__memory_limit_gb=1e-6), axes=AXES)


def test_max_rows_is_the_inverse_of_total():
    memory = cost.Memory(per_run=10.0, step=100.0, shared=1000.0)
    for devices in (1, 2):
        for together in (1, 4, float("inf")):
            for limit in (3000.0, 5000.0, 12345.0):
                rows = memory.max_rows(limit, together, devices)
                assert rows > 0
                assert memory.total(rows, together, devices) <= limit
                assert memory.total(rows + 1, together, devices) > limit


def test_abstract_inputs_are_what_is_executed(small):
    packed = small.packed(config_of(small, optim="adam", train__ema_decay=0.9), AXES)
    about = (packed.program, packed.chunk.runs[0].flat, packed.inputs.data, packed.chunk.num_rows)
    abstract = abstract_inputs(*about)
    actual = (packed.state, packed.inputs.hypers, packed.inputs.sample)
    shapes = jax.tree.map(lambda leaf: (leaf.shape[1:], leaf.dtype), actual)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), abstract[:3]) == shapes
    state_bytes = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves((packed.state, packed.inputs.sample)))
    assert cost.memory(*about).per_run * len(packed.chunk.runs) == state_bytes
