"""From runs x records to tables: what is finished, what diverged, and where each run sits on the axes."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import axis_values, config_of, final_values, grid, record_steps, run_status, swept_axes, tabulate
from gendyn.core import ConfigError

NAN = np.nan
LOSSES = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, NAN], [3.0, NAN, NAN], [3.0, 1.5, NAN]])


def dataset(**extra):
    """Four runs: finished, still training, diverged at step 7, and one whose schedule ends a record earlier."""
    runs = ("run", "record")
    return xarray.Dataset(
        {"train_loss": (runs, LOSSES), "train_error": (runs, LOSSES / 10), **extra},
        coords={
            "run": np.arange(4),
            "committed": ("run", [3, 2, 3, 2]),
            "model.width": ("run", [4, 4, 2, 2]),
            "seed": ("run", [0, 1, 0, 1]),
            "step": (runs, np.array([[0.0, 5, 10], [0, 5, 10], [0, 5, 10], [0, 6, NAN]])),
        },
        attrs={
            "axes": json.dumps(["model.width", "seed"]),
            "config": json.dumps({"model.depth": 1, "data": {"num_train": 400}}),
        },
    )


DIVERGED_STEP = np.array([[-1, -1, -1], [-1, -1, 0], [-1, 7, 7], [-1, -1, 0]])
"""Zeros stand at records that are not committed."""


def test_status_and_final_values_from_the_step_of_divergence():
    ds = dataset(diverged_step=(("run", "record"), DIVERGED_STEP))
    assert run_status(ds).tolist() == ["finished", "unfinished", "diverged", "finished"]
    np.testing.assert_array_equal(final_values(ds, "train_loss"), [1.0, NAN, np.inf, 1.5])
    np.testing.assert_array_equal(final_values(ds, "train_error"), [0.1, NAN, 1.0, 0.15])


def test_redraws_that_train_nothing_are_finished_when_committed():
    ds = dataset().drop_vars(["train_loss", "train_error"])
    assert run_status(ds).tolist() == ["finished", "unfinished", "finished", "finished"]


def test_a_flag_does_as_well_and_order_of_dimensions_does_not_matter():
    ds = dataset(diverged=(("run", "record"), DIVERGED_STEP == 7))
    other = ds.transpose("record", "run").assign_coords(step=ds["step"])
    for each in (ds, other):
        assert run_status(each).tolist() == ["finished", "unfinished", "diverged", "finished"]


def test_steps_shared_by_all_runs_are_spread_over_them():
    shared = dataset().assign_coords(step=("record", [0, 1, 2]))
    np.testing.assert_array_equal(record_steps(shared), np.tile([0.0, 1.0, 2.0], (4, 1)))


def test_axes_and_config():
    ds = dataset()
    assert swept_axes(ds) == ("model.width", "seed")
    assert swept_axes(ds.isel(run=[0, 2])) == ("model.width",)
    assert swept_axes(xarray.Dataset(coords={"lr": ("run", [0.1, 0.2]), "run": [0, 1]})) == ("lr",)
    assert config_of(ds) == {"model": {"depth": 1}, "data": {"num_train": 400}}
    assert axis_values(ds, "model.width").tolist() == [4, 4, 2, 2]
    assert axis_values(ds, "data.num_train").tolist() == [400] * 4
    with pytest.raises(ConfigError, match=r"no axis 'model.widht' and its config no such leaf. Axes: \('model.width'"):
        axis_values(ds, "model.widht")


def test_grid_sorts_axes_and_leaves_holes_open():
    ds = dataset().isel(run=[0, 2, 3])
    layout = grid(ds, ("model.width", "seed"))
    assert layout.axes["model.width"].tolist() == [2, 4]
    np.testing.assert_array_equal(tabulate(layout, np.array([10, 20, 30])), [[20, 30], [10, NAN]])


def test_grid_refuses_to_mix_runs():
    with pytest.raises(ConfigError, match=r"several runs share one model\.width: the sweep also varies seed"):
        grid(dataset(), ("model.width",))


def test_missing_variable():
    with pytest.raises(ConfigError, match="no variable 'test_loss'; it has train_loss, train_error"):
        final_values(dataset(diverged=(("run", "record"), DIVERGED_STEP == 7)), "test_loss")
