"""The verdict follows the data; features and networks are what they say; the folder resumes."""

import json

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.experiments import launch
from gendyn.experiments.double_descent import equation_counting as experiment
from gendyn.experiments.double_descent.equation_counting import tables
from gendyn.experiments.double_descent.equation_counting.program import (
    AXES,
    FEATURES,
    fit_features,
    pooled_digits,
    sample_of,
)
from gendyn.regression import relu_network_parameters
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import smoke_config

EXACT, UNIFORM, TRUE, POWER, FOURIER_TRUE, FOURIER_UNIFORM, NETWORK_TRUE, NETWORK_UNIFORM, SHORTER = range(9)
PROBLEMS = ((32, 10), (48, 10), (96, 10))
WIDTHS = tuple(range(4, 64, 2))
CONFIG = {
    "problems": PROBLEMS,
    "widths": WIDTHS,
    "steps": (100, 1000),
    "tolerance": 1e-3,
    "num_redraws": 10,
    "num_networks": 10,
}


def results(*, needed=1.0, true=1.0, power=1.0, feature=1.0, inequality=0.6, short=1.3, redraws=10, scatter=0.02):
    """Residuals that fall to the tolerance, and errors that fall to zero, at the asked numbers of parameters."""
    random = np.random.default_rng(0)
    rows = []

    def add(place, parameters, at, zero_at, tolerance):
        at, zero_at = (share * np.exp(scatter * random.normal()) for share in (at, zero_at))
        ratio = parameters / (place[2] * place[3])
        # Exactly the tolerance at its place, falling by ten decades for each factor of e.
        residual = tolerance * (ratio / at) ** -10.0 if place[0] == "network" else np.where(ratio >= at, 1e-28, 0.1)
        rows.append((place, parameters, residual, np.clip(zero_at / ratio - 1, 0, 1)))

    for n, k in PROBLEMS:
        networks = np.array([relu_network_parameters(width, 16, k) for width in WIDTHS], float)
        features = k * np.arange(n // 4, 2 * n, dtype=float)
        grown = (n * k / 480) ** (power - 1)
        for seed in range(redraws):
            for labels, share in (("random", needed), ("true", true)):
                for model in FEATURES:
                    exact = feature * np.exp(-scatter * random.normal()) if feature != 1.0 else 1.0
                    rows.append(
                        (
                            (model, labels, n, k, 0, seed),
                            features,
                            np.where(features >= exact * n * k, 1e-28, 0.1),
                            np.clip(inequality * n * k / features - 1, 0, 1),
                        )
                    )
                for steps, factor in ((100, short), (1000, 1.0)):
                    place = ("network", labels, n, k, steps, seed)
                    add(place, networks, share * grown * factor, inequality, 1e-3)
    longest = max(len(row[1]) for row in rows)
    padded = [
        np.array([[np.pad(row[i], (0, longest - len(row[i])), constant_values=np.nan)] for row in rows])
        for i in (1, 2, 3)
    ]
    dims = ("run", "record")
    names = ("parameters", "residual", "error")
    variables = {name: ((*dims, "size"), array) for name, array in zip(names, padded, strict=True)}
    coords = {axis: ("run", np.array([row[0][i] for row in rows])) for i, axis in enumerate(AXES)}
    coords |= {"step": (dims, np.zeros((len(rows), 1))), "committed": ("run", np.ones(len(rows), int))}
    return xarray.Dataset(variables, coords, {"config": json.dumps(CONFIG), "axes": json.dumps(AXES)})


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_results_that_count_equations_are_supported():
    assert verdicts(results()) == ["supported"] * 9


@pytest.mark.parametrize(
    ("changes", "refuted"),
    [
        ({"feature": 1.1}, {EXACT}),
        ({"needed": 0.6}, {UNIFORM}),
        ({"true": 1.4}, {TRUE}),
        ({"power": 1.5}, {UNIFORM, TRUE, POWER}),
        ({"inequality": 1.0}, {FOURIER_TRUE, FOURIER_UNIFORM, NETWORK_TRUE, NETWORK_UNIFORM}),
        ({"short": 1.0}, {SHORTER}),
    ],
)
def test_other_results_are_refuted(changes, refuted):
    found = {place for place, verdict in enumerate(verdicts(results(**changes))) if verdict == "refuted"}
    assert found == refuted


def test_thresholds_are_recovered_and_ends_of_the_grid_are_censored():
    ds, at = results(scatter=0.0), PROBLEMS.index((48, 10))
    np.testing.assert_allclose(tables.needed(ds, "network", "random")[:, at], 1.0, rtol=0.01)
    np.testing.assert_array_equal(tables.needed(ds, "relu", "random"), 1.0)
    np.testing.assert_allclose(tables.needed(ds, "network", "random", to_classify=True)[:, at], 0.6, atol=27 * 2 / 480)
    assert np.all(np.isinf(tables.needed(results(needed=50.0), "network", "random")))
    assert np.all(tables.needed(results(needed=0.01), "network", "random") == 0.0)
    unresolved = results(needed=50.0)
    assert verdicts(unresolved)[UNIFORM] == "refuted" and verdicts(unresolved)[POWER] == "undecided"


def test_model_complexity_is_the_largest_number_of_examples_that_is_fitted():
    sizes, largest = tables.largest_fitted(results(scatter=0.0), "random", 10)
    inside = (sizes / 10 >= 32) & (sizes / 10 < 96)
    np.testing.assert_allclose(largest[0, inside], sizes[inside] / 10, rtol=0.02)
    assert np.all(largest[:, sizes / 10 < 32] == 0) and np.all(np.isinf(largest[:, sizes / 10 > 97]))


def test_two_redraws_decide_nothing_and_runs_that_are_not_there_are_not_read():
    assert set(verdicts(results(redraws=2))) == {"undecided"}
    ds = results()
    ds["committed"][ds["seed"].values >= 7] = 0
    assert len(tables.curves(ds, "relu", "true", (32, 10)).residual) == 7
    ds["committed"][:] = 0
    with pytest.raises(ConfigError, match=r"no run at .* is finished; wait for its first chunk"):
        experiment.verdict(ds)


def test_redraws_are_paired_by_their_seeds():
    ds = results(redraws=7)
    lost = (ds["model"] == "network") & (ds["num_steps"] == 100) & (ds["num_train"] == 48) & (ds["seed"] == 2)
    ds["committed"].values[lost.values] = 0
    rest = results(redraws=7)
    rest = rest.isel(run=np.flatnonzero((rest["model"] != "network") | (rest["seed"] != 2)))
    assert experiment.verdict(ds) == experiment.verdict(rest)


def test_networks_that_diverged_are_named():
    ds = results()
    ds["residual"][dict(run=np.flatnonzero(ds["model"] == "network")[0], size=3)] = np.nan
    with pytest.raises(ConfigError, match=r"residual is not finite at .*; lower config.learning_rate"):
        experiment.verdict(ds)


def point(model="relu", labels="random", num_train=12, num_classes=3, seed=3):
    return dict(zip(AXES, (model, labels, num_train, num_classes, 0, seed), strict=True))


def test_examples_come_from_the_seed_and_networks_see_the_images_of_features():
    images, digits = pooled_digits()
    own, uniform, other = (
        sample_of(point(labels=labels, num_train=40, seed=seed))
        for labels, seed in (("true", 1), ("random", 1), ("true", 2))
    )
    assert images.shape == (1500, 16) and not np.array_equal(own.x, other.x)
    np.testing.assert_array_equal(own.x, uniform.x)
    where = [int(np.flatnonzero((images == row).all(axis=1))[0]) for row in own.x]
    np.testing.assert_array_equal(digits[where], own.labels)
    assert np.mean(uniform.labels == own.labels) < 0.7
    np.testing.assert_array_equal(sample_of(point("network", "true", 40, seed=1)).x, own.x)
    assert sample_of(point("linear")).x.shape == (12, 15)  # as many inputs as there are features at most


@pytest.mark.parametrize("model", FEATURES)
def test_features_interpolate_at_n_and_not_one_before(model):
    sample = sample_of(point(model))
    residual, outputs = fit_features(point(model), sample)
    error = sample.error(outputs)
    sizes = np.array([1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15])
    assert np.all(residual[sizes < 12] > 1e-4) and np.all(residual[sizes >= 12] < 1e-20)
    assert np.all(error[sizes >= 12] == 0) and error[0] > 0
    if model == "linear":
        x = sample.x[:, :6]
        left = sample.targets - x @ np.linalg.lstsq(x, sample.targets, rcond=None)[0]
        assert residual[sizes == 6] == pytest.approx(np.sum(left**2) / np.sum(sample.targets**2), rel=1e-9)


def test_features_of_the_smoke_variant_need_n(finished):
    _, ds = finished("equation_counting")
    for model in FEATURES:
        np.testing.assert_array_equal(tables.needed(ds, model, "random"), 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_redraws": 0}, "config.num_redraws = 0 must be an integer of at least 1"),
        ({"widths": (4, 0)}, "config.widths: each = 0 must be an integer of at least 1"),
        ({"widths": (6, 4)}, r"config.widths = \(6, 4\) must be ascending"),
        ({"widths": (4, 5)}, r"config.widths = .* has fewer than three with"),
        ({"steps": (100,)}, r"config.steps = \(100,\) must hold at least 2 values"),
        ({"learning_rate": 0.0}, r"config.learning_rate = 0.0 must be in \(0, inf\)"),
        ({"tolerance": 1.0}, r"config.tolerance = 1.0 must be in \(0, 1\)"),
        ({"parameters_over_equations": (1.1, 2.0)}, r"config.parameters_over_equations = .* must lie around 1"),
        ({"problems": ((8, 2), (4, 4))}, r"config.problems = .* must have different products"),
        ({"problems": ((8, 2),)}, r"config.problems = .* must hold at least 2 values"),
        ({"problems": ((8, 2), (12,))}, r"config.problems: each = \(12,\) must be a pair"),
        ({"problems": ((0, 2), (8, 2))}, "config.problems: each n = 0 must be an integer of at least 4"),
        ({"problems": ((8, 11), (8, 2))}, r"config.problems: each = \(8, 11\) asks for more than there is"),
    ],
)
def test_bad_configs_are_refused_before_the_folder_is_made(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        launch(smoke_config("equation_counting", **changes), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def no_effect(random):
    """What a network needs has nothing to do with the equations, nor with how long it is trained."""
    ds = results(redraws=8)
    networks = np.flatnonzero(ds["model"].values == "network")
    at = np.exp(random.normal(np.log(450.0), 0.4, size=len(networks)))
    ratio = ds["parameters"].values[networks, 0] / at[:, None]
    ds["residual"].values[networks, 0] = CONFIG["tolerance"] * ratio**-10.0
    ds["error"].values[networks, 0] = np.clip(1.0 / ratio - 1.0, 0.0, 1.0)
    return ds


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_alone_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_results_without_any_finite_size_are_refused():
    ds = results()
    ds["parameters"].values[:] = np.nan
    with pytest.raises(ConfigError, match="no size has finite results"):
        experiment.verdict(ds)
