"""The verdict follows the data; the program is gradient descent on the loss it says; the folder resumes."""

import json
import math
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from configs.grokking import grokking_linear as config_file
from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.experiments.grokking import grokking_linear as experiment
from tests.experiments.smoke import smoke_config

RATIOS = (0.1, 0.5, 0.8, 1.25, 2.0)
HALF, ACROSS, FLOOR, NEVER, FORMULA = range(5)


def results(*, slower=1.0, at_half=1.0, floor=1.0, generalises=False, seeds=12, scatter=0.02):
    """Step-like accuracies at the exact times, test times stretched so that the delay is ``slower`` times exact."""
    random = np.random.default_rng(0)
    config = {"dimension": 1000, "learning_rate": 0.01, "tolerance": 1e-3}
    columns = {name: [] for name in ("ratio", "seed", "step", "train_error", "test_error", "test_loss")}
    for ratio in RATIOS:
        times = theory.linear_time_to_accuracy(ratio, learning_rate=0.01, tolerance=1e-3)
        delay = (times.test - times.train) * slower * (at_half if ratio == 0.5 else 1.0)
        for seed in range(seeds):
            arrival = times.train + delay * math.exp(scatter * random.normal())
            last = 2 * (arrival if ratio < 1 else times.train)
            steps = np.linspace(0, last, 400)
            reached = 0.6 * last if generalises and ratio > 1 else arrival
            left = max(0.0, 1 - 1 / ratio) * floor * math.exp(scatter * random.normal())
            columns["ratio"].append(ratio)
            columns["seed"].append(seed)
            columns["step"].append(steps)
            columns["train_error"].append(np.clip(0.05 + 0.5 * (1 - steps / times.train), 0, 1))
            columns["test_error"].append(np.clip(0.05 + 0.5 * (1 - steps / reached), 0, 1))
            columns["test_loss"].append(1.7 * (left + (1 - left) * np.exp(-20 * steps / last)))
    arrays = {name: np.array(column) for name, column in columns.items()}
    dims = ("run", "record")
    ds = xarray.Dataset(
        {name: (dims, arrays[name]) for name in ("train_error", "test_error", "test_loss")},
        attrs={"config": json.dumps(config), "axes": json.dumps(["ratio", "seed"])},
    )
    ds["train_loss"], ds["diverged"] = ds["test_loss"], (dims, np.zeros(arrays["step"].shape, bool))
    return ds.assign_coords(ratio=("run", arrays["ratio"]), seed=("run", arrays["seed"]), step=(dims, arrays["step"]))


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_exact_delays_are_supported_and_recovered():
    ds = results()
    assert verdicts(ds) == ["supported"] * 5
    ratios, measured, exact = experiment.delays(results(scatter=0.0))
    assert ratios.tolist() == [0.1, 0.5, 0.8] and measured.shape == (12, 3)
    np.testing.assert_allclose(measured, np.broadcast_to(exact, measured.shape), rtol=1e-3)


def test_other_delays_are_refuted():
    found = verdicts(results(slower=1.3))
    assert found[HALF] == found[ACROSS] == "refuted" and found[FLOOR] == "supported"


def test_one_ratio_off_is_seen_across_and_at_half_by_its_own_tolerance():
    found = verdicts(results(at_half=1.125))
    assert found[HALF] == "refuted" and found[ACROSS] == "supported"


def test_delays_of_the_formula_are_seen():
    found = verdicts(results(at_half=716 / 430))
    assert found[FORMULA] == "refuted" and found[HALF] == "refuted"


def test_another_floor_is_refuted_and_the_size_of_the_start_does_not_matter():
    assert verdicts(results(floor=1.2))[FLOOR] == "refuted"
    ds = results()
    ds["test_loss"] = ds["test_loss"] * np.random.default_rng(1).uniform(0.5, 2, (ds.sizes["run"], 1))
    assert verdicts(ds)[FLOOR] == "supported"


def test_runs_that_generalise_above_one_are_seen():
    assert verdicts(results(generalises=True))[NEVER] == "refuted"


def test_runs_that_are_late_count_as_later_than_all_and_unfinished_ones_decide_nothing():
    ds = results()
    late = np.flatnonzero((ds["ratio"] == 0.8) & (ds["seed"] < 8))
    ds["test_error"][dict(run=late)] = 0.5
    assert verdicts(ds)[ACROSS] != "supported" and verdicts(ds)[HALF] == "supported"
    one = results()
    one["test_error"][dict(run=late[:1])] = 0.5
    assert verdicts(one)[ACROSS] == "supported"
    unfinished = results()
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        unfinished[name][dict(record=slice(-3, None))] = np.nan
    assert set(verdicts(unfinished)) == {"undecided"}
    assert set(verdicts(results(seeds=2))[:3]) == {"undecided"}


def test_the_program_is_gradient_descent_on_the_mean_square_without_a_half():
    setting = experiment.Setting(dimension=12, num_train=20, num_test=50, steps=(0, 1, 7))
    weights, records = experiment._train(setting, jnp.array([3, 4], jnp.uint32), jnp.float32(0.05), jnp.float32(0.1))
    key = stream(jax.random.key(4), "20 examples")
    x, x_test = (
        np.asarray(jax.random.normal(stream(key, name), (rows, 12)), float)
        for name, rows in (("train", 20), ("test", 50))
    )
    student, teacher = np.asarray(jax.random.normal(stream(key, "weights"), (2, 12)), float) / math.sqrt(24)
    w = student

    def loss(w):
        return jnp.mean(jnp.square(x @ (w - teacher)))

    for step in range(8):
        if step in setting.steps:
            at = setting.steps.index(step)
            error, fresh = np.square(x @ (w - teacher)), np.square(x_test @ (w - teacher))
            assert records["train_loss"][1, at] == pytest.approx(error.mean(), rel=1e-5)
            assert records["test_loss"][1, at] == pytest.approx(np.sum((w - teacher) ** 2), rel=1e-5)
            assert records["train_error"][1, at] == pytest.approx(np.mean(error >= 0.1), abs=1e-6)
            assert records["test_error"][1, at] == pytest.approx(np.mean(fresh >= 0.1), abs=1e-6)
        if step < 7:
            w = w - 0.05 * np.asarray(jax.grad(loss)(jnp.asarray(w)))
    np.testing.assert_allclose(weights[1], w, rtol=1e-4, atol=1e-6)


def test_runs_are_long_enough_for_the_closed_form():
    settings = experiment._settings(config_file.get_config())
    assert settings[0.5].num_train == 2000 and settings[0.5].steps[0] == 0 and settings[0.5].steps[-1] > 1.5 * 1146
    last = settings[1.25].steps[-1]
    losses = theory.linear_losses(np.array([last / 2, last]), 1.25, learning_rate=0.01).test
    assert losses[1] <= 0.2 * 1.005 < losses[0]
    assert last > theory.linear_time_to_accuracy(1.25, learning_rate=0.01, tolerance=1e-3).train


def test_curves_of_the_smoke_variant_are_near_the_exact_ones(finished):
    _, ds = finished("grokking_linear")
    half = np.flatnonzero(ds["ratio"].values == 0.5)
    at = np.arange(ds.sizes["record"])[np.isfinite(ds["step"].values[half[0]])]
    exact = theory.linear_losses(ds["step"].values[half[0], at], 0.5, learning_rate=0.05)
    early = at[exact.train > 0.02]
    measured = ds["train_loss"].values[half][:, early] / ds["test_loss"].values[half][:, :1]
    np.testing.assert_allclose(np.log(measured.mean(axis=0)), np.log(exact.train[: len(early)]), atol=0.5)
    train, test = experiment.crossings(ds)
    below = ds["ratio"].values < 1
    assert train.observed.all() and np.all(test.time[below] > train.time[below]) and not test.observed[~below].any()


def test_another_config_in_the_same_folder_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished("grokking_linear")[0], tmp_path / "copy")
    with pytest.raises(ConfigError, match="holds other runs than this config asks for"):
        experiment.run(smoke_config("grokking_linear", tolerance=0.1), str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 1}, "config.dimension = 1 must be an integer of at least 2"),
        ({"num_records": 2}, "config.num_records = 2 must be an integer of at least 8"),
        ({"tolerance": 0.0}, r"config.tolerance = 0.0 must be in \(0, inf\)"),
        ({"extra_steps": -0.5}, r"config.extra_steps = -0.5 must be in \[0, inf\)"),
        ({"learning_rate": 0.5}, "learning_rate = 0.5 must be below 1 / "),
        ({"axes": (("seed", (0,)),)}, "config.axes = .* must be ratio"),
        ({"axes": (("ratio", (0.5, 0.9)), ("seed", (0,)))}, "hold 0.5 and one above 1, and not 1"),
        ({"axes": (("ratio", (0.5, 1, 2)), ("seed", (0,)))}, "hold 0.5 and one above 1, and not 1"),
    ],
)
def test_bad_configs_are_refused_before_the_folder_is_made(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        experiment.run(smoke_config("grokking_linear", **changes), str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_the_default_has_a_thousand_dimensions():
    assert config_file.get_config().dimension == 1000
