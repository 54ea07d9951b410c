"""What the figures show is what the data hold; read back from the drawn lines, without a display."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.plots import double_descent, learning_curves, to_png

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


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in ("train", "test")}


def verticals(ax):
    return sorted(float(line.get_xdata()[0]) for line in ax.lines if len(set(line.get_xdata())) == 1)


def texts(made):
    return " ".join(t.get_text() for ax in made.axes for t in [*ax.texts, ax.title]) + made.get_supxlabel()


def test_lines_are_medians_over_seeds_and_both_thresholds_are_marked():
    made = double_descent(sweep(), num_constraints=4000)
    loss = curves(made.axes[1])
    np.testing.assert_array_equal(loss["test"][:, 0], 75 * np.array(WIDTHS) + 10)
    np.testing.assert_allclose(loss["test"][:, 1], 1.0 + np.array(WIDTHS) / 1000 + 0.01)
    np.testing.assert_allclose(loss["train"][:, 1], loss["test"][:, 1] / 2)
    for ax in made.axes[:4]:
        assert verticals(ax) == [4000.0, 75 * 64 + 10]
    shown = texts(made)
    for part in ("n·K = 4,000", "train error", "no label noise (control)", "20% label noise", "median of 3 seeds"):
        assert part in shown
    assert "n = 400" in shown and "step 100" in shown


def test_no_threshold_is_drawn_that_was_not_measured():
    ds = sweep()
    ds["train_error"][:] = 0.5
    assert verticals(double_descent(ds).axes[0]) == []


def test_one_column_for_each_noise_and_noise_may_be_a_plain_leaf():
    assert len(double_descent(sweep(noises=(0.0, 0.1, 0.2))).axes) == 6
    plain = sweep(noises=(0.0,)).drop_vars("data.label_noise")
    assert len(double_descent(plain).axes) == 2


def test_a_running_sweep_is_drawn_from_what_is_finished():
    ds = sweep()
    waiting = (ds["model.width"] == 256) | ((ds["model.width"] == 8) & (ds["seed"] == 2))
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        ds[name][dict(run=np.flatnonzero(waiting), record=-1)] = np.nan
    made = double_descent(ds)
    test = curves(made.axes[0])["test"]
    assert len(test) == 4 and test[1, 1] == pytest.approx(1.0 + 8 / 1000 + 0.005)
    assert "8 of 30 runs still running" in texts(made)


def test_a_diverged_run_counts_as_the_worst_and_never_bends_the_axis():
    ds = sweep()
    ds["diverged"][0, -1] = True
    ds["test_loss"][0, -1] = np.nan
    made = double_descent(ds)
    assert curves(made.axes[0])["test"][0, 1] == pytest.approx(1.0 + 2 / 1000 + 0.02)
    assert made.axes[0].get_ylim()[1] < 3.0
    assert "1 of 30 runs diverged" in texts(made)


def test_nothing_finished():
    ds = sweep()
    ds["train_loss"][:, -1] = np.nan
    with pytest.raises(ConfigError, match="no run has reached its last record yet"):
        double_descent(ds)


def test_an_axis_that_is_not_drawn_must_be_selected_first():
    ds = sweep()
    both = xarray.concat([ds, ds], dim="run")
    both = both.assign_coords({"optim.learning_rate": ("run", np.repeat([0.1, 0.2], ds.sizes["run"]))})
    with pytest.raises(ConfigError, match=r"the sweep also varies optim.learning_rate. Select one value"):
        double_descent(both)


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


def test_every_label_lies_inside_the_picture():
    made = double_descent(sweep(noises=(0.0, 0.1, 0.2)), num_constraints=4000)
    assert to_png(made, dpi=40).startswith(b"\x89PNG")
    whole = made.bbox
    for ax in made.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1


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
