"""A sweep may grow: what is there is kept to the byte, only what is missing is trained, and labels follow the axes."""

import json

import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError

OLD = {"model.width": (2, 4), "seed": (0, 1)}
NEW = {"model.width": (2, 3, 4), "seed": (0, 1, 2)}


def bytes_below(folder):
    """``{path: (mtime, bytes)}`` of every file."""
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def trained(small, monkeypatch):
    """Identities of the runs that are trained from now on."""
    found = []
    original = small.run_module.train_chunk

    def train_chunk(setup, position, progress, signals):
        found.extend(run.identity for run in setup.chunk.runs)
        return original(setup, position, progress, signals)

    monkeypatch.setattr(small.run_module, "train_chunk", train_chunk)
    return found


def coordinates(dataset, axes):
    return list(zip(*(dataset[name].values.tolist() for name in axes), strict=True))


def test_new_axis_values_train_new_runs_only(small, trained, tmp_path):
    config = small.config()
    old = small.run(config, OLD, tmp_path)
    assert len(trained) == 4
    before = bytes_below(tmp_path / "chunks")
    identities = set(trained)
    trained.clear()

    new = small.run(config, NEW, tmp_path)
    assert len(trained) == len(set(trained)) == 5
    assert not identities & set(trained)
    after = bytes_below(tmp_path / "chunks")
    assert {path: after[path] for path in before} == before
    assert len(after) > len(before)
    # The old runs come first, as they were; all points of the new axes are there once.
    for name in old.dataset.data_vars:
        np.testing.assert_array_equal(new.dataset[name].values[:4], old.dataset[name].values, err_msg=name)
    for one, two in zip(old.states, new.states[:4], strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
    expected = {(width, seed) for width in NEW["model.width"] for seed in NEW["seed"]}
    assert set(coordinates(new.dataset, NEW)) == expected
    assert new.dataset.sizes["run"] == len(expected)

    # The new runs are those of a sweep that had them from the start.
    whole = small.run(config, NEW, tmp_path / "whole")
    order = [coordinates(whole.dataset, NEW).index(point) for point in coordinates(new.dataset, NEW)]
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(
            new.dataset[name].values, whole.dataset[name].values[order], rtol=1e-5, atol=1e-6, err_msg=name
        )


def test_the_same_command_again_trains_nothing(small, trained, tmp_path):
    config = small.config()
    first = small.run(config, OLD, tmp_path)
    before = bytes_below(tmp_path / "chunks")
    trained.clear()
    again = small.run(config, OLD, tmp_path)
    fewer = small.run(config, {"model.width": (4,), "seed": (1,)}, tmp_path)
    assert trained == []
    assert bytes_below(tmp_path / "chunks") == before
    small.same(first, again)
    small.same(first, fewer)


def test_a_new_axis_labels_the_old_runs_by_the_value_they_had(small, trained, tmp_path):
    small.run(small.config(), {"seed": (0, 1)}, tmp_path)
    trained.clear()
    new = small.run(small.config(), {"seed": (0, 1), "optim.learning_rate": (0.02, 0.01)}, tmp_path)
    assert len(trained) == 2
    assert coordinates(new.dataset, ("seed", "optim.learning_rate")) == [(0, 0.02), (1, 0.02), (0, 0.01), (1, 0.01)]


def test_leaves_of_execution_may_change_and_others_may_not(small, trained, tmp_path):
    config = small.config()
    small.run(config, {"seed": (0, 1)}, tmp_path)
    trained.clear()
    other = small.change(config, sweep__strategy="vmap", sweep__buckets="max", store__commit_seconds=9.0)
    small.run(other, {"seed": (0, 1)}, tmp_path)
    assert trained == []
    with pytest.raises(ConfigError, match=r"config.train.batch_size is 0 there and 4 here"):
        small.run(small.change(config, train__batch_size=4), {"seed": (0, 1)}, tmp_path)


def test_another_probe_leads_to_analyse(small, tmp_path):
    config = small.change(small.config(), probes=("parameter_norm",))
    planned = gendyn.sweep.plan(config, axes={"seed": (0, 1)})
    store.write_plan(tmp_path, planned.to_json() | {"metrics": {}, "provenance": {}})
    more = small.change(config, probes=("parameter_norm", "sharpness(max_steps=4)"))
    said = r"recorded the probes parameter_norm, and .* `gendyn analyse` .*: --probe='sharpness\(max_steps=4\)'\. For"
    with pytest.raises(ConfigError, match=said):
        gendyn.sweep.plan(more, axes={"seed": (0, 1)}, workdir=tmp_path)
    with pytest.raises(
        ConfigError, match=r"config.probes is now none: .*any --probe=.*set config.probes to parameter_n"
    ):
        gendyn.sweep.plan(small.change(config, probes=()), axes={"seed": (0, 1)}, workdir=tmp_path)


def test_provenance_names_the_first_and_the_last_plan(small, tmp_path):
    small.run(small.config(), {"seed": (0,)}, tmp_path, overrides={"seed": 0})
    first = store.read_plan(tmp_path)["provenance"]
    dataset = small.run(small.config(), {"seed": (0, 1)}, tmp_path).dataset
    provenance = json.loads(dataset.attrs["provenance"])
    assert provenance["first"] == first
    assert provenance["plan"] != first["plan"]
    assert provenance["data"]["teacher_student"]["sha256"] == first["data"]["teacher_student"]["sha256"]
