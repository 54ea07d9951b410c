"""The verdict follows the data: double descent is supported, a monotone curve never is; and the figure shows it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray

from configs.double_descent import model_wise_double_descent as config_file
from gendyn.commands import report as report_script
from gendyn.core import ConfigError
from gendyn.experiments.double_descent import model_wise_double_descent as experiment
from gendyn.plots import to_png
from gendyn.tasks.digits import digits
from tests.experiments.false_support import FEW, MANY, false_support, too_often

WIDTHS = np.array([2, 4, 8, 16, 32, 48, 64, 80, 128, 256])


def sweep(bump, *, peak_width=64, seeds=8, noises=(0.0, 0.2), noise=0.03, fits_from=64):
    """A descent, with a bump of height ``bump`` under label noise; n K = 4,000, and 4,810 parameters at width 64."""
    random = np.random.default_rng(0)
    points = [(w, p, s) for w in WIDTHS for p in noises for s in range(seeds)]
    width, label_noise, seed = (np.array(column) for column in zip(*points, strict=True))
    x = np.log(width / peak_width)
    loss = (1.0 + width / 4.0) ** -0.15 + bump * (label_noise > 0) * np.exp(-(x**2) / 0.2)
    loss = loss * np.exp(noise * random.normal(size=len(width)))
    history = np.stack([np.full_like(loss, 2.0), loss], axis=1)
    error = np.stack([np.full_like(loss, 0.9), np.where(width >= fits_from, 0.0, 0.1)], axis=1)
    runs = ("run", "record")
    return xarray.Dataset(
        {
            "train_loss": (runs, history / 2),
            "test_loss": (runs, history),
            "train_error": (runs, error),
            "test_error": (runs, error),
            "diverged": (runs, np.zeros(history.shape, bool)),
            "num_parameters": ("run", 75 * width + 10),
        },
        coords={
            "model.width": ("run", width),
            "data.label_noise": ("run", label_noise),
            "seed": ("run", seed),
            "step": ("record", np.array([0, 100])),
        },
        attrs={
            "config": json.dumps(
                {
                    "experiment": "model_wise_double_descent",
                    "loss": "squared_error",
                    "task": {"name": "digits", "num_test": 797},
                    "data": {"num_train": 400, "label_noise": 0.0},
                }
            ),
            "num_outputs": 10,
            "provenance": json.dumps({"jax": "0"}),
        },
    )


FIRST = (
    "Test loss first falls to a valley at 20% label noise: below the smallest network, a constant predictor and the "
    "peak."
)


def verdicts(ds):
    return {found.claim: found.verdict for found in experiment.verdict(ds)}


def test_double_descent_is_supported_and_its_control_is_not():
    found = verdicts(sweep(1.0))
    noisy = [claim for claim in found if "20%" in claim]
    assert len(noisy) == 6 and len(found) == 10
    assert found[FIRST] == "supported"
    assert found["Test loss has an interior peak at 20% label noise."] == "supported"
    assert found["Test loss descends a second time beyond the peak at 20% label noise."] == "supported"
    assert found["Test loss peaks within a factor 2 of the measured threshold at 20% label noise."] == "supported"
    assert found["Test loss peaks within a factor 2 of n K = 4,000 at 20% label noise."] == "supported"
    assert "supported" not in [verdict for claim, verdict in found.items() if "control" in claim]


def test_effects_are_those_of_the_curve():
    ds = sweep(1.0, noise=1e-6)
    valley, exists, second, below, measured, equations = experiment.verdict(ds)[:6]
    loss = (1.0 + WIDTHS / 4.0) ** -0.15 + np.exp(-(np.log(WIDTHS / 64) ** 2) / 0.2)
    left, right = loss[6] / loss[:6].min(), loss[6] / loss[7:].min()
    # The constant predictor, 0.9, is below the smallest network, 0.94, and the peak.
    assert valley.effect == pytest.approx(0.9 / loss[:6].min(), rel=1e-4)
    assert "A constant predictor has loss 0.9." in valley.detail
    assert exists.effect == pytest.approx(min(left, right), rel=1e-4)
    assert second.effect == pytest.approx(right, rel=1e-4)
    assert below.effect == pytest.approx(left / right, rel=1e-4)
    # The centre of the interval above half height, found again by brute force on the piecewise linear curve.
    parameters = 75.0 * WIDTHS + 10
    dense = np.linspace(np.log(parameters[0]), np.log(parameters[-1]), 200_001)
    line = np.interp(dense, np.log(parameters), loss)
    half = (loss[6] + max(loss[:6].min(), loss[7:].min())) / 2
    below_half = dense[line <= half]
    top = np.log(4810)
    centre = np.exp((below_half[below_half < top].max() + below_half[below_half > top].min()) / 2)
    assert equations.effect == pytest.approx(centre / 4000, rel=1e-3)
    assert measured.effect == pytest.approx(centre / 4810, rel=1e-3)
    # The grid step in which the measured threshold lies is part of the interval, however well the seeds agree.
    assert measured[2:4] == pytest.approx((centre / 4810, centre / 3610), rel=1e-3)
    for found in (valley, exists, second, below, measured, equations):
        assert found.low <= found.effect <= found.high and found.level == 0.9


def test_a_peak_elsewhere_is_refuted():
    found = verdicts(sweep(0.3, peak_width=16, fits_from=64, noise=0.003))
    assert found["Test loss has an interior peak at 20% label noise."] == "supported"
    assert found["Test loss peaks within a factor 2 of the measured threshold at 20% label noise."] == "refuted"
    assert found["Test loss peaks within a factor 2 of n K = 4,000 at 20% label noise."] == "refuted"


def test_monotone_curves_support_nothing():
    assert "supported" not in verdicts(sweep(0.0)).values()
    assert verdicts(sweep(0.0, noise=1e-4))["Test loss has an interior peak at 20% label noise."] == "refuted"


def test_a_threshold_never_reached_leaves_its_claim_open():
    found = verdicts(sweep(1.0, fits_from=1000))
    assert found["Test loss peaks within a factor 2 of the measured threshold at 20% label noise."] == "undecided"
    assert found["Test loss peaks within a factor 2 of n K = 4,000 at 20% label noise."] == "supported"


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_too_few_seeds_decide_nothing(seeds):
    assert set(verdicts(sweep(1.0, seeds=seeds)).values()) == {"undecided"}


LOSSES_AND_ERRORS = ("train_loss", "test_loss", "train_error", "test_error")


def test_unfinished_seeds_are_left_out_and_counted():
    ds = sweep(1.0, seeds=6)
    waiting = np.flatnonzero((ds["seed"] == 5) & (ds["model.width"] >= 64) & (ds["data.label_noise"] > 0))
    for name in LOSSES_AND_ERRORS:
        ds[name][dict(run=waiting, record=-1)] = np.nan
    found, fewer = experiment.verdict(ds), experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != 5)))
    assert [each[1:4] for each in found[:6]] == [each[1:4] for each in fewer[:6]]
    assert "1 of 6 seeds are left out." in found[0].detail
    # The control has all six: levels of noise are judged one by one.
    assert "left out" not in found[6].detail.replace("the seed left out", "") and found[6] != fewer[6]


def test_a_diverged_run_counts_as_the_worst():
    ds = sweep(1.0)
    ds["diverged"][np.flatnonzero((ds["model.width"] == 64) & (ds["seed"] == 0)), -1] = True
    valley, peak = experiment.verdict(ds)[:2]
    assert peak.high == np.inf and "1 of 80 runs diverged and count as the worst outcome." in valley.detail


def test_the_number_of_equations_is_read_from_the_results_or_from_the_task():
    ds = sweep(1.0)
    ds.attrs["num_outputs"] = 3
    ds.attrs["config"] = json.dumps({"task": {"name": "gone"}, "data": {"num_train": 400}})
    assert experiment.num_equations(ds) == 1200
    # All training examples count where the config says 0.
    ds.attrs["config"] = json.dumps({"task": {"name": "digits", "num_test": 297}, "data": {"num_train": 0}})
    del ds.attrs["num_outputs"]
    assert experiment.num_equations(ds) == 15_000


@pytest.mark.parametrize("variant", config_file.get_config.functions)
def test_every_variant_sweeps_width_noise_and_seed(variant):
    config = config_file.get_config(variant)
    axes = dict(config.axes)
    own = {name for pair in config.zip_axes for name in pair} - {"seed"}
    assert set(axes) - own == {"model.width", "data.label_noise", "seed"} and 0.0 in axes["data.label_noise"]
    # CIFAR-10 has an official split, and one seed.
    assert own == (set() if variant == "cifar10_resnet" else {"task.split_seed"})


def test_a_hump_without_a_first_descent_is_no_double_descent():
    """From the constant predictor's loss up and down again, below it in the end: the peak is there, the descent not."""
    ds = sweep(0.0, noise=1e-3)
    last = np.where(ds["data.label_noise"] > 0, HUMP[np.searchsorted(WIDTHS, ds["model.width"])], 0.9)
    ds["test_loss"][:, -1] = last * np.exp(0.01 * np.random.default_rng(1).normal(size=len(last)))
    found = experiment.verdict(ds)
    assert found[1].low > 1.0 and "supported" not in [each.verdict for each in found]


HUMP = np.array([0.9, 0.9, 0.98, 1.0, 1.07, 1.3, 1.4, 1.37, 1.2, 0.88])


def test_the_constant_predictor_is_that_of_the_training_labels():
    """The best constant from the noisy training labels of digits is within 0.002 of ``1 - 1 / K``."""
    assert experiment.constant_loss(sweep(0.0)) == pytest.approx(0.9)
    task = digits(split_seed=3)
    shares = np.bincount(task.y_train[:600], minlength=10) / 600
    best = np.mean(np.sum((np.eye(10)[task.y_test] - shares) ** 2, axis=1))
    assert best == pytest.approx(0.9, abs=0.002)
    ds = sweep(0.0)
    ds.attrs["config"] = json.dumps({**json.loads(ds.attrs["config"]), "loss": "cross_entropy"})
    assert experiment.constant_loss(ds) == pytest.approx(np.log(10))


def lines(**changes):
    """Test loss ``1 + width / 1000 + seed / 100`` at the end, twice the training loss."""
    ds = sweep(0.0, **{"seeds": 3, **changes})
    last = 1.0 + ds["model.width"].values / 1000 + ds["seed"].values / 100
    ds["test_loss"][:, -1], ds["train_loss"][:, -1] = last, last / 2
    return ds


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in ("train", "test")}


def verticals(ax):
    return sorted(float(line.get_xdata()[0]) for line in ax.lines if len(set(line.get_xdata())) == 1)


def texts(made):
    return " ".join(t.get_text() for ax in made.axes for t in [*ax.texts, ax.title]) + made.get_supxlabel()


def test_figure_shows_medians_over_seeds_and_marks_both_thresholds():
    made = experiment.figure(lines())
    loss = curves(made.axes[1])
    np.testing.assert_array_equal(loss["test"][:, 0], 75 * WIDTHS + 10)
    np.testing.assert_allclose(loss["test"][:, 1], 1.0 + WIDTHS / 1000 + 0.01)
    np.testing.assert_allclose(loss["train"][:, 1], loss["test"][:, 1] / 2)
    assert "constant predictor" in texts(made) and "first valley" not in texts(made)
    for ax in made.axes[:4]:
        assert verticals(ax) == [4000.0, 75 * 64 + 10]
    shown = texts(made)
    for part in ("n·K = 4,000", "train error", "no label noise (control)", "20% label noise", "3 seeds"):
        assert part in shown
    assert "n = 400" in shown and "step 100" in shown and "intervals of the median over seeds" in shown
    assert verticals(experiment.figure(lines(fits_from=1000)).axes[0]) == [4000.0]  # none was measured


def test_figure_names_the_parts_of_a_double_descent_that_is_supported():
    shown = [[t.get_text() for t in ax.texts] for ax in experiment.figure(sweep(1.0)).axes[:4]]
    parts = {"first valley", "peak", "second descent"}
    assert [parts & set(each) for each in shown] == [set(), parts, set(), set()]


def test_figure_has_one_column_for_each_noise_and_noise_may_be_a_plain_leaf():
    made = experiment.figure(lines(noises=(0.0, 0.1, 0.2)))
    assert len(made.axes) == 6
    assert len(experiment.figure(lines(noises=(0.0,)).drop_vars("data.label_noise")).axes) == 2
    # Every label lies inside the picture.
    assert to_png(made, dpi=40).startswith(b"\x89PNG")
    for box in (ax.get_tightbbox() for ax in made.axes):
        assert box.x0 >= made.bbox.x0 - 1 and box.x1 <= made.bbox.x1 + 1 and box.y1 <= made.bbox.y1 + 1


def test_figure_of_a_running_sweep_shows_what_is_finished():
    ds = lines()
    waiting = (ds["model.width"] == 256) | ((ds["model.width"] == 8) & (ds["seed"] == 2))
    for name in LOSSES_AND_ERRORS:
        ds[name][dict(run=np.flatnonzero(waiting), record=-1)] = np.nan
    made = experiment.figure(ds)
    test = curves(made.axes[0])["test"]
    assert len(test) == len(WIDTHS) - 1 and test[2, 1] == pytest.approx(1.0 + 8 / 1000 + 0.005)
    assert "8 of 60 runs still running" in texts(made)
    for name in LOSSES_AND_ERRORS:
        ds[name][dict(run=np.flatnonzero(ds["data.label_noise"] == 0), record=-1)] = np.nan
    assert curves(experiment.figure(ds).axes[0])["test"].size == 0  # a level of which nothing is there yet
    ds["train_loss"][:, -1] = np.nan
    with pytest.raises(ConfigError, match="no run has reached its last record yet"):
        experiment.figure(ds)


def test_a_diverged_run_never_bends_the_axis():
    ds = lines()
    ds["diverged"][0, -1] = True
    ds["test_loss"][0, -1] = np.nan
    made = experiment.figure(ds)
    assert curves(made.axes[0])["test"][0, 1] == pytest.approx(1.0 + 2 / 1000 + 0.02)
    assert made.axes[0].get_ylim()[1] < 3.0
    assert "1 of 60 runs diverged" in texts(made)


def test_an_axis_that_is_not_drawn_must_be_selected_first():
    ds = lines()
    both = xarray.concat([ds, ds], dim="run")
    both = both.assign_coords({"optim.learning_rate": ("run", np.repeat([0.1, 0.2], ds.sizes["run"]))})
    with pytest.raises(ConfigError, match=r"the sweep also varies optim.learning_rate. Choose one value"):
        experiment.figure(both)


def report(ds, tmp_path, name="demo"):
    return report_script.write_report(ds, tmp_path / "report", name=name).read_text()


def test_report_of_an_experiment(tmp_path):
    text = report(sweep(1.0), tmp_path)
    for part in ("Claim: On data with label noise", "Test loss has an interior peak", "160 finished", "supported"):
        assert part in text
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.html",
        "runs.csv",
        "config.json",
        "command.txt",
        *(f"{stem}.{kind}" for stem in ("model_wise_double_descent", "learning_curves") for kind in ("png", "svg")),
    }
    assert text.count("data:image/png;base64,") == 2
    assert "http" not in text.replace("http-equiv", "")


def test_report_leaves_out_metrics_that_are_curves(tmp_path):
    ds = sweep(1.0)
    ds["test_loss"] = ds["test_loss"].expand_dims(width=3, axis=-1)
    text = report(ds.assign_attrs(config="{}"), tmp_path)
    assert "test error" in text and "test loss" not in text
    assert "rror (fraction wrong) against training step" in text  # the curves of the error are drawn alone


def test_report_without_an_experiment_and_with_hostile_strings(tmp_path):
    ds = sweep(1.0)
    hostile = "<script>alert(1)</script>"
    ds.attrs["config"] = json.dumps({"experiment": f"../../{hostile}", "note": hostile, "data.num_train": 400})
    ds.attrs["provenance"] = json.dumps({hostile: hostile})
    text = report(ds, tmp_path, name=hostile)
    assert "<script" not in text and text.count("&lt;script&gt;") >= 4
    assert "Learning curves" in text and "Findings" not in text


def test_report_refuses_a_folder_without_a_sweep_in_one_line(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "scripts/report.py", f"--workdir={tmp_path}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
    assert done.stderr.startswith("error: ") and str(tmp_path) in done.stderr and "Traceback" not in done.stderr


def without(truth):
    """Curves of loss against width that do not fall, rise and fall, with 10 % scatter; the networks fit as usual."""

    def made(random):
        ds = sweep(0.0, seeds=8)
        at = np.broadcast_to(truth, len(WIDTHS))[np.searchsorted(WIDTHS, ds["model.width"])]
        ds["test_loss"][:, -1] = at * np.exp(0.1 * random.normal(size=len(at)))
        return ds

    return made


NULLS = {
    "flat": without(0.9),
    "flat below the constant": without(0.5),
    "falling": without(np.geomspace(0.9, 0.3, len(WIDTHS))),
    "rising": without(np.geomspace(0.5, 1.4, len(WIDTHS))),
    "hump without a first descent": without(HUMP),
}


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", NULLS)
def test_noise_supports_no_primary_claim(kind, count):
    assert too_often(false_support(experiment.verdict, NULLS[kind], count), count) == {}
