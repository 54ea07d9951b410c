"""Closed forms of least squares against redraws of the whole regression, limits, and each other."""

import numpy as np
import pytest
from scipy.stats import chi2

from gendyn import theory
from gendyn.core import ConfigError

DRAWS = 2000


def within(sampled, expected, *, relative, errors=3.0):
    """Mean of the samples is the expected value up to standard errors or a share, whichever is larger."""
    error = np.std(sampled) / np.sqrt(len(sampled))
    allowed = max(errors * error, relative * expected)
    assert abs(np.mean(sampled) - expected) < allowed, (np.mean(sampled), error, expected)
    return error


@pytest.mark.parametrize("num_features", [4, 8, 20, 32, 48, 60, 100, 120])
def test_finite_sample_risk_and_norm_are_means_over_redraws(num_features):
    n, dimension, noise = 40, 120, 0.3
    rng = np.random.default_rng(num_features)
    coefficients = rng.normal(size=dimension)
    signal, used = np.sum(coefficients**2), np.sum(coefficients[:num_features] ** 2)
    x = rng.normal(size=(DRAWS, n, num_features))
    # The features left out enter as noise of their own variance, independent of those in use.
    noise_in_all = np.sqrt(signal - used + noise) * rng.normal(size=(DRAWS, n))
    y = x @ coefficients[:num_features] + noise_in_all
    if num_features <= n:
        gram = x.swapaxes(1, 2) @ x
        fitted = np.linalg.solve(gram, x.swapaxes(1, 2) @ y[..., None])[..., 0]
    else:
        fitted = (x.swapaxes(1, 2) @ np.linalg.solve(x @ x.swapaxes(1, 2), y[..., None]))[..., 0]
    risks = np.sum((fitted - coefficients[:num_features]) ** 2, axis=1) + signal - used
    given = {"dimension": dimension, "signal": signal, "noise_variance": noise, "signal_in_use": used}
    within(risks, theory.min_norm_risk(n, num_features, **given), relative=0.02)
    norms = np.sum(fitted**2, axis=1)
    within(norms, theory.min_norm_squared_norm(n, num_features, **given), relative=0.02)


def test_a_random_choice_of_features_has_its_share_of_the_signal():
    p = np.arange(0, 121, 12)
    given = {"dimension": 120, "signal": 2.0, "noise_variance": 0.1}
    explicit = theory.min_norm_risk(40, p, **given, signal_in_use=2.0 * p / 120)
    np.testing.assert_allclose(theory.min_norm_risk(40, p, **given), explicit)
    assert explicit[0] == 2.0


def test_the_peak_is_infinite_unless_there_is_nothing_to_overfit():
    p = np.array([37, 38, 39, 40, 41, 42, 43])
    noisy = theory.min_norm_risk(40, p, dimension=80, noise_variance=0.1)
    assert np.isinf(noisy).tolist() == [False, False, True, True, True, False, False]
    assert noisy[1] > noisy[0] and noisy[5] > noisy[6]
    assert theory.min_norm_risk(40, 41, dimension=41) == pytest.approx(1 / 41)
    assert theory.min_norm_risk(40, 39, dimension=39) == 0.0
    assert np.isinf(theory.min_norm_squared_norm(40, 40, dimension=80))


def test_finite_samples_tend_to_the_isotropic_limit():
    ratio = np.array([0.2, 0.7, 1.4, 5.0])
    limit = theory.isotropic_min_norm_risk(ratio, signal=2.0, noise_variance=0.5)
    errors = []
    for n in (100, 1000, 10_000):
        found = theory.min_norm_risk(
            n, np.round(n * ratio), dimension=n * 5, signal=2.0, signal_in_use=2.0, noise_variance=0.5
        )
        errors.append(np.max(np.abs(found / limit - 1)))
    assert errors[0] < 0.05 and errors[1] < errors[0] / 9 and errors[2] < errors[1] / 9


def test_local_minimum_past_the_peak():
    for snr in (2.0, 5.0, 25.0):
        at = theory.min_norm_local_minimum(snr)
        risk = theory.isotropic_min_norm_risk(at * np.array([0.99, 1.0, 1.01]), signal=snr, noise_variance=1.0)
        assert risk[1] < risk[0] and risk[1] < risk[2]
        assert risk[1] == pytest.approx(2 * np.sqrt(snr) - 1)
    assert theory.min_norm_local_minimum(1.0) == np.inf
    falling = theory.isotropic_min_norm_risk(np.geomspace(1.1, 1e4, 50), signal=0.9, noise_variance=1.0)
    assert np.all(np.diff(falling) < 0)


@pytest.mark.parametrize(("ratio", "ridge"), [(0.5, 0.05), (1.0, 0.3), (1.0, 0.02), (2.0, 0.05), (3.0, 1.0)])
def test_ridge_risk_is_the_mean_over_redraws(ratio, ridge):
    n, noise, draws = 200, 0.4, 100
    p = int(n * ratio)
    rng = np.random.default_rng(int(1000 * (ratio + ridge)))
    risks = []
    for _ in range(draws):
        x = rng.normal(size=(n, p))
        values = np.maximum(np.linalg.eigvalsh(x @ x.T / n), 0.0)
        # The mean over the noise and the direction of b, for this design: traces of its eigenvalues.
        missing = max(0, p - n)
        values = values[-min(n, p) :]
        bias = (np.sum((ridge / (values + ridge)) ** 2) + missing) / p
        risks.append(bias + noise / n * np.sum(values / (values + ridge) ** 2))
    error = np.std(risks) / np.sqrt(draws)
    expected = theory.ridge_risk(ratio, ridge, noise_variance=noise)
    assert abs(np.mean(risks) - expected) < 3 * error + 0.01 * expected
    assert error < 0.01 * expected


def test_limits_of_ridge():
    ratio = np.array([0.3, 0.9, 1.3, 4.0])
    given = {"signal": 2.0, "noise_variance": 0.5}
    ridgeless = theory.isotropic_min_norm_risk(ratio, **given)
    np.testing.assert_array_equal(theory.ridge_risk(ratio, 0.0, **given), ridgeless)
    np.testing.assert_allclose(theory.ridge_risk(ratio, 1e-12, **given), ridgeless, rtol=1e-8)
    np.testing.assert_allclose(theory.ridge_risk(ratio, 1e13, **given), 2.0, rtol=1e-12)
    large = np.array([1e6, 1e8, 1e10])
    # To first order the prediction is X^T y / (n ridge).
    np.testing.assert_allclose((2.0 - theory.ridge_risk(1.0, large, **given)) * large, 4.0, rtol=1e-4)


def test_ridge_risk_by_the_stieltjes_transform_and_its_derivative():
    ratio, ridge, step = 1.7, 0.2, 1e-5
    transform = theory.marchenko_pastur_stieltjes(np.array([-ridge - step, -ridge, -ridge + step]), ratio).real
    slope = (transform[2] - transform[0]) / (2 * step)
    expected = 2.0 * ridge**2 * slope + 0.5 * ratio * (transform[1] - ridge * slope)
    assert theory.ridge_risk(ratio, ridge, signal=2.0, noise_variance=0.5) == pytest.approx(expected, rel=1e-8)


def test_ridge_on_some_of_the_features_is_the_mean_over_redraws_and_has_a_best_penalty():
    n, dimension, noise = 200, 400, 0.3
    rng = np.random.default_rng(0)
    b = np.full(dimension, np.sqrt(2.0 / dimension))
    for p, penalty in ((100, 150.0), (300, 60.0)):
        risks = []
        for _ in range(60):
            x = rng.normal(size=(n, dimension))
            y = x @ b + np.sqrt(noise) * rng.normal(size=n)
            w = np.zeros(dimension)
            w[:p] = x[:, :p].T @ np.linalg.solve(x[:, :p] @ x[:, :p].T + penalty * np.eye(n), y)
            risks.append(np.sum((w - b) ** 2))
        given = {"dimension": dimension, "signal": 2.0, "noise_variance": noise}
        within(risks, theory.misspecified_ridge_risk(n, p, penalty, **given), relative=0.01)
        best = dimension * (noise / 2.0 + 1.0) - p
        at = theory.misspecified_ridge_risk(n, p, best * np.array([0.9, 1.0, 1.1]), **given)
        assert at[1] < at[0] and at[1] < at[2]
    everything = theory.misspecified_ridge_risk(n, dimension, 50.0, dimension=dimension, noise_variance=noise)
    assert everything == pytest.approx(theory.ridge_risk(dimension / n, 50.0 / n, noise_variance=noise))


def test_optimal_ridge_is_the_best_and_has_no_peak():
    ratio = np.geomspace(0.1, 10, 41)
    given = {"signal": 1.5, "noise_variance": 0.3}
    best = theory.optimal_ridge(ratio, **given)
    risk = theory.optimal_ridge_risk(ratio, **given)
    np.testing.assert_allclose(theory.ridge_risk(ratio, best, **given), risk, rtol=1e-12)
    for factor in (0.9, 1.1):
        assert np.all(theory.ridge_risk(ratio, factor * best, **given) > risk)
    assert np.all(np.diff(risk) > 0)
    # The reported setting: d = 500, noise 0.5, |b| = 1 has the penalty 125 at every number of examples.
    for n in (100, 500, 2000):
        assert n * theory.optimal_ridge(500 / n, noise_variance=0.25) == pytest.approx(125.0)
    np.testing.assert_allclose(theory.optimal_ridge_risk(ratio), np.maximum(0, 1 - 1 / ratio))


def weak_draws(n, d, draws, rng):
    y = rng.normal(size=(draws, n))
    x = y[..., None] + rng.normal(size=(draws, n, d))
    if d < n:
        fitted = np.linalg.solve(x.swapaxes(1, 2) @ x, x.swapaxes(1, 2) @ y[..., None])[..., 0]
        train = np.mean((y - np.einsum("bnd,bd->bn", x, fitted)) ** 2, axis=1)
    else:
        fitted = np.einsum("bnd,bn->bd", x, np.linalg.solve(x @ x.swapaxes(1, 2), y[..., None])[..., 0])
        train = np.zeros(draws)
    return (1 - fitted.sum(axis=1)) ** 2 + np.sum(fitted**2, axis=1), train


@pytest.mark.parametrize("d", [2, 15, 22, 38, 45, 60, 90])
def test_weak_features_are_means_over_redraws(d):
    n = 30
    risks, train = weak_draws(n, d, 3000, np.random.default_rng(d))
    error = within(risks, theory.weak_features_risk(n, d), relative=0.0, errors=4.0)
    assert error < 0.015 * np.mean(risks)
    if d < n:
        within(train, theory.weak_features_train_error(n, d), relative=0.0, errors=4.0)
    assert theory.weak_features_risk(n, d) == pytest.approx(np.mean(risks), rel=0.02)


def test_weak_features_exact_form_against_its_mean_field():
    def mean_field(n, d):
        k = 1 / (d - n - 2)
        u = np.sqrt(d) * n * k / (1 + (d + 1) * n * k)
        return (1 + n * k) * ((1 - np.sqrt(d) * u) ** 2 + u**2)

    n = np.array([100, 1000, 10_000])
    error = np.abs(mean_field(n, 1.5 * n) / theory.weak_features_risk(n, 1.5 * n) - 1)
    assert error[0] < 0.03 and error[1] < error[0] / 8 and error[2] < error[1] / 8
    assert mean_field(20, 24) > 1.3 * theory.weak_features_risk(20, 24)


def test_weak_features_limits():
    assert theory.weak_features_risk(10**7, 9) == pytest.approx(0.1, rel=1e-5)
    # With ever more features the noise is all in the examples' own directions: a ridge of 1 beside chi^2(n) = |y|^2.
    expected = chi2(50).expect(lambda length: (1 + length) ** -2)
    assert theory.weak_features_risk(50, 10**8) == pytest.approx(expected, rel=1e-4)
    around = theory.weak_features_risk(40, np.arange(37, 45))
    assert np.isinf(around).tolist() == [False, False, True, True, True, False, False, False]
    assert theory.weak_features_risk(np.array([[20], [40]]), np.array([5, 60])).shape == (2, 2)


def test_weak_features_dimension_is_that_of_simulated_designs():
    random = np.random.default_rng(0)
    n, sizes = 100, np.array([20, 95, 100, 105, 160])
    found = np.zeros((60, len(sizes)))
    for row in found:
        y = random.normal(size=n)
        x = y[:, None] + random.normal(size=(n, max(sizes)))
        values = [np.linalg.svd(x[:, :d], compute_uv=False) ** 2 for d in sizes]
        row[:] = [np.sum(v / (v + 0.5)) for v in values]
    dimension, complement = theory.weak_features_dimension(n, sizes, 0.5)
    np.testing.assert_allclose(dimension + complement, np.minimum(n, sizes), rtol=1e-12)
    np.testing.assert_allclose(found.mean(axis=0), dimension, rtol=0.005)
    # Whitened designs lack the large eigenvalue: of one unit, what is missed is next to nothing.
    assert theory.iid_effective_dimension(n, 160, 0.5 / n) == pytest.approx(dimension[-1], rel=0.01)


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"num_features = 81.0 must be at most dimension = 80.0"):
        theory.min_norm_risk(40, 81, dimension=80)
    with pytest.raises(ConfigError, match=r"num_features = 81.0 must be at most dimension = 80"):
        theory.misspecified_ridge_risk(40, 81, 1.0, dimension=80)
    with pytest.raises(ConfigError, match=r"penalty = .* must be in"):
        theory.misspecified_ridge_risk(40, 20, -1.0, dimension=80)
    with pytest.raises(ConfigError, match=r"num_examples = 0 must be in \[1, inf\)"):
        theory.min_norm_risk(0, 10, dimension=80)
    with pytest.raises(ConfigError, match=r"num_features = 10.5 must be whole"):
        theory.min_norm_risk(40, 10.5, dimension=80)
    with pytest.raises(ConfigError, match=r"signal_in_use = 2.0 must be at most signal = 1.0"):
        theory.min_norm_risk(40, 10, dimension=80, signal_in_use=2.0)
    with pytest.raises(ConfigError, match=r"ridge = -0.1 must be in \[0, inf\)"):
        theory.ridge_risk(1.0, -0.1)
    with pytest.raises(ConfigError, match=r"ratio = 0.0 must be in \(0, inf\)"):
        theory.isotropic_min_norm_risk(0.0)
    with pytest.raises(ConfigError, match=r"signal = 0.0 must be in \(0, inf\)"):
        theory.optimal_ridge(1.0, signal=0.0, noise_variance=1.0)
    with pytest.raises(ConfigError, match=r"noise_variance = -1.0 must be"):
        theory.isotropic_min_norm_risk(1.0, noise_variance=-1.0)
    with pytest.raises(ConfigError, match=r"signal_to_noise = 0 must be"):
        theory.min_norm_local_minimum(0)
    with pytest.raises(ConfigError, match=r"num_features = 2.5 must be whole"):
        theory.weak_features_risk(40, 2.5)
    with pytest.raises(ConfigError, match=r"num_examples = 1 must be in \[2, inf\)"):
        theory.weak_features_train_error(1, 3)
    with pytest.raises(ConfigError, match=r"num_features = .* must be in \[2, inf\)"):
        theory.weak_features_dimension(40, np.array([1, 2]), 0.1)
    with pytest.raises(ConfigError, match=r"penalty = 0.0 must be in"):
        theory.weak_features_dimension(40, np.array([2, 3]), 0.0)
