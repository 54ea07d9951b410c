"""The self-consistent equation against isotropic closed forms, the weak-feature model and redrawn regressions."""

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_an_isotropic_spectrum_gives_the_isotropic_risk(noise):
    p, n, ridge = 60, np.array([20, 50, 90, 300]), np.array([[0.0], [0.01], [1.0]])
    found = theory.eigenlearning(np.ones(p), np.full(p, 2.0 / p), n, ridge=n * ridge, noise_variance=noise)
    expected = theory.ridge_risk(p / n, ridge, signal=2.0, noise_variance=noise)
    np.testing.assert_allclose(found.risk, expected, rtol=1e-9, atol=1e-12)
    assert found.learnabilities.shape == (3, 4, p)


def test_the_equation_holds_and_repeated_modes_are_multiplicities():
    rng = np.random.default_rng(0)
    values, powers = rng.gamma(0.5, size=12) + 1e-3, rng.random(12)
    counts = np.arange(1, 13)
    n, ridge = np.array([3.0, 10.0, 77.5]), np.array([1e-9, 0.3, 5.0])
    found = theory.eigenlearning(values, powers, n, ridge=ridge, noise_variance=0.1, multiplicities=counts)
    np.testing.assert_allclose(found.learnabilities @ counts + ridge / found.kappa, n, rtol=1e-12)
    apart = theory.eigenlearning(
        np.repeat(values, counts), np.repeat(powers / counts, counts), n, ridge=ridge, noise_variance=0.1
    )
    for name in ("kappa", "risk", "train_error", "overfitting"):
        np.testing.assert_allclose(getattr(found, name), getattr(apart, name), rtol=1e-11)
    np.testing.assert_allclose(found.train_error, (ridge / n / found.kappa) ** 2 * found.test_error, rtol=1e-12)


def test_learnability_is_conserved():
    """Without ridge and with fewer examples than modes the learnabilities sum to the number of examples."""
    values = np.arange(1, 201) ** -1.5
    n = np.array([1, 5, 50, 150, 199])
    found = theory.eigenlearning(values, values, n)
    np.testing.assert_allclose(found.learnabilities.sum(axis=-1), n, rtol=1e-12)
    assert np.all(found.train_error == 0) and np.all(np.diff(found.kappa) < 0)


def test_ridgeless_is_the_limit_of_a_small_ridge_on_both_sides_of_the_peak():
    values = np.r_[np.arange(1, 31) ** -1.0, 0.0, 0.0]
    powers = np.ones(32)
    n = np.array([10, 29, 31, 100])
    limit = theory.eigenlearning(values, powers, n, noise_variance=0.2)
    small = theory.eigenlearning(values, powers, n, ridge=1e-11, noise_variance=0.2)
    for name in ("risk", "train_error", "overfitting"):
        np.testing.assert_allclose(getattr(small, name), getattr(limit, name), rtol=1e-6, atol=1e-9)
    # Enough examples: modes that the kernel has not are noise, and freedom is what is left of the examples.
    assert limit.kappa[2] == 0 and limit.test_error[3] == pytest.approx(100 / 70 * 2.2)
    assert limit.train_error[3] == pytest.approx(0.7 * 2.2)
    assert np.isinf(theory.eigenlearning(values, powers, 30).risk)
    assert theory.eigenlearning(values[:30], powers[:30], 30).risk == 0.0
    huge = theory.eigenlearning(values, powers, n, ridge=1e15, noise_variance=0.2)
    np.testing.assert_allclose(huge.risk, 32.0, rtol=1e-9)
    np.testing.assert_allclose(huge.train_error, 32.2, rtol=1e-9)


def test_weak_features_away_from_the_peak():
    n, d = 200, np.array([50, 120, 300, 600])
    for size in d:
        # Along u: variance d + 1 and coefficient sqrt(d) / (d + 1); what is left of the label is noise.
        values = np.r_[size + 1.0, np.ones(size - 1)]
        powers = np.r_[size / (size + 1.0), np.zeros(size - 1)]
        found = theory.eigenlearning(values, powers, n, noise_variance=1 / (size + 1)).test_error
        assert found == pytest.approx(theory.weak_features_risk(n, size), rel=0.02)


@pytest.mark.parametrize(("n", "ridge"), [(40, 0.5), (80, 0.02), (200, 3.0)])
def test_redrawn_linear_regression_with_a_falling_spectrum(n, ridge):
    draws, p, noise = 150, 120, 0.05
    rng = np.random.default_rng(n)
    values = np.arange(1, p + 1) ** -1.0
    coefficients = rng.normal(size=p)
    powers = values * coefficients**2
    test, train = [], []
    for _ in range(draws):
        x = rng.normal(size=(n, p)) * np.sqrt(values)
        y = x @ coefficients + np.sqrt(noise) * rng.normal(size=n)
        fitted = x.T @ np.linalg.solve(x @ x.T + ridge * np.eye(n), y)
        test.append(np.sum(values * (fitted - coefficients) ** 2) + noise)
        train.append(np.mean((y - x @ fitted) ** 2))
    found = theory.eigenlearning(values, powers, n, ridge=ridge, noise_variance=noise)
    for sampled, expected in ((test, found.test_error), (train, found.train_error)):
        error = np.std(sampled) / np.sqrt(draws)
        assert error < 0.03 * expected
        assert abs(np.mean(sampled) - expected) < 3 * error + 0.02 * expected


def test_redrawn_kernel_regression_on_the_sphere():
    """The tangent kernel of a ReLU network, whose spectrum comes from its own closed form."""
    d, n, ridge, noise, draws = 8, 120, 0.05, 0.1, 80

    def kernel(u):
        return theory.relu_kernels(u).ntk

    degrees = np.arange(40)
    values = theory.sphere_eigenvalues(kernel, d, degrees)
    seen = values > 1e-12
    values, counts = values[seen], theory.sphere_multiplicities(d, degrees[seen])
    powers = np.where(degrees[seen] == 1, 1.0, 0.0) + np.where(degrees[seen] == 2, 0.5, 0.0)
    # Degrees beyond these are learned so little that they act as a ridge of their trace.
    rest = kernel(1.0) - values @ counts
    rng = np.random.default_rng(0)
    risks = []
    for _ in range(draws):
        x = rng.normal(size=(n + 500, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        # A linear function of variance 1 and x_1 x_2 scaled to variance 1 / 2.
        f = np.sqrt(d) * x[:, 0] + np.sqrt(d * (d + 2) / 2) * x[:, 0] * x[:, 1]
        gram = kernel(x @ x[:n].T)
        y = f[:n] + np.sqrt(noise) * rng.normal(size=n)
        risks.append(np.mean((f[n:] - gram[n:] @ np.linalg.solve(gram[:n] + ridge * np.eye(n), y)) ** 2))
    given = {"noise_variance": noise, "multiplicities": counts}
    found = theory.eigenlearning(values, powers, n, ridge=ridge + rest, **given).risk
    error = np.std(risks) / np.sqrt(draws)
    assert abs(np.mean(risks) - found) < 3 * error + 0.02 * found and error < 0.05 * found


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"eigenvalues \(3,\), target_powers \(2,\) .* vectors of one length"):
        theory.eigenlearning(np.ones(3), np.ones(2), 5)
    with pytest.raises(ConfigError, match="eigenvalues are all 0; at least one must be positive"):
        theory.eigenlearning(np.zeros(3), np.ones(3), 5)
    with pytest.raises(ConfigError, match=r"num_examples = 0 must be in \(0, inf\)"):
        theory.eigenlearning(np.ones(3), np.ones(3), 0)
    with pytest.raises(ConfigError, match=r"ridge = -1.0 must be in \[0, inf\)"):
        theory.eigenlearning(np.ones(3), np.ones(3), 5, ridge=-1.0)
    with pytest.raises(ConfigError, match="target_powers = "):
        theory.eigenlearning(np.ones(3), -np.ones(3), 5)
