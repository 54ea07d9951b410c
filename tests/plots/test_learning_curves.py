"""Learning curves show what the data hold, read back from the drawn lines; drawing needs nothing at import."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.plots import drawn_rows, learning_curves

WIDTHS = (2, 8, 32, 64, 256)


def sweep(noises=(0.0, 0.2), seeds=3, records=4):
    """Loss = 1 + width / 1000 + seed / 100 at the end; train error is 0 from width 64 on."""
    points = [(w, p, s) for w in WIDTHS for p in noises for s in range(seeds)]
    width, noise, seed = (np.array(column) for column in zip(*points, strict=True))
    last = 1.0 + width / 1000 + seed / 100
    history = last[:, None] + np.arange(records)[::-1]
    error = np.where(width >= 64, 0.0, 0.3)[:, None] * np.ones(records)
    runs = ("run", "record")
    return xarray.Dataset(
        {
            "train_loss": (runs, history / 2),
            "test_loss": (runs, history),
            "train_error": (runs, error),
            "test_error": (runs, 0.1 + error),
            "diverged": (runs, np.zeros_like(history, bool)),
            "num_parameters": ("run", 75 * width + 10),
        },
        coords={
            "model.width": ("run", width),
            "data.label_noise": ("run", noise),
            "seed": ("run", seed),
            "step": ("record", np.array([0, 1, 10, 100])[:records]),
        },
        attrs={"config": json.dumps({"task.name": "digits", "data.num_train": 400, "data.label_noise": 0.0})},
    )


def test_learning_curves_choose_the_largest_axes_and_hold_their_medians():
    made = learning_curves(sweep())
    assert [ax.get_title() for ax in made.axes[:2]] == ["label noise 0", "label noise 0.2"]
    labels = [text.get_text() for text in made.legends[0].get_texts()]
    assert labels == ["2", "8", "32", "64", "256"] and made.legends[0].get_title().get_text() == "model.width"
    first = next(line for line in made.axes[0].lines if line.get_label() == "2")
    np.testing.assert_allclose(first.get_ydata(), 1.012 + np.array([3, 2, 1, 0]))


def test_learning_curves_of_a_single_run_and_of_names():
    one = sweep(noises=(0.0,), seeds=1).isel(run=[0])
    assert len(learning_curves(one).axes) == 2
    named = one.assign_coords({"model.activation": ("run", ["relu"])})
    both = xarray.concat([named, named.assign_coords({"model.activation": ("run", ["tanh"])})], dim="run")
    assert [t.get_text() for t in learning_curves(both).legends[0].get_texts()] == ["relu", "tanh"]


def test_learning_curves_need_a_record():
    ds = sweep()
    ds["test_loss"][:] = np.nan
    with pytest.raises(ConfigError, match="nothing finite has been recorded yet"):
        learning_curves(ds)


def test_importing_plots_and_analysis_loads_neither_matplotlib_nor_xarray_nor_scipy_stats():
    program = (
        "import sys, gendyn.analysis, gendyn.plots\n"
        "print([m for m in ('matplotlib', 'xarray', 'pandas', 'scipy.stats', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_learning_curves_of_runs_recorded_at_different_steps():
    ds = sweep(noises=(0.0,), seeds=2).drop_vars("step")
    steps = np.where(ds["seed"].values[:, None] == 0, [0.0, 2, 4, 8], [0.0, 4, 8, np.nan])
    values = np.where(np.isnan(steps), np.nan, 1.0 + steps)
    both = ds.assign(test_loss=(("run", "record"), values)).assign_coords(step=(("run", "record"), steps))
    line = next(line for line in learning_curves(both).axes[0].lines if line.get_label() == "2")
    np.testing.assert_allclose(line.get_xydata(), [[0, 1], [2, 3], [4, 5], [8, 9]])


def test_no_seed_is_a_colour():
    ds = sweep(noises=(0.0,), seeds=9)
    made = learning_curves(ds.assign_coords({"task.seed": ("run", ds["seed"].values)}))
    assert made.legends[0].get_title().get_text() == "model.width"


def test_a_regression_has_losses_alone():
    made = learning_curves(sweep().drop_vars(["train_error", "test_error"]))
    assert [ax.get_ylabel() for ax in made.axes] == ["loss", ""]
    curves = sweep().assign({"train_loss": (("run", "record", "k"), np.ones((30, 4, 2)))})
    assert drawn_rows(curves) == ["error"] and drawn_rows(sweep()) == ["loss", "error"]
    with pytest.raises(ConfigError, match="neither losses nor errors were recorded, one number a record"):
        learning_curves(sweep()[["num_parameters"]])
