"""What each run did: what is finished, what diverged, and what counts after a divergence."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import counted_history, final_values, history, record_steps, run_status
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


def test_missing_variable():
    with pytest.raises(ConfigError, match="no variable 'test_loss'; it has train_loss, train_error"):
        final_values(dataset(diverged=(("run", "record"), DIVERGED_STEP == 7)), "test_loss")


def test_counted_history_is_the_history_but_for_what_comes_after_a_divergence():
    for extra in ({"diverged_step": DIVERGED_STEP}, {"diverged": DIVERGED_STEP == 7}):
        ds = dataset(**{name: (("run", "record"), values) for name, values in extra.items()})
        errors, losses = counted_history(ds, "train_error"), counted_history(ds, "train_loss")
        np.testing.assert_array_equal(errors[2], [0.3, 1.0, 1.0])
        np.testing.assert_array_equal(losses[2], [3.0, np.inf, np.inf])
        others = [0, 1, 3]
        np.testing.assert_array_equal(errors[others], history(ds, "train_error")[others])
        np.testing.assert_array_equal(losses[others], LOSSES[others])
        assert final_values(ds, "train_error")[2] == errors[2, -1]


def test_counted_history_of_an_unmarked_record_after_a_mark_and_of_more_dimensions():
    marks = np.array([[False] * 3, [False] * 3, [False, True, False], [False] * 3])
    ds = dataset(diverged=(("run", "record"), marks), scale=(("run", "record", "layer"), np.ones((4, 3, 2), "float32")))
    ds["train_loss"] = ds["train_loss"].fillna(0.5)
    found = counted_history(ds, "scale")
    assert found.dtype == float and found[2].tolist() == [[1.0, 1.0], [np.inf] * 2, [np.inf] * 2]
    assert (found[[0, 1, 3]] == 1.0).all()
    redraws = ds.drop_vars(["train_loss", "train_error"])
    np.testing.assert_array_equal(counted_history(redraws, "scale"), history(redraws, "scale"))
