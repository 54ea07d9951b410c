"""A sweep that was stopped goes on as if it had not been: bit for bit on the same devices, to rounding on others."""

import shutil

import jax
import numpy as np
import pytest

from gendyn import store
from gendyn.sweep.execute import job as jobs
from gendyn.sweep.execute.population import Population
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.states import flatten_state, unflatten_state

AXES = {"model.width": (3, 4), "seed": (0, 1, 2)}
KINDS = {
    "two chunks, map": {"sweep__buckets": "exact"},
    "packed vmap": {"sweep__strategy": "vmap", "sweep__buckets": "max"},
    "mini-batches, moments, average and noise": {
        "optim": "adam",
        "train__batch_size": 5,
        "sweep__batch": 2,
        "sweep__buckets": "max",
        "train__ema_decay": 0.9,
        "data__label_noise": 0.3,
    },
}


class Interrupted(KeyboardInterrupt):
    """What a test raises in the middle of a sweep."""


@pytest.fixture
def interrupt(monkeypatch):
    """``interrupt(n)``: the sweep is interrupted at the n-th record from now; 0 never."""
    original = Progress.advance
    left = [0]

    def advance(progress, run_steps, note=""):
        if note:  # a record, not what an earlier start had done
            left[0] -= 1
            if left[0] == 0:
                raise Interrupted
        return original(progress, run_steps, note)

    monkeypatch.setattr(Progress, "advance", advance)
    return lambda records: left.__setitem__(0, records)


def run_with_interruptions(small, interrupt, config, axes, folder, records):
    """Starts, is interrupted after so many records, and so on; then runs to the end."""
    for count in records:
        interrupt(count)
        with pytest.raises(Interrupted):
            small.run(config, axes, folder)
    interrupt(0)
    return small.run(config, axes, folder)


@pytest.fixture(scope="module")
def uninterrupted(small, tmp_path_factory):
    found = {}

    def result(kind, config):
        if kind not in found:
            found[kind] = small.run(config, AXES, tmp_path_factory.mktemp("uninterrupted"))
        return found[kind]

    return result


@pytest.mark.parametrize(("kind", "commit_seconds"), [*((kind, 0.0) for kind in KINDS), ("packed vmap", 1e9)])
def test_interrupted_and_restarted_is_uninterrupted(small, interrupt, uninterrupted, tmp_path, kind, commit_seconds):
    """Committed at every record, or never before the end; interrupted at the first record, and later."""
    config = small.config(store__commit_seconds=commit_seconds, **KINDS[kind])
    found = run_with_interruptions(small, interrupt, config, AXES, tmp_path, (1, 4))
    small.same(uninterrupted(kind, config), found)
    assert all(len(history) == 1 for history in small.layouts(tmp_path))


def test_a_restart_trains_from_the_last_commit_on(small, interrupt, tmp_path, monkeypatch):
    config = small.config()
    lengths = []
    original = Population.advance
    monkeypatch.setattr(Population, "advance", lambda self, steps: lengths.append(steps) or original(self, steps))
    run_with_interruptions(small, interrupt, config, {"seed": (0, 1)}, tmp_path, (4,))
    # Record 0 and three of four steps; the last was not handed over when the interruption came, so it comes again.
    assert lengths == [0, 4, 4, 4, 4, 4, 4]


def test_the_dataset_of_an_interrupted_sweep_holds_what_was_committed(small, interrupt, uninterrupted, tmp_path):
    config = small.config(**KINDS["two chunks, map"])
    interrupt(4)
    with pytest.raises(Interrupted):
        small.run(config, AXES, tmp_path)
    whole, part = uninterrupted("two chunks, map", config).dataset, store.open(tmp_path)
    assert part["committed"].values.tolist() == [3] * 3 + [0] * 3
    np.testing.assert_array_equal(part["train_loss"].values[:3, :3], whole["train_loss"].values[:3, :3])
    assert np.isnan(part["train_loss"].values[:3, 3:]).all()
    assert np.isnan(part["train_loss"].values[3:]).all()


def test_a_damaged_checkpoint_costs_one_commit_and_is_said_loudly(small, interrupt, uninterrupted, tmp_path):
    config = small.config(**KINDS["packed vmap"])
    interrupt(4)
    with pytest.raises(Interrupted):
        small.run(config, AXES, tmp_path)
    (folder,) = (tmp_path / "chunks").iterdir()
    newest = max((folder / "checkpoints").iterdir())
    shutil.rmtree(newest)
    newest.mkdir()
    interrupt(0)
    with pytest.warns(RuntimeWarning, match="commit 2 is damaged .* Falling back to commit 1"):
        found = small.run(config, AXES, tmp_path)
    small.same(uninterrupted("packed vmap", config), found)


def test_the_layout_of_the_first_start_is_kept(small, interrupt, uninterrupted, tmp_path):
    """Bits depend on it, so a restart with another strategy, or a calibration, does not change it."""
    config = small.config(**KINDS["packed vmap"])
    interrupt(3)
    with pytest.raises(Interrupted):
        small.run(config, AXES, tmp_path)
    before = small.layouts(tmp_path)
    interrupt(0)
    found = small.run(small.change(config, sweep__strategy="map", sweep__batch=2), AXES, tmp_path)
    assert small.layouts(tmp_path) == before
    small.same(uninterrupted("packed vmap", config), found)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_on_another_number_of_devices(small, interrupt, tmp_path, monkeypatch, first, second):
    """Restored state bit-identical; later records to rounding; the change is a layout epoch of its own."""
    config = small.config(**KINDS["packed vmap"])
    small.use_devices(monkeypatch, first)
    whole = small.run(config, AXES, tmp_path / "whole")
    interrupt(4)
    with pytest.raises(Interrupted):
        small.run(config, AXES, tmp_path / "moved")
    (folder,) = (tmp_path / "moved" / "chunks").iterdir()
    saved = store.ChunkStore(folder).restore_state()
    assert saved.records == 3

    small.use_devices(monkeypatch, second)
    interrupt(0)
    restored = []
    original = jobs.restore

    def restore(setup):
        position = original(setup)
        restored.append(flatten_state(position.state))
        return position

    monkeypatch.setattr(jobs, "restore", restore)
    found = small.run(config, AXES, tmp_path / "moved")
    assert restored[0].keys() == saved.state.keys()
    for name, array in saved.state.items():
        np.testing.assert_array_equal(restored[0][name], array)
    small.close(whole, found)
    for name in whole.dataset.data_vars:
        np.testing.assert_array_equal(
            whole.dataset[name].values[:, :3], found.dataset[name].values[:, :3], err_msg=name
        )
    (history,) = small.layouts(tmp_path / "moved")
    assert [(layout["from_record"], layout["devices"]) for layout in history] == [(0, first), (3, second)]


def test_states_survive_flattening(small):
    state = small.packed(small.config(optim="adam", train__ema_decay=0.5), AXES).state
    flat = flatten_state(state)
    assert "variables/params/dense_0/kernel" in flat
    assert len(flat) == len(jax.tree.leaves(state))
    again = unflatten_state(jax.eval_shape(lambda: state), flat)
    assert jax.tree.structure(again) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, again, state)
