"""The verdict follows the data; the program is gradient descent on the network it says; the folder resumes."""

import json
import shutil

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.experiments import launch
from gendyn.experiments.curvature import spectral_bias_ntk as experiment
from gendyn.experiments.curvature.spectral_bias_ntk import decay
from gendyn.theory import circle_grid_coefficients
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import smoke_config

FREQUENCIES, STEPS = list(range(8)), np.unique(np.geomspace(1, 3000, 60).round().astype(int) - 1)
AGREE, AGREE_BIAS, POWER, FROZEN, CONTROL = range(5)


def predicted_rates(*, use_bias):
    return circle_grid_coefficients(np.array(FREQUENCIES), 64, use_bias=use_bias)


def results(*, faster=1.0, exponent=0.0, leak=0.0, scatter=0.01, seeds=8, learning_rate=2.0, random=None):
    """Decay at the closed form's rates, times ``faster * k^exponent``; frozen frequencies leak at a rate."""
    random = np.random.default_rng(0) if random is None else random
    config = {"experiment": "spectral_bias_ntk", "num_points": 64, "num_units": 512, "frequencies": FREQUENCIES}
    points = [(bias, seed) for bias in (False, True) for seed in range(seeds)]
    attrs = {"config": json.dumps(config | {"learning_rate": learning_rate, "amplitude": 0.01}), "axes": "[]"}
    ds = xarray.Dataset(attrs=attrs)
    rows = []
    for bias, _ in points:
        rates = predicted_rates(use_bias=bias) * faster * np.maximum(FREQUENCIES, 1.0) ** exponent
        rates = np.where(rates == 0, leak, rates) * np.exp(scatter * random.normal(size=len(FREQUENCIES)))
        phases = np.exp(1j * random.uniform(size=len(FREQUENCIES)))
        modes = 0.005 * (1.0 - learning_rate * rates) ** STEPS[:, None] * phases
        rows.append(np.stack([modes.real, modes.imag], axis=-1))
    bias, seed = (np.array(column) for column in zip(*points, strict=True))
    ds["residual"] = (("run", "record", "residual_dim_0", "residual_dim_1"), np.array(rows))
    ds["weight_movement"] = (("run", "record"), np.full((len(points), len(STEPS)), 0.01))
    return ds.assign_coords(use_bias=("run", bias), seed=("run", seed), step=("record", STEPS))


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_closed_form_decay_is_supported():
    assert verdicts(results()) == ["supported"] * 5


@pytest.mark.parametrize("use_bias", [False, True])
def test_rates_are_recovered_from_the_discrete_decay_and_not_as_exponents(use_bias):
    ds = results(scatter=0.0)
    expected = predicted_rates(use_bias=use_bias)
    found = decay(ds, use_bias=use_bias).rates
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-9, atol=1e-14)
    # At rate 0.125 and learning rate 2 an exponential would be 15 % off.
    assert -np.log1p(-2.0 * expected[1]) / 2.0 > 1.12 * expected[1]


def test_other_rates_are_refuted():
    found = verdicts(results(faster=0.8))
    assert found[AGREE] == found[AGREE_BIAS] == "refuted" and found[POWER] == found[FROZEN] == "supported"


def test_another_power_is_refuted():
    found = verdicts(results(faster=0.5, exponent=0.5))
    assert found[POWER] == "refuted" and found[FROZEN] == "supported"


def test_odd_frequencies_that_are_learned_without_bias_refute_the_freeze():
    assert verdicts(results(leak=1e-4))[FROZEN] == "refuted"
    assert verdicts(results(leak=1e-7))[FROZEN] == "supported"


def test_a_control_that_learns_nothing_is_seen():
    found = verdicts(results(faster=0.01))
    assert found[CONTROL] == "refuted"
    # That nothing moves without bias says nothing where nothing moves with it.
    assert found[FROZEN] == "refuted"


def test_roles():
    assert [found.role for found in experiment.verdict(results())] == ["primary"] * 4 + ["exploratory"]


LEAK = 0.01 / (2.0 * STEPS[-1])
"""The rate at which a residual changes by 1 %, which is no longer called frozen."""


def no_effect(random):
    """Rates are 10 % off, their power is -1.8 with bias and frozen frequencies leak: just what is no longer claimed."""
    return results(faster=0.9, exponent=0.2, leak=LEAK, scatter=0.1, seeds=10, random=random)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_errors_around_the_tolerance_stay_open():
    assert verdicts(results(faster=0.93, scatter=0.05))[AGREE_BIAS] == "undecided"


def test_too_few_seeds_decide_nothing_and_unfinished_ones_are_left_out():
    assert set(verdicts(results(seeds=2))) == {"undecided"}
    ds = results(seeds=7)
    ds["residual"][dict(run=np.flatnonzero(ds["seed"] == 6), record=slice(-3, None))] = np.nan
    found = experiment.verdict(ds)
    rest = experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] < 6)))
    assert [each[:5] for each in found] == [each[:5] for each in rest]
    assert all(each.detail.count(" 1 of 7 seeds are left out.") == 1 for each in found)


def test_diverged_runs_count_as_worst():
    ds = results()
    rows = ds["residual"].dims[:2]
    ds["train_loss"], ds["diverged"] = (rows, np.ones((16, len(STEPS)))), (rows, np.zeros((16, len(STEPS)), bool))
    assert verdicts(ds) == ["supported"] * 5
    for name, value in (("residual", np.nan), ("train_loss", np.nan), ("diverged", True)):
        ds[name].values[8:, -3:] = value  # every run with bias
    found = experiment.verdict(ds)
    assert [each.verdict for each in found] == ["supported", "refuted", "undecided", "refuted", "refuted"]
    assert "8 of 16 runs diverged and count as the worst outcome" in found[0].detail
    assert experiment.figure(ds).axes


def test_no_odd_frequency_of_the_smoke_variant_moves_without_bias(finished):
    _, ds = finished("spectral_bias_ntk")
    residuals = decay(ds, use_bias=False).residuals[:, -1]
    np.testing.assert_allclose(residuals[:, 3::2], 1.0, atol=1e-3)
    assert np.all(residuals[:, [0, 1, 2]] < 0.2)
    assert float(ds["train_loss"][:, -1].max()) < float(ds["train_loss"][:, 0].min())


def test_another_config_in_the_same_folder_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished("spectral_bias_ntk")[0], tmp_path / "copy")
    with pytest.raises(ConfigError, match="holds other runs than this config asks for"):
        launch(smoke_config("spectral_bias_ntk", amplitude=0.1), folder, quiet=True)


def test_the_figure_draws_measured_and_predicted_for_each_kernel():
    ds = results(scatter=0.1)
    made = experiment.figure(ds)
    assert [ax.get_title() for ax in made.axes] == ["without bias", "with bias", "", ""]
    upper, lower = made.axes[0], made.axes[2]
    without = decay(ds, use_bias=False)
    measured = {line.get_label(): line.get_xydata() for line in upper.get_lines()}
    np.testing.assert_allclose(measured["1"][:, 1], np.median(without.residuals[..., 1], axis=0))
    rate = 2.0 * predicted_rates(use_bias=False)[0]  # that of the first frequency drawn, 0
    np.testing.assert_allclose(measured["closed form"][:, 1], (1.0 - rate) ** measured["closed form"][:, 0])
    rings = next(line for line in lower.get_lines() if line.get_label() == "closed form")
    np.testing.assert_array_equal(rings.get_xydata(), np.stack([FREQUENCIES, without.predicted], axis=1))
    low, high = lower.get_ylim()
    assert low < 0 and high > without.rates.max() and lower.get_yscale() == "symlog"
    # Rows do not share their horizontal axes.
    assert upper.get_xlim() == (0.0, 2999.0) and lower.get_xlim() == pytest.approx((-0.7, 7.7))
    text = made.get_supxlabel()
    assert "512 units, 64 points" in text and "8 seeds" in text and "90% intervals of the mean or median" in text


def test_a_figure_of_one_seed_says_so():
    with np.errstate(all="ignore"):
        assert "one seed, no interval" in experiment.figure(results(seeds=1)).get_supxlabel()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_units": 5}, "must be even"),
        ({"num_points": 9}, "must be even"),
        ({"frequencies": (3, 5, 16)}, "must be below num_points / 2 = 16"),
        ({"frequencies": (3, 5, 5)}, r"config.frequencies = \(3, 5, 5\) must hold each value once"),
        ({"frequencies": (0, 1, 2, 3)}, "must hold two odd numbers of at least 3"),
        ({"learning_rate": 6.0}, r"config.learning_rate = 6.0 must be in \(0, 5.69"),
        ({"amplitude": 0.0}, r"config.amplitude = 0.0 must be in \(0, inf\)"),
        ({"num_steps": 0}, "config.num_steps = 0 must be an integer of at least 1"),
        ({"axes": (("seed", (0,)),)}, r"config.axes: use_bias = \(False,\) must be False, True: the claims"),
    ],
)
def test_bad_configs_are_refused_before_the_folder_is_made(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        launch(smoke_config("spectral_bias_ntk", **changes), tmp_path / "none")
    assert not (tmp_path / "none").exists()
