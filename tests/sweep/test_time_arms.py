"""Arms are timed once, all together, and what was timed before is kept."""

import importlib
import json

import numpy as np
import pytest
import xarray

from gendyn import store, sweep

# The function hides the module of its name.
MODULE = importlib.import_module("gendyn.sweep.time_arms")


def results(names, listed, attributes):
    """Two seeds of each arm."""
    config = json.dumps({"arms": [(name, ()) for name in listed]})
    coords = {"arm": ("run", np.repeat(np.array(names, object), 2)), "seed": ("run", np.tile([0, 1], len(names)))}
    return xarray.Dataset(coords=coords, attrs={"config": config, **attributes})


def test_arms_are_timed_once_and_all_together(monkeypatch, tmp_path):
    timed = []

    def time_steps(config, names):
        assert dict(config.axes) == {"seed": (0, 1)} and [name for name, _ in config.arms] == listed
        timed.append(names)
        return dict.fromkeys(names, (1, 0))

    monkeypatch.setattr(MODULE, "time_steps", time_steps)
    plan = {"axes": [], "metrics": {}, "chunks": [], "config": {}, "provenance": {}}
    store.write_plan(tmp_path, plan | {"attributes": {"other": "kept"}})

    def after(*names):
        sweep.time_arms(results(names, listed, store.read_plan(tmp_path)["attributes"]), tmp_path)
        return results(names, listed, store.read_plan(tmp_path)["attributes"])

    listed = ["filtered", "plain"]
    for names in (("filtered",), ("filtered",), ("filtered", "plain")):
        found = after(*names)
    assert timed == [["filtered"], ["filtered", "plain"]]
    assert found.attrs["other"] == "kept"
    assert sweep.seconds_per_step(found) == {"filtered": (1, 0), "plain": (1, 0)}
    # An arm that the config no longer describes cannot be timed again, and keeps its seconds.
    listed = ["plain", "other"]
    assert "filtered" in sweep.seconds_per_step(after("filtered", "plain", "other"))
    assert timed[2:] == [["plain", "other"]]


def test_without_arms_nothing_is_timed(monkeypatch, tmp_path):
    monkeypatch.setattr(MODULE, "time_steps", lambda config, names: pytest.fail("timed"))
    ds = results(["plain"], ["plain"], {}).drop_vars("arm")
    sweep.time_arms(ds, tmp_path)
    assert sweep.seconds_per_step(ds) == {}
