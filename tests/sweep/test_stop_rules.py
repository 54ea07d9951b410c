"""Runs that have finished keep their final values, and leave the population where that pays; nothing else changes."""

import numpy as np
import pytest

from gendyn import store
from gendyn.sweep.execute import chunk as chunks
from gendyn.sweep.execute.layout import RunsFinished
from gendyn.sweep.execute.population import Population

# Eight runs: half are finished after 4 steps, then a quarter, then all but one; rules of all kinds share a program.
STOPS = (4, 4, 4, 4, 8, 8, 12, 1000)
AXES = {"stop.step": (4, 8, 12, 1000), "seed": (0, 1)}


def config_of(small, **leaves):
    return small.config(sweep__buckets="max", **leaves)


@pytest.fixture(scope="module")
def one_by_one(small, tmp_path_factory):
    """``lax.map`` a run at a time: nothing leaves the population."""
    folder = tmp_path_factory.mktemp("map")
    found = small.run(config_of(small), AXES, folder)
    assert [len(history) for history in small.layouts(folder)] == [1]
    return found


def assert_final_values_are_kept(dataset):
    steps, finished = dataset["step"].values, dataset["finished_step"].values
    for run in range(dataset.sizes["run"]):
        at = finished[run, -1]
        if at < 0:
            continue
        record = int(np.flatnonzero(steps == at)[0])
        np.testing.assert_array_equal(finished[run], np.where(steps >= at, at, -1))
        for name in ("train_loss", "train_error", "test_loss", "test_error"):
            values = dataset[name].values[run]
            np.testing.assert_array_equal(values[record:], values[record])


def test_by_step(one_by_one):
    dataset = one_by_one.dataset
    np.testing.assert_array_equal(dataset["finished_step"].values[:, -1], [4, 4, 8, 8, 12, 12, -1, -1])
    assert_final_values_are_kept(dataset)
    for stop, state in zip(dataset["stop.step"].values, one_by_one.states, strict=True):
        assert int(state["step"]) == min(stop, 20)


def test_stopping_changes_nothing_before(small, one_by_one, tmp_path):
    free = small.run(config_of(small), {"seed": (0, 1)}, tmp_path).dataset
    steps = free["step"].values
    for row, stop in enumerate(one_by_one.dataset["stop.step"].values):
        before = steps <= stop
        np.testing.assert_allclose(
            one_by_one.dataset["train_loss"].values[row, before], free["train_loss"].values[row % 2, before], rtol=1e-5
        )


@pytest.mark.parametrize("devices", [1, 2])
def test_finished_runs_leave_a_vmapped_population_by_halves(small, one_by_one, tmp_path, monkeypatch, devices):
    small.use_devices(monkeypatch, devices)
    found = small.run(config_of(small, sweep__strategy="vmap"), AXES, tmp_path)
    small.close(one_by_one, found)
    assert_final_values_are_kept(found.dataset)
    (history,) = small.layouts(tmp_path)
    # Records 0, 4, 8, ...: six runs are left after record 1, four after 2, two after 3. Eight are halved at four.
    assert [(layout["from_record"], layout["rows"]) for layout in history] == [
        (0, list(range(8))),
        (3, [4, 5, 6, 7]),
        (4, [6, 7]),
    ]


def test_killed_between_a_commit_and_the_layout_it_was_made_for(small, tmp_path, monkeypatch):
    """The restart drops the finished runs where the uninterrupted sweep did, so that it agrees to the bit."""
    config = config_of(small, sweep__strategy="vmap")
    whole = small.run(config, AXES, tmp_path / "whole")

    follow = chunks.follow

    def killed(setup, position, event):
        if isinstance(event, RunsFinished):
            raise KeyboardInterrupt
        follow(setup, position, event)

    with monkeypatch.context() as patch:
        patch.setattr(chunks, "follow", killed)
        with pytest.raises(KeyboardInterrupt):
            small.run(config, AXES, tmp_path / "killed")
    (before,) = small.layouts(tmp_path / "killed")
    assert len(before) == 1
    assert store.open(tmp_path / "killed")["committed"].values.tolist() == [3] * 8
    found = small.run(config, AXES, tmp_path / "killed")
    small.same(whole, found)
    assert small.layouts(tmp_path / "killed") == small.layouts(tmp_path / "whole")


def test_by_epoch_loss_and_error(small, tmp_path):
    """24 rows in batches of 5 are four steps an epoch; loss and error stop at the first record at or below."""
    free = small.run(config_of(small), {"seed": (0, 1, 2)}, tmp_path / "free").dataset
    by_epoch = small.run(
        config_of(small, train__batch_size=5), {"stop.epoch": (1, 3), "seed": (0, 1, 2)}, tmp_path / "epoch"
    ).dataset
    np.testing.assert_array_equal(by_epoch["finished_step"].values[:, -1], [4] * 3 + [12] * 3)
    assert_final_values_are_kept(by_epoch)
    for leaf, name in (("stop.train_loss", "train_loss"), ("stop.train_error", "train_error")):
        values = free[name].values
        threshold = float(np.median(values[:, 3]))
        found = small.run(config_of(small), {leaf: (threshold,), "seed": (0, 1, 2)}, tmp_path / name).dataset
        steps = free["step"].values
        expected = [int(steps[np.argmax(row <= threshold)]) if (row <= threshold).any() else -1 for row in values]
        assert found["finished_step"].values[:, -1].tolist() == expected
        assert any(0 < step < 20 for step in expected)
        assert_final_values_are_kept(found)


def test_a_sweep_whose_runs_have_all_finished_trains_no_further(small, tmp_path, monkeypatch):
    lengths = []
    original = Population.advance
    monkeypatch.setattr(Population, "advance", lambda self, steps: lengths.append(steps) or original(self, steps))
    found = small.run(config_of(small, stop__step=8), {"seed": (0, 1)}, tmp_path)
    assert lengths == [0, 4, 4]
    assert found.dataset["committed"].values.tolist() == [6, 6]
    assert_final_values_are_kept(found.dataset)
    assert [int(state["step"]) for state in found.states] == [8, 8]


def test_a_stop_between_two_records_makes_a_record_of_its_own(small, tmp_path):
    found = small.run(config_of(small), {"stop.step": (6, 1000)}, tmp_path).dataset
    assert 6 in found["step"].values
    assert found["finished_step"].values[:, -1].tolist() == [6, -1]
