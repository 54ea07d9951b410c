"""Hermite constants, and the random-feature limit against fits of the features, its symmetries and other limits."""

import numpy as np
import pytest
from scipy.special import erf

from gendyn import theory
from gendyn.core import ConfigError

ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0.0), "tanh": np.tanh, "erf": erf}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_hermite_constants_by_another_quadrature(name):
    nodes, weights = np.polynomial.hermite_e.hermegauss(180)
    weights = weights / weights.sum()
    values = ACTIVATIONS[name](nodes)
    mean, linear = weights @ values, weights @ (nodes * values)
    found = theory.hermite_constants(name)
    # A Gauss-Hermite rule is slow at the kink of the ReLU.
    rough = 1e-2 if name == "relu" else 1e-9
    assert found.mean == pytest.approx(mean, abs=rough)
    assert found.linear == pytest.approx(linear, rel=rough)
    assert found.nonlinear_variance == pytest.approx(weights @ values**2 - mean**2 - linear**2, abs=rough)


@pytest.mark.parametrize("name", ["relu", "erf"])
def test_exact_constants_are_those_of_the_function(name):
    np.testing.assert_allclose(theory.hermite_constants(ACTIVATIONS[name]), theory.hermite_constants(name), atol=1e-11)


def sphere(rng, count, dimension):
    points = rng.normal(size=(count, dimension))
    return points * np.sqrt(dimension) / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "features", "examples", "ridge"),
    [("relu", 1.0, 3.0, 0.0), ("relu", 6.0, 2.0, 0.0), ("tanh", 3.0, 1.0, 0.0), ("erf", 1.0, 2.0, 0.0),
     ("relu", 2.0, 2.0, 0.1), ("tanh", 1.0, 3.0, 0.02)],
)  # fmt: skip
def test_fits_of_random_features(name, features, examples, ridge):
    """50 seeds of several targets each, within 6 %; d = 70 leaves corrections of order 1 / d."""
    d, noise, seeds, targets = 70, 0.2, 50, 16
    width, n = int(d * features), int(d * examples)
    rng = np.random.default_rng(width + n)
    found = []
    for _ in range(seeds):
        x, fresh, theta = sphere(rng, n, d), sphere(rng, 300, d), sphere(rng, width, d)
        coefficients = sphere(rng, targets, d).T / np.sqrt(d)
        y = x @ coefficients + np.sqrt(noise) * rng.normal(size=(n, targets))
        z = ACTIVATIONS[name](x @ theta.T / np.sqrt(d))
        penalty = n * width * ridge / d
        if width <= n:
            fitted = np.linalg.solve(z.T @ z + penalty * np.eye(width), z.T @ y)
        else:
            fitted = z.T @ np.linalg.solve(z @ z.T + penalty * np.eye(n), y)
        output = ACTIVATIONS[name](fresh @ theta.T / np.sqrt(d)) @ fitted
        found.append(np.mean((output - fresh @ coefficients) ** 2))
    expected = theory.random_features_risk(features, examples, activation=name, ridge=ridge, noise_variance=noise)
    assert np.std(found) / np.sqrt(seeds) < 0.02 * expected
    assert np.mean(found) == pytest.approx(expected, rel=0.06)


def test_a_nonlinear_target_is_noise_and_its_own_error():
    given = {"activation": "relu", "ridge": 0.05}
    nonlinear = theory.random_features_risk(2.0, 3.0, nonlinear_signal=0.4, noise_variance=0.1, **given)
    assert nonlinear == pytest.approx(0.4 + theory.random_features_risk(2.0, 3.0, noise_variance=0.5, **given))
    only = theory.random_features_risk(2.0, 3.0, linear_signal=0.0, noise_variance=1.0, **given)
    parts = 3.0 * theory.random_features_risk(2.0, 3.0, **given) + 0.7 * only
    assert theory.random_features_risk(
        2.0, 3.0, linear_signal=3.0, noise_variance=0.7, **given
    ) == pytest.approx(parts)  # fmt: skip


def test_limits_of_ridge_and_the_peak():
    width = np.array([0.5, 2.0, 3.0, 3.1, 40.0])
    ridgeless = theory.random_features_risk(width, 3.0, noise_variance=0.2)
    assert np.isinf(ridgeless).tolist() == [False, False, True, False, False]
    assert ridgeless[3] > 3 * ridgeless[4]
    away = np.isfinite(ridgeless)
    small = theory.random_features_risk(width, 3.0, noise_variance=0.2, ridge=1e-13)
    np.testing.assert_allclose(small[away], ridgeless[away], rtol=1e-5)
    np.testing.assert_allclose(theory.random_features_risk(width, 3.0, noise_variance=0.2, ridge=1e13), 1.0, rtol=1e-9)
    # The most random features can do without a penalty grows as one over the root of the penalty at N = n.
    ridges = np.array([1e-6, 1e-8, 1e-10])
    peak = theory.random_features_risk(3.0, 3.0, noise_variance=0.2, ridge=ridges)
    np.testing.assert_allclose(peak[1:] / peak[:-1], 10.0, rtol=0.1)


def test_the_fixed_point_solves_the_pair_of_equations():
    from gendyn.theory.random_features import _overlap

    z2 = 2.75
    for p1, p2 in ((0.3, 4.0), (2.0, 2.0), (50.0, 1.0)):
        for u in (1e-4, 0.1, 1.0, 30.0):
            p = float(_overlap(np.array(p1), np.array(p2), z2, np.array(u**2)))
            g = 1 + z2 / (1 + z2 * p)
            t1, t2 = (p1 - p * g) / u, (p2 - p * g) / u
            assert t1 > 0 and t2 > 0 and t1 * t2 == pytest.approx(p, rel=1e-6)
            assert t1 == pytest.approx(p1 / (u + t2 + z2 * t2 / (1 + z2 * t1 * t2)), rel=1e-6)


def test_many_features_are_kernel_regression():
    """For N >> n the kernel is mu_1^2 u + mu_*^2 delta: ridge regression with the ridge mu_*^2 / mu_1^2."""
    constants = theory.hermite_constants("tanh")
    examples = np.array([0.5, 1.0, 3.0])
    found = theory.random_features_risk(1e7, examples, activation=constants, noise_variance=0.3)
    # In units of X^T X / n; the factor d / n is that of the kernel x . x' / d.
    ridge = constants.nonlinear_variance / constants.linear**2 / examples
    np.testing.assert_allclose(found, theory.ridge_risk(1 / examples, ridge, noise_variance=0.3), rtol=1e-5)


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="activation = 'gelu' must be one of relu, tanh, erf"):
        theory.hermite_constants("gelu")
    with pytest.raises(ConfigError, match="has no nonlinear part"):
        theory.random_features_risk(1.0, 1.0, activation=lambda x: 2 * x)
    with pytest.raises(ConfigError, match=r"ridge = -1.0 must be in \[0, inf\)"):
        theory.random_features_risk(1.0, 1.0, ridge=-1.0)
    with pytest.raises(ConfigError, match=r"features_per_input = 0 must be in \(0, inf\)"):
        theory.random_features_risk(0, 1.0)
