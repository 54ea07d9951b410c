"""Gradient flow of linear regression against the flow of draws, ridge regression, and its limits in time."""

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError


def test_modes_are_gradient_descent_with_small_steps():
    rng = np.random.default_rng(0)
    n, p = 12, 20
    x, y = rng.normal(size=(n, p)), rng.normal(size=n)
    values, vectors = np.linalg.eigh(x.T @ x / n)
    values = np.maximum(values, 0.0)
    projections = vectors.T @ x.T @ y / n
    projections[: p - n] = 0.0
    values[: p - n] = 0.0
    end, errors = 1.5, []
    expected = vectors @ theory.gradient_flow_coefficients(end, values, projections)
    for steps in (1000, 10_000):
        w = np.zeros(p)
        for _ in range(steps):
            w = w + end / steps * x.T @ (y - x @ w) / n
        errors.append(np.max(np.abs(w - expected)))
    assert errors[0] < 1e-2 and errors[0] / errors[1] == pytest.approx(10.0, rel=0.05)
    last = vectors @ theory.gradient_flow_coefficients(1e9, values, projections)
    np.testing.assert_allclose(last, np.linalg.pinv(x) @ y, atol=1e-9)


def test_filter_limits_and_shape():
    found = theory.gradient_flow_filter(np.array([[0.0], [1e-9]]), np.array([0.0, 1.0, 4.0]))
    assert found.shape == (2, 1, 3) and np.all(found[0] == 0)
    np.testing.assert_allclose(found[1, 0], [0.0, 1e-9, 4e-9], rtol=1e-8)
    assert theory.gradient_flow_coefficients(3.0, [0.0], [2.0]).tolist() == [6.0]


@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.5])
def test_risk_over_time_is_the_mean_over_draws(ratio):
    n, noise, draws = 150, 0.5, 60
    p = int(ratio * n)
    times = np.array([0.0, 0.3, 1.5, 6.0, 40.0])
    rng = np.random.default_rng(p)
    found = []
    for _ in range(draws):
        values = np.maximum(np.linalg.eigvalsh((x := rng.normal(size=(n, p))).T @ x / n), 0.0)
        values[: max(0, p - n)] = 0.0
        found.append(theory.gradient_flow_risk(times, values, 2.0 / p, num_examples=n, noise_variance=noise))
    expected = theory.isotropic_gradient_flow_risk(times, ratio, signal=2.0, noise_variance=noise)
    error = np.std(found, axis=0) / np.sqrt(draws)
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 3 * error + 0.01 * expected)
    assert np.ptp(expected) > 0.5


def test_risk_for_a_design_is_the_mean_over_label_noise():
    rng = np.random.default_rng(3)
    n, p, noise, time = 30, 20, 0.7, 2.0
    x, b = rng.normal(size=(n, p)), rng.normal(size=p)
    values, vectors = np.linalg.eigh(x.T @ x / n)
    labels = x @ b + np.sqrt(noise) * rng.normal(size=(20_000, n))
    fitted = theory.gradient_flow_coefficients(time, values, labels @ x / n @ vectors)
    risks = np.sum((fitted - b @ vectors) ** 2, axis=1)
    found = theory.gradient_flow_risk(time, values, (b @ vectors) ** 2, num_examples=n, noise_variance=noise)
    assert abs(np.mean(risks) - found) < 3 * np.std(risks) / np.sqrt(len(risks))
    assert np.std(risks) / np.sqrt(len(risks)) < 0.01 * found


@pytest.mark.parametrize("ratio", [0.2, 0.8, 1.2, 6.0])
def test_the_end_of_time_is_the_minimum_norm_solution(ratio):
    given = {"signal": 1.5, "noise_variance": 0.3}
    found = theory.isotropic_gradient_flow_risk([0.0, 1e8], ratio, **given)
    np.testing.assert_allclose(found, [1.5, theory.isotropic_min_norm_risk(ratio, **given)], rtol=1e-8)


def test_early_stopping_is_nearly_ridge():
    """The bounds of Ali, Kolter and Tibshirani, which a wrong factor in the time would break."""
    times = np.geomspace(1e-2, 1e4, 400)
    shares = theory.gradient_flow_filter(times, [0.3, 1.0, 20.0])
    ridge = np.array([0.3, 1.0, 20.0]) / (np.array([0.3, 1.0, 20.0]) + theory.early_stopping_ridge(times)[:, None])
    assert np.all(shares >= ridge) and np.max(shares / ridge) == pytest.approx(1.2985, abs=1e-3)
    for ratio in (0.5, 1.0, 3.0):
        flow = theory.isotropic_gradient_flow_risk(times, ratio, noise_variance=0.4)
        same = theory.ridge_risk(ratio, theory.early_stopping_ridge(times), noise_variance=0.4)
        assert np.all(flow <= 1.6862 * same) and np.all(flow > 0.5 * same)
        # For a Gaussian prior nothing linear beats the best ridge, and the best time comes within a few per cent.
        best = theory.optimal_ridge_risk(ratio, noise_variance=0.4)
        assert best < flow.min() < 1.22 * best


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
def test_optimal_stopping_time(ratio):
    best = theory.optimal_stopping_time(ratio, signal=2.0, noise_variance=0.5)
    risk = theory.isotropic_gradient_flow_risk(best * np.array([0.9, 1.0, 1.1]), ratio, signal=2.0, noise_variance=0.5)
    assert risk[1] < risk[0] and risk[1] < risk[2]
    # Only the signal-to-noise ratio counts, and less noise is fitted for longer.
    assert theory.optimal_stopping_time(ratio, signal=4.0, noise_variance=1.0) == pytest.approx(best, rel=1e-4)
    assert theory.optimal_stopping_time(ratio, signal=2.0, noise_variance=0.05) > 2 * best


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"times = -1.0 must be in \[0, inf\)"):
        theory.gradient_flow_filter(-1.0, [1.0])
    with pytest.raises(ConfigError, match=r"signal_powers \(2,\) one of its length"):
        theory.gradient_flow_risk(1.0, np.ones(3), np.ones(2), num_examples=5)
    with pytest.raises(ConfigError, match=r"ratio = 0 must be in \(0, inf\)"):
        theory.isotropic_gradient_flow_risk(1.0, 0)
    with pytest.raises(ConfigError, match=r"noise_variance = 0 must be in \(0, inf\)"):
        theory.optimal_stopping_time(1.0, noise_variance=0)
    with pytest.raises(ConfigError, match=r"times = 0 must be in \(0, inf\)"):
        theory.early_stopping_ridge(0)
    with pytest.raises(ConfigError, match=r"x \(3,\) must be \[n, p\]"):
        theory.design_modes(np.ones(3))
    with pytest.raises(ConfigError, match=r"y \(3,\) must be \[n\], the 2 rows of x"):
        theory.gradient_flow_path(1.0, np.ones((2, 4)), np.ones(3))


def test_the_path_of_a_design_solves_its_equation_and_ends_at_the_minimum_norm():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 20)), rng.normal(size=12)
    values, vectors = theory.design_modes(x)
    assert np.sum(values == 0.0) == 8 and np.all(values >= 0.0)
    np.testing.assert_allclose((vectors * values) @ vectors.T, x.T @ x / 12, atol=1e-12)
    before, at, after = theory.gradient_flow_path(0.7 + 1e-5 * np.arange(-1, 2), x, y)
    np.testing.assert_allclose((after - before) / 2e-5, x.T @ (y - x @ at) / 12, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(theory.gradient_flow_path(1e4, x, y), np.linalg.pinv(x) @ y, atol=1e-9)
