"""The fits are least squares and ridge, the expectation is that over label noise; the verdict follows the data."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.priors import soft_bias_polynomial as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch, plan
from gendyn.experiments.priors import soft_bias_polynomial as experiment
from gendyn.experiments.priors.soft_bias_polynomial.steps import decomposed, step_smoothers
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

PROGRAM = importlib.import_module("gendyn.experiments.priors.soft_bias_polynomial.program")
# Two of each law; then of each law two contrasts and the polynomial, two and the ensemble; the closed form.
NORMAL, NORMAL_REGRET, UNIFORM, UNIFORM_REGRET = range(4)
STIFF, FLEXIBLE, SOFT, FEW_STEPS, MANY_STEPS, ENSEMBLE = range(4, 10)
EXPECTED = -1
# Squared bias and variance in noise variances: order 2, 15, regularised; few steps, many, their mean.
GOOD = np.array([[9.0, 0.1, 0.2, 9.0, 0.5, 0.5], [0.1, 9.0, 0.3, 0.3, 2.0, 0.2]])


def results(monkeypatch, folder, *, normal, uniform, expected=1.0, seeds=12, shares=GOOD):
    """Errors with the given ratio of the regularised polynomial to the better plain one, in the real store."""

    def redraw(setting, judged, noise, chosen, *, law, basis):
        random = np.random.default_rng(len(law))
        rmse = np.exp(0.05 * random.normal(size=(len(chosen), 3, 3, len(setting[0]))))
        # Each plain one is bad somewhere, and never both.
        rmse[:, 0, 1:] *= 10.0
        rmse[:, 1, 0] *= 100.0
        rmse[:, 2] *= normal if law == "normal" else uniform
        parts = noise**2 * shares[None, ..., None] * np.exp(0.1 * random.normal(size=(len(chosen), 2, 6, 3)))
        exact = np.full_like(rmse, 1.0) * np.median(rmse, axis=0) * expected
        return {"test_rmse": rmse, "expected_rmse": exact, "parts": parts}

    monkeypatch.setattr(PROGRAM, "_redraw", redraw)
    config = smoke_config("soft_bias_polynomial", runs_at_once=seeds)
    return launch(config, folder / "made", axes=dict(config.axes) | {"seed": range(seeds)}, quiet=True)


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_the_claim_is_judged_for_each_law(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, normal=2.0, uniform=0.9))
    assert found == ["refuted", *["supported"] * 16]


def test_a_regularised_fit_that_is_worst_somewhere_is_refuted_in_the_weaker_sense_too(monkeypatch, tmp_path):
    ds = results(monkeypatch, tmp_path, normal=50.0, uniform=1.1)
    found = experiment.verdict(ds)
    assert found[NORMAL_REGRET].verdict == "refuted" and found[UNIFORM].verdict != "supported"
    assert found[NORMAL].effect == pytest.approx(50.0, rel=0.2)
    assert len(experiment.figure(ds).axes) == 6


def test_another_expectation_is_seen_and_few_redraws_decide_nothing(monkeypatch, tmp_path):
    assert verdicts(results(monkeypatch, tmp_path, normal=0.9, uniform=0.9, expected=1.2))[EXPECTED] == "refuted"
    few = results(monkeypatch, tmp_path / "few", normal=0.9, uniform=0.9, seeds=2)
    assert set(verdicts(few)) == {"undecided"}


def test_fits_are_least_squares_and_ridge_and_the_expectation_is_over_label_noise(finished):
    _, ds = finished("soft_bias_polynomial")
    setting = ((8, 20), 20, 3.0)
    with jax.enable_x64(True):
        # The seeds of the smoke variant, whose program this is.
        drawn = PROGRAM._data(setting, "uniform", "monomial", jnp.arange(3, dtype=jnp.uint32))
        design, test_design, clean, truth, errors = (np.asarray(each[1]) for each in drawn[:5])
    chosen = (ds["law"] == "uniform") & (ds["seed"] == 1)
    row = ds.isel(run=np.flatnonzero(chosen.values)[0], record=0)
    penalty = np.diag(1e-4 * np.arange(16.0) ** 2)

    def fits(y, n):
        low = np.linalg.lstsq(design[:n, :3], y[:n], rcond=None)[0]
        high = np.linalg.lstsq(design[:n], y[:n], rcond=None)[0]
        soft = np.linalg.solve(design[:n].T @ design[:n] + penalty, design[:n].T @ y[:n])
        return test_design[:, :3] @ low, test_design @ high, test_design @ soft

    for size, n in enumerate(setting[0]):
        for model, predicted in enumerate(fits(clean + 0.1 * errors, n)):
            rmse = np.sqrt(np.mean((predicted - truth) ** 2, axis=0))
            np.testing.assert_allclose(row["test_rmse"][model, :, size], rmse, rtol=1e-5)
    random = np.random.default_rng(0)
    draws = [fits(clean[:, :1] + 0.1 * random.normal(size=(20, 1000)), 20)[model] for model in (0, 2)]
    for model, predicted in zip((0, 2), draws, strict=True):
        squares = np.mean((predicted - truth[:, :1]) ** 2, axis=0)
        exact = float(row["expected_rmse"][model, 0, 1]) ** 2
        assert abs(squares.mean() - exact) < 4 * squares.std() / np.sqrt(1000)


@pytest.mark.parametrize(
    ("place", "value", "refuted"),
    [
        ((0, 2), 3.0, {SOFT}),
        ((1, 2), 3.0, {SOFT}),
        ((1, 5), 3.0, {ENSEMBLE}),
        # Without a contrast there was no trade-off to escape from.
        ((0, 0), 0.5, {STIFF, SOFT}),
        ((1, 4), 0.5, {MANY_STEPS, ENSEMBLE}),
    ],
)
def test_low_bias_and_low_variance_need_both_and_their_contrasts(monkeypatch, tmp_path, place, value, refuted):
    shares = GOOD.copy()
    shares[place] = value
    found = verdicts(results(monkeypatch, tmp_path, normal=0.9, uniform=0.9, shares=shares))
    assert {i for i in range(STIFF, ENSEMBLE + 1) if found[i] == "refuted"} == refuted


def test_bias_and_variance_of_steps_are_those_of_many_draws():
    random = np.random.default_rng(0)
    x, at = np.sort(random.uniform(-1, 1, 30)), np.linspace(-0.9, 0.9, 7)
    with jax.enable_x64(True):
        made = {"num_steps": 6, "num_members": 400}
        smoothers = step_smoothers(jax.random.key(0), "uniform", jnp.asarray(x), jnp.asarray(at), **made)
        np.testing.assert_allclose(smoothers.sum(axis=-1), 1.0)
        clean, truth = np.sin(3 * x)[:, None], np.sin(3 * at)[:, None]
        one, mean = (np.asarray(each)[:, 0] for each in decomposed(smoothers[:20], clean, truth, jnp.float64(0.3)))
        whole = np.asarray(decomposed(smoothers, clean, truth, jnp.float64(0.3))[0])[:, 0]
    labels = clean[:, 0] + 0.3 * random.normal(size=(2000, 30))
    fits = np.einsum("kmn,rn->rkm", np.asarray(smoothers), labels)
    bias = np.mean((fits.mean(axis=(0, 1)) - truth[:, 0]) ** 2)
    assert one[0] == mean[0] and whole[0] == pytest.approx(bias, rel=0.05)
    assert one[1] == pytest.approx(fits.var(axis=(0, 1)).mean(), rel=0.2)
    groups = fits.reshape(2000, 20, 20, 7).mean(axis=2)
    assert mean[1] == pytest.approx(groups.var(axis=(0, 1)).mean(), rel=0.2)


def no_effect(random):
    """Errors by which all three are alike but for a tenth at one place, and parts that are at the limit of low."""
    config = config_file.get_config("").to_dict()
    axes = dict(config["axes"]) | {"basis": ("monomial",), "seed": range(200)}
    points = dict(zip(axes, map(np.ravel, np.meshgrid(*map(list, axes.values()), indexing="ij")), strict=True))
    runs = len(points["seed"])
    rmse = np.exp(0.5 * random.normal(size=(runs, 3, 3, 10)))
    rmse[:, 2, 0, 0] *= 1.1
    parts = config["noise"] ** 2 * GOOD[None, ..., None] * np.exp(0.5 * random.normal(size=(runs, 2, 6, 3)))
    parts[:, 0, [2, 5], 0] *= 1.0 / GOOD[0, [2, 5]]
    recorded = {"test_rmse": rmse, "expected_rmse": np.full_like(rmse, np.exp(0.25)), "parts": parts}
    return made_redraws(points, recorded, config)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_targets_have_unit_size_under_the_law_and_examples_nest():
    setting = ((5, 2000), 2000, 3.0)
    with jax.enable_x64(True):
        design, _, *targets, _, _, _ = PROGRAM._data(setting, "uniform", "chebyshev", jnp.array([0, 1], jnp.uint32))
        for part in targets:
            np.testing.assert_allclose(np.mean(np.asarray(part) ** 2, axis=1), 1.0, rtol=0.15)
    assert np.abs(design).max() <= 1.0 + 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (20, 10)}, r"config.sizes = \(20, 10\) must be ascending"),
        ({"sizes": (0, 10)}, "each = 0 must be an integer of at least 1"),
        ({"noise": -0.1}, r"config.noise = -0.1 must be in \(0, inf\)"),
        ({"judged": 30}, r"config.judged = 30 must be one of sizes = \(8, 20\)"),
        ({"num_test": 0}, "config.num_test = 0 must be an integer of at least 1"),
        ({"normal_domain": 0.0}, r"normal_domain = 0.0 must be in \(0, inf\)"),
        ({"axes": (("law", ("normal",)), ("seed", (0,)))}, r"law = \('normal',\) must be normal, uniform"),
        ({"axes": (("law", ("normal", "uniform")), ("basis", ("fourier",)))}, "basis = 'fourier' must be one of"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("soft_bias_polynomial", **changes))
