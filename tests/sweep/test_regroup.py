"""A folder's plan may shrink, grow longer and lose runs: what is saved of all others stays, and is gone on from."""

import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep import forget, regroup
from gendyn.sweep.execute.population import Population
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.plan.parts import lengthen, split

AXES = {"seed": (0, 1, 2, 3)}


@pytest.fixture(scope="module")
def config(small):
    return small.config()


@pytest.fixture(scope="module")
def whole(small, config, tmp_path_factory):
    """Never interrupted."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, gendyn.sweep.run(config, axes=AXES, workdir=workdir, quiet=True)


@pytest.fixture
def begun(config, tmp_path, monkeypatch):
    """The folder of a sweep of four runs in one chunk, interrupted when two of six records were committed."""
    original = Progress.advance

    def advance(progress, run_steps, note=""):
        if note and progress.done >= 8 * 4:
            raise KeyboardInterrupt
        return original(progress, run_steps, note)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Progress, "advance", advance)
        gendyn.sweep.run(config, axes=AXES, workdir=tmp_path / "s", quiet=True)
    assert store.open(tmp_path / "s")["committed"].values.tolist() == [3] * 4
    return tmp_path / "s"


def folders(workdir):
    return {path.name for path in (workdir / "chunks").iterdir()}


def planned_ids(workdir):
    return {chunk["id"] for chunk in store.read_plan(workdir)["chunks"]}


def test_fewer_axis_values_train_those_alone_from_what_is_saved(config, whole, begun, monkeypatch):
    lengths = []
    original = Population.advance
    monkeypatch.setattr(Population, "advance", lambda self, steps: lengths.append(steps) or original(self, steps))
    asked = gendyn.sweep.plan(config, axes={"seed": (0, 2)}, workdir=begun).summary()
    assert asked.startswith(
        "2 runs go on from what is saved of them, in chunks of their own.\n2 other runs of the folder"
    )
    ds = gendyn.sweep.run(config, axes={"seed": (0, 2)}, workdir=begun, quiet=True)
    assert lengths == [4, 4, 4]  # three records were there
    assert ds["seed"].values.tolist() == [0, 1, 2, 3]
    assert ds["committed"].values.tolist() == [6, 3, 6, 3]
    assert folders(begun) == planned_ids(begun)
    truth = whole[1]
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(ds[name].values[[0, 2]], truth[name].values[[0, 2]], rtol=1e-5)
        np.testing.assert_array_equal(ds[name].values[:, :3], truth[name].values[:, :3])
    # And the others, when they are asked for again.
    ds = gendyn.sweep.run(config, axes=AXES, workdir=begun, quiet=True)
    assert lengths == [4] * 6 and ds["committed"].values.tolist() == [6] * 4
    np.testing.assert_allclose(ds["test_loss"].values, truth["test_loss"].values, rtol=1e-5)


def test_a_kill_before_the_new_plan_leaves_the_old_one_in_force(config, begun, monkeypatch):
    before = store.read_plan(begun)

    def killed(folder, document):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(regroup.store, "write_plan", killed)
        gendyn.sweep.run(config, axes={"seed": (0, 2)}, workdir=begun, quiet=True)
    assert store.read_plan(begun) == before
    assert planned_ids(begun) < folders(begun)
    assert store.open(begun)["committed"].values.tolist() == [3] * 4
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Population, "advance", killed)
        gendyn.sweep.run(config, axes={"seed": (0, 2)}, workdir=begun, quiet=True)
    assert folders(begun) == planned_ids(begun) and len(folders(begun)) == 2
    assert store.open(begun)["committed"].values.tolist() == [3] * 4


def test_forgotten_runs_are_gone_and_done_again_by_the_same_command(config, whole, tmp_path):
    ds = gendyn.sweep.run(config, axes=AXES, workdir=tmp_path, quiet=True)
    with pytest.raises(ConfigError, match=r"'sede' is no axis of this folder. Did you mean 'seed'\?"):
        forget(tmp_path, {"sede": 1})
    with pytest.raises(ConfigError, match=r"no run of .* has seed = 7\."):
        forget(tmp_path, {"seed": 7})
    with pytest.raises(ConfigError, match=r"all 4 runs of .* have seed = 0 or 1 or 2 or 3; delete it"):
        forget(tmp_path, {"seed": (0, 1, 2, 3)})
    assert forget(tmp_path, {"seed": np.int64(1)}) == 1
    left = store.open(tmp_path)
    assert left["seed"].values.tolist() == [0, 2, 3] and left["committed"].values.tolist() == [6] * 3
    for name in ds.data_vars:
        np.testing.assert_array_equal(left[name].values, ds[name].values[[0, 2, 3]], err_msg=name)
    assert folders(tmp_path) == planned_ids(tmp_path)
    assert len(list(store.final_state(tmp_path))) == 3
    again = gendyn.sweep.run(config, axes=AXES, workdir=tmp_path, quiet=True)
    assert again["seed"].values.tolist() == [0, 2, 3, 1]
    np.testing.assert_allclose(again["test_loss"].values[3], ds["test_loss"].values[1], rtol=1e-5)
    assert forget(tmp_path, {"seed": (1,)}) == 1  # a whole chunk now
    assert folders(tmp_path) == planned_ids(tmp_path) and len(folders(tmp_path)) == 1


def test_longer_runs_go_on_from_their_saved_states(small, config, whole, tmp_path, monkeypatch):
    first = gendyn.sweep.run(config, axes={"seed": (0, 1)}, workdir=tmp_path / "s", quiet=True)
    longer = small.config(train__num_steps=30)
    lengths = []
    original = Population.advance
    monkeypatch.setattr(Population, "advance", lambda self, steps: lengths.append(steps) or original(self, steps))
    ds = gendyn.sweep.run(longer, axes={"seed": (0, 1)}, workdir=tmp_path / "s", quiet=True)
    assert lengths == [4, 6]  # linear over 30 in six records: 24 and 30 lie beyond
    assert ds["step"].values.tolist() == [0, 4, 8, 12, 16, 20, 24, 30]
    np.testing.assert_array_equal(ds["train_loss"].values[:, :6], first["train_loss"].values)
    fresh = gendyn.sweep.run(longer, axes={"seed": (0, 1)}, workdir=tmp_path / "fresh", quiet=True)
    np.testing.assert_allclose(ds["test_loss"].values[:, -1], fresh["test_loss"].values[:, -1], rtol=1e-5)
    assert folders(tmp_path / "s") == planned_ids(tmp_path / "s") and len(folders(tmp_path / "s")) == 1
    assert gendyn.sweep.load_run(tmp_path / "s", {"seed": 1}).config.train.num_steps == 30
    with pytest.raises(ConfigError, match=r"config.train.num_steps is 30 there and 20 here"):
        gendyn.sweep.plan(config, axes={"seed": (0, 1)}, workdir=tmp_path / "s")


def test_a_schedule_that_ends_with_the_run_is_not_made_longer(small, tmp_path):
    cosine = small.config(schedule__name="cosine")
    store.write_plan(tmp_path, gendyn.sweep.plan(cosine, axes=AXES).to_json() | {"metrics": {}, "provenance": {}})
    said = r"runs of 20 steps, .* now 40. Their schedule 'cosine' ends with the run.*--axis train.num_steps=20,40"
    with pytest.raises(ConfigError, match=said):
        gendyn.sweep.plan(small.config(schedule__name="cosine", train__num_steps=40), axes=AXES, workdir=tmp_path)
    # As an axis it is other runs, as before.
    both = gendyn.sweep.plan(cosine, axes=AXES | {"train.num_steps": (20, 40)}, workdir=tmp_path)
    assert len(both.runs) == 8 and not both.carried


def test_parts_of_a_plan_carry_rows_of_the_folder(config):
    planned = gendyn.sweep.plan(config, axes=AXES)
    halves = split(planned, lambda run: run.flat["seed"] in (1, 3))
    (source,) = planned.chunks
    assert [[run.index for run in chunk.runs] for chunk in halves.chunks] == [[1, 3], [0, 2]]
    assert {(carry.source, carry.rows) for carry in halves.carried} == {(source.id, (1, 3)), (source.id, (0, 2))}
    assert {carry.target for carry in halves.carried} == {chunk.id for chunk in halves.chunks}
    assert split(planned, lambda run: True) == split(planned, lambda run: False) == planned
    assert split(planned, lambda run: run.index == 0, lambda chunk: True) == planned
    longer = lengthen(planned, 40, lambda flat: 24)
    (chunk,) = longer.chunks
    assert chunk.steps == (0, 4, 8, 12, 16, 20, 24, 32, 40) and chunk.id != source.id
    # Taken apart after that, the rows are still those of the folder.
    quarters = split(split(longer, lambda run: run.index > 1), lambda run: run.index == 3)
    rows = {carry.target: carry.rows for carry in quarters.carried}
    assert [rows[chunk.id] for chunk in quarters.chunks] == [(3,), (2,), (0, 1)]
    assert {carry.source for carry in quarters.carried} == {source.id}
