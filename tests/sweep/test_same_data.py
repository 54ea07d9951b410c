"""A run's identity has the checksum of its data, and not the place of its files."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep.config import flatten
from gendyn.sweep.config.points import make_points
from gendyn.sweep.origins import check_moved, placeless
from gendyn.sweep.plan import make_plan, planner
from gendyn.sweep.plan.parts import lengthen
from gendyn.sweep.plan.planned import chunk_id, plan_from_json
from gendyn.tasks._idx import write_idx


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two places of the same files, and one of others."""
    root = tmp_path_factory.mktemp("data")
    here, there, other = (root / name for name in ("here", "there", "other"))
    here.mkdir()
    write_idx(here)
    shutil.copytree(here, there)
    shutil.copytree(here, other)
    images = bytearray((other / "t10k-images-idx3-ubyte").read_bytes())
    images[-1] ^= 255
    (other / "t10k-images-idx3-ubyte").write_bytes(images)
    return {"here": str(here), "there": str(there), "other": str(other)}


def config_of(folder, **leaves):
    config = gendyn.sweep.base_config(task="mnist", model="mlp", optim="sgd")
    config.task.update({"folder": folder, "official": False})
    config.model.update({"width": 2, "depth": 1})
    config.train.num_steps = 2
    config.sweep.strategy = "map"
    config.update_from_flattened_dict(leaves)
    return config


def planned(folder, seeds=(0, 1), *, axes=(), known=None, **leaves):
    return make_plan(
        config_of(folder, **leaves), axes={"seed": seeds, **dict(axes)}, devices=jax.devices()[:1], known=known
    )


def identities(plan):
    return [run.identity for run in plan.runs]


def test_the_same_data_elsewhere_are_the_same_runs(folders):
    here = planned(folders["here"])
    assert identities(here) == identities(planned(folders["there"]))
    assert not {*identities(here)} & {*identities(planned(folders["other"]))}
    grown = planned(folders["there"], (0, 1, 2), known=plan_from_json(here.to_json()))
    assert identities(grown)[:2] == identities(here) and len(grown.runs) == 3
    assert {run.flat["task.folder"] for run in grown.runs} == {folders["there"]} == {grown.config["task.folder"]}
    assert plan_from_json(grown.to_json()) == grown


@pytest.mark.parametrize("moved", [False, True], ids=["", "planned before identities had the data"])
def test_longer_runs_keep_data_and_place_in_their_identities(folders, moved):
    plan = planned(folders["here"])
    if moved:  # as an old folder has them, whose files lie elsewhere now
        runs = [dataclasses.replace(run, data="") for run in plan.runs]
        runs = [dataclasses.replace(run, identity=run.named()) for run in runs]
        chunk = plan.chunks[0]
        name = chunk_id([run.identity for run in runs], chunk.sizes, chunk.num_rows)
        runs = [run.placed({"task.folder": folders["there"]}) for run in runs]
        config = plan.config | {"task.folder": folders["there"]}
        plan = plan._replace(config=config, chunks=(chunk._replace(id=name, runs=tuple(runs)),))
    longer = lengthen(plan, 5, lambda flat: 60)
    assert plan_from_json(json.loads(json.dumps(longer.to_json()))).runs == longer.runs
    assert not {run.identity for run in longer.runs} & {run.identity for run in plan.runs}


def test_other_data_under_the_same_path_are_refused(folders):
    known = planned(folders["here"])
    with pytest.raises(ConfigError, match=r"workdir holds results of other data: task\.folder = .*other.* has arrays"):
        planned(folders["other"], (0, 1, 2), known=known)
    grown = planned(folders["other"], (0, 1, 2), known=known, **{"store.accept_changes": True})
    assert identities(grown)[:2] == identities(known) and len(grown.runs) == 3


def test_a_place_may_be_an_axis_and_is_a_label_then(folders):
    axes = {"task.folder": (folders["here"], folders["other"])}
    known = planned("", axes=axes)
    assert len(set(identities(known))) == 4
    assert [len(chunk.runs) for chunk in known.chunks] == [2, 2]
    assert identities(planned("", axes=axes, known=known)) == identities(known)
    with pytest.raises(ConfigError, match="the axes make one run twice"):
        planned("", axes={"task.folder": (folders["here"], folders["there"])})


OLD = ["8a075b2d351a", "bb7ba6289d8b"]
"""Of version 0.4.0, for the folder ``old/place``."""


def test_identities_of_old_folders_have_the_place_in_them(folders, monkeypatch):
    flat = flatten(config_of("old/place", **{"model.width": 64, "model.depth": 2, "train.num_steps": 1000}))
    points = make_points(flat, (("seed", (0, 1)),))
    assert [point.identity[:12] for point in points] == OLD

    monkeypatch.setattr(planner, "reader", lambda tasks: lambda flat: "")
    old = planned(folders["here"])
    monkeypatch.undo()
    assert not {*identities(old)} & {*identities(planned(folders["here"]))}
    moved = planned(folders["there"], (0, 1, 2), known=plan_from_json(old.to_json()))
    assert identities(moved)[:2] == identities(old) and len(moved.runs) == 3
    assert [chunk.id for chunk in moved.chunks][:1] == [chunk.id for chunk in old.chunks]
    # Moved once more, and back: the place of its identity is kept.
    again = planned(folders["here"], (0, 1, 2), known=plan_from_json(moved.to_json()))
    assert identities(again) == identities(moved)
    assert plan_from_json(again.to_json()) == again


def test_the_provenance_of_old_folders_has_the_place_too(folders):
    plan = planned(folders["here"])
    old = '{"task.folder":"elsewhere","task.name":"mnist","task.official":false,"task.split_seed":0}'
    new = '{"task.name":"mnist","task.official":false,"task.split_seed":0}'
    assert placeless({"arrays": {old: "a"}}, plan) == {"arrays": {new: "a"}}
    assert placeless({}, plan) == {}
    # Version 0.4.0 says the checksum of the raw data alone.
    now = {"mnist": {"sha256": "1" * 12}}
    check_moved({"data": {"mnist": {"sha256": "1" * 12}}}, now, False)
    check_moved({"data": {"mnist": {"sha256": "2" * 12}}}, now, True)
    with pytest.raises(ConfigError, match="the data of task mnist has changed since"):
        check_moved({"data": {"mnist": {"sha256": "2" * 12}}}, now, False)


def test_a_sweep_goes_on_and_is_measured_where_its_data_lie_now(folders, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folders["here"], data)
    workdir = tmp_path / "sweep"
    first = gendyn.sweep.run(config_of(str(data)), axes={"seed": (0,)}, workdir=workdir, quiet=True)
    shutil.rmtree(data)
    ds = gendyn.sweep.run(config_of(folders["there"]), axes={"seed": (0, 1)}, workdir=workdir, quiet=True)
    assert ds.sizes["run"] == 2
    np.testing.assert_array_equal(ds["test_loss"].values[:1], first["test_loss"].values)
    found = gendyn.sweep.analyse(workdir, ("parameter_norm",), folder=folders["here"])
    np.testing.assert_allclose(found["test_loss"].values[:, 0], ds["test_loss"].values[:, -1], rtol=1e-5)
    with pytest.raises(ConfigError, match=r"trained on other data: task 'mnist' in task\.folder = .* by folder="):
        gendyn.sweep.analyse(workdir, ("parameter_norm",), folder=folders["other"])
    with pytest.raises(ConfigError, match=r"does not exist.*folder="):
        gendyn.sweep.analyse(workdir, ("parameter_norm",), folder=str(data))
    loaded = gendyn.sweep.load_run(workdir, {"seed": 1}, folder=folders["here"])
    outputs = loaded.model.apply(loaded.variables, loaded.task.x_test)[0]
    missed = np.mean(np.argmax(outputs, -1) != loaded.task.y_test)
    np.testing.assert_allclose(missed, ds["test_error"].values[1, -1], atol=1e-6)
    with pytest.raises(ConfigError, match=r"trained on other data: task 'mnist' in task\.folder = .* by folder="):
        gendyn.sweep.load_run(workdir, {"seed": 1}, folder=folders["other"])
    assert store.open(workdir).sizes["run"] == 2
