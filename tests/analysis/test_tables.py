"""Where each run sits on the axes, and tables over them."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import (
    ExtraAxes,
    axis_values,
    config_of,
    grid,
    parameter_counts,
    runs_at,
    seeds_first,
    swept_axes,
    tabulate,
)
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


def test_an_axis_that_advances_with_another_is_not_extra():
    ds = dataset()
    zipped = ds.assign_coords({"task.seed": ("run", ds["seed"].values + 10), "rate": ("run", [0.1, 0.1, 0.3, 0.3])})
    zipped.attrs["axes"] = json.dumps(["model.width", "seed", "task.seed", "rate"])
    assert grid(zipped, ("model.width", "seed")).runs.shape == (2, 2)
    more = xarray.concat([zipped, zipped.assign_coords(rate=("run", [0.5] * 4))], "run")
    with pytest.raises(ExtraAxes, match=r"also varies rate\. Choose .*runs_at\(ds, \{'rate': 0\.1\}\)") as caught:
        grid(more, ("model.width", "seed"))
    assert caught.value.axes == ("rate",)
    assert grid(runs_at(more, {"rate": 0.5}), ("model.width", "seed")).runs.shape == (2, 2)


def test_runs_at_values_that_the_sweep_has():
    ds = dataset()
    assert runs_at(ds, {}).equals(ds)
    chosen = runs_at(ds, {"model.width": 2, "seed": 1})
    assert chosen.sizes["run"] == 1 and chosen["model.width"].item() == 2
    with pytest.raises(ConfigError, match=r"no run has model\.width = 3; the sweep's values are 2, 4"):
        runs_at(ds, {"model.width": 3})
    with pytest.raises(ConfigError, match=r"no run has model\.width = 2 and seed = 1 at once"):
        runs_at(ds.isel(run=[0, 1, 2]), {"model.width": 2, "seed": 1})


def test_seeds_first_keeps_chosen_seeds_and_the_order_of_the_rest():
    table = np.arange(24.0).reshape(2, 3, 4)
    keep = np.array([True, False, True, True])
    found = seeds_first(table, keep)
    assert found.shape == (3, 2, 3) and found[1, 1, 2] == table[1, 2, 2]
    np.testing.assert_array_equal(seeds_first(table), table.transpose(2, 0, 1))
    assert seeds_first(table, np.zeros(4, bool)).shape == (0, 2, 3)


def test_parameter_counts_are_those_of_the_runs_that_are_there():
    ds = dataset().assign_coords(num_parameters=("run", [20, 20, 6, 6])).isel(run=[0, 2, 3])
    layout = grid(ds, ("model.width", "seed"))
    assert parameter_counts(ds, layout, "model.width").tolist() == [6.0, 20.0]
    assert parameter_counts(ds, layout, "seed").tolist() == [20.0, 6.0]
    with pytest.raises(ConfigError, match=r"axis = 'depth' must be one of the grid's axes model.width, seed"):
        parameter_counts(ds, layout, "depth")
