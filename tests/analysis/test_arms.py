"""Runs by arm and seed: order, pairing, and what an arm sets."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import arm_leaves, arms_of, leaf_of, select_runs, time_to_threshold
from gendyn.core import ConfigError

AXES = ("arm", "seed")
LISTED = [("plain", {"optim.eps": 1.0}), ("filter", {"loss": "other", "optim.eps": 2.0}), ("absent", {})]


def sweep(*, unfinished=(), diverged=(), missing=(), arms=("filter", "plain"), seeds=(5, 6, 7)):
    """Two records a run; run numbers count points whose order is neither that of the config nor of the seeds."""
    points = [(arm, seed) for seed in reversed(seeds) for arm in arms if (arm, seed) not in missing]
    loss = np.array([[2.0, np.nan if p in unfinished or p in diverged else 1.0] for p in points])
    marks = np.array([[False, p in diverged] for p in points])
    committed = [1 if p in unfinished else 2 for p in points]
    config = {"arms": LISTED, "optim": {"eps": 0.5}, "loss": "plain loss"}
    return xarray.Dataset(
        {"train_loss": (("run", "record"), loss), "diverged": (("run", "record"), marks)},
        coords={
            "arm": ("run", [p[0] for p in points]),
            "seed": ("run", [p[1] for p in points]),
            "committed": ("run", committed),
            "step": ("record", [0, 10]),
        },
        attrs={"axes": json.dumps(list(AXES)), "config": json.dumps(config)},
    )


def test_arms_come_in_the_order_of_the_config_with_paired_seeds():
    ds = sweep(arms=("filter", "extra", "plain"))
    found = arms_of(ds)
    assert found.names == ("plain", "filter", "extra") and found.present.all()
    for name, rows in found.rows().items():
        assert ds["arm"].values[rows].tolist() == [name] * 3 and ds["seed"].values[rows].tolist() == [5, 6, 7]
    assert found.seeds.values.tolist() == [5, 6, 7]


def test_arms_pair_complete_seeds_or_those_that_are_there():
    ds = sweep(unfinished=[("plain", 6)], missing=[("filter", 7)])
    found = arms_of(ds)
    assert found.seeds.ended.tolist() == [[True, False, True], [True, True, False]]  # plain, then filter
    assert found.present.tolist() == [True, True, False] and found.seeds.complete.tolist() == [True, False, False]
    assert {name: len(rows) for name, rows in found.rows().items()} == {"plain": 1, "filter": 1}
    assert ds["seed"].values[found.rows(found.present)["plain"]].tolist() == [5, 6]
    assert ds["seed"].values[found.own_rows["plain"]].tolist() == [5, 7]
    one, other = found.pair("plain", "filter")
    assert ds["arm"].values[one].tolist() == ["plain"] and ds["arm"].values[other].tolist() == ["filter"]
    assert ds["seed"].values[one].tolist() == ds["seed"].values[other].tolist() == [5]
    with pytest.raises(ConfigError, match="keep holds seeds without a run in every arm"):
        found.rows(np.ones(3, bool))


def test_leaves_of_an_arm():
    ds = sweep()
    leaves = arm_leaves(ds)
    assert list(leaves) == ["plain", "filter", "absent"]
    assert leaf_of(ds, "filter", "optim.eps") == 2.0 and leaf_of(ds, "absent", "optim.eps") == 0.5
    assert leaf_of(ds, "plain", "loss") == leaf_of(ds, "not listed", "loss") == "plain loss"
    with pytest.raises(ConfigError, match=r"neither the arm nor the config has a leaf 'optim\.beta'"):
        leaf_of(ds, "plain", "optim.beta")
    assert arm_leaves(xarray.Dataset()) == {}


def test_datasets_without_arms_or_without_the_arms_asked_for():
    with pytest.raises(ConfigError, match="the dataset has no axis 'arm'"):
        arms_of(sweep().drop_vars("arm"))
    with pytest.raises(ConfigError, match="has the arms plain, filter; the claims also need third"):
        arms_of(sweep(), required=("plain", "third"))


def test_crossings_of_some_runs():
    values = np.array([[0.0, 1.0], [0.0, 0.2], [1.0, 1.0]])
    found = time_to_threshold(np.array([0.0, 10.0]), values, 0.5)
    for rows in (np.array([2, 0]), np.array([True, False, True])):
        part = select_runs(found, rows)
        assert part.observed.all() and sorted(part.time.tolist()) == [0.0, 10.0]
