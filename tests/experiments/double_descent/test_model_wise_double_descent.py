"""The verdict follows the data: double descent is supported, a monotone curve never is; and the config runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

from configs.double_descent import model_wise_double_descent as config_file
from gendyn.experiments.double_descent import model_wise_double_descent as experiment
from scripts import report as report_script

ROOT = Path(__file__).parents[2]
WIDTHS = np.array([2, 4, 8, 16, 32, 48, 64, 80, 128, 256])


def sweep(bump, *, peak_width=64, seeds=5, noises=(0.0, 0.2), noise=0.03, fits_from=64):
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
                    "task": {"name": "digits", "num_test": 797},
                    "data": {"num_train": 400},
                }
            ),
            "provenance": json.dumps({"jax": "0"}),
        },
    )


def verdicts(ds):
    return {found.claim: found.verdict for found in experiment.verdict(ds)}


def test_double_descent_is_supported_and_its_control_is_not():
    found = verdicts(sweep(1.0))
    noisy = [claim for claim in found if "20%" in claim]
    assert len(noisy) == 5 and len(found) == 8
    assert found["Test loss has an interior peak at 20% label noise."] == "supported"
    assert found["Test loss descends a second time beyond the peak at 20% label noise."] == "supported"
    assert found["Test loss peaks within a factor 2 of the measured threshold at 20% label noise."] == "supported"
    assert found["Test loss peaks within a factor 2 of n K = 4,000 at 20% label noise."] == "supported"
    assert "supported" not in [verdict for claim, verdict in found.items() if "control" in claim]


def test_effects_are_those_of_the_curve():
    ds = sweep(1.0, noise=1e-6)
    exists, second, below, measured, equations = experiment.verdict(ds)[:5]
    loss = (1.0 + WIDTHS / 4.0) ** -0.15 + np.exp(-(np.log(WIDTHS / 64) ** 2) / 0.2)
    left, right = loss[6] / loss[:6].min(), loss[6] / loss[7:].min()
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
    for found in (exists, second, below, measured, equations):
        assert found.low <= found.effect <= found.high and found.level == 0.9


def test_a_peak_elsewhere_is_refuted():
    found = verdicts(sweep(1.0, peak_width=8, fits_from=64))
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


def test_unfinished_seeds_are_left_out():
    ds = sweep(1.0, seeds=6)
    waiting = np.flatnonzero((ds["seed"] == 5) & (ds["model.width"] >= 64))
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        ds[name][dict(run=waiting, record=-1)] = np.nan
    assert experiment.verdict(ds) == experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != 5)))


def test_figure_marks_the_number_of_equations():
    made = experiment.figure(sweep(1.0))
    assert "n·K = 4,000" in " ".join(text.get_text() for text in made.axes[0].texts)


def test_stored_number_of_outputs_needs_no_data():
    ds = sweep(1.0)
    ds.attrs["num_outputs"] = 3
    ds.attrs["config"] = json.dumps({"task": {"name": "gone"}, "data": {"num_train": 400}})
    assert experiment.num_constraints(ds) == 1200


def test_all_training_examples_are_counted_where_the_config_says_zero():
    ds = sweep(1.0)
    ds.attrs["config"] = json.dumps({"task": {"name": "digits", "num_test": 297}, "data": {"num_train": 0}})
    assert experiment.num_constraints(ds) == 15_000


@pytest.mark.parametrize("variant", ["", "digits", "mnist5k", "cifar10_resnet", "smoke"])
def test_every_variant_sweeps_width_noise_and_seed(variant):
    axes = dict(config_file.get_config(variant).axes)
    assert set(axes) == {"model.width", "data.label_noise", "seed"} and 0.0 in axes["data.label_noise"]


def test_smoke_variant_runs_end_to_end(tmp_path):
    ds = experiment.run(config_file.get_config("smoke"), str(tmp_path / "smoke"))
    assert ds.sizes["run"] == 12
    assert len(experiment.verdict(ds)) == 8
    path = report_script.write_report(ds, tmp_path / "report", name="smoke")
    assert path.read_text().count("data:image/png;base64,") == 2


def report(ds, tmp_path, name="demo"):
    return report_script.write_report(ds, tmp_path / "report", name=name).read_text()


def test_report_of_an_experiment(tmp_path):
    text = report(sweep(1.0), tmp_path)
    for part in ("Claim: On data with label noise", "Test loss has an interior peak", "100 finished", "supported"):
        assert part in text
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.html",
        *(f"{stem}.{kind}" for stem in ("model_wise_double_descent", "learning_curves") for kind in ("png", "svg")),
    }
    assert "http" not in text.replace("http-equiv", "")


def test_report_leaves_out_metrics_that_are_curves(tmp_path):
    ds = sweep(1.0)
    ds["test_loss"] = ds["test_loss"].expand_dims(width=3, axis=-1)
    text = report(ds.assign_attrs(config="{}"), tmp_path)
    assert "test error" in text and "test loss" not in text
    assert not (tmp_path / "report" / "learning_curves.png").exists()


def test_report_without_an_experiment_and_with_hostile_strings(tmp_path):
    ds = sweep(1.0)
    hostile = "<script>alert(1)</script>"
    ds.attrs["config"] = json.dumps({"experiment": f"../../{hostile}", "note": hostile, "data.num_train": 400})
    ds.attrs["provenance"] = json.dumps({hostile: hostile})
    text = report(ds, tmp_path, name=hostile)
    assert "<script" not in text and text.count("&lt;script&gt;") >= 4
    assert "Learning curves" in text and "Findings" not in text


def test_report_of_a_running_sweep_says_what_is_missing(tmp_path):
    ds = sweep(1.0)
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        ds[name][:, -1] = np.nan
    text = report(ds, tmp_path)
    assert "100 unfinished" in text and "Not available: no run has reached its last record yet" in text


def test_report_refuses_a_folder_without_a_sweep_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/report.py", f"--workdir={tmp_path}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
    assert done.stderr.startswith("error: ") and str(tmp_path) in done.stderr and "Traceback" not in done.stderr
