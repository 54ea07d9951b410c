"""Evidences of corrupted labels are those of each alone; their mean is that over draws; bad shapes are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import (
    expected_log_evidence,
    gaussian_process,
    gp_corrupted_labels,
    gp_expected_log_evidence,
    gp_label_regression,
    gp_leave_one_out,
    rbf,
    white,
)

COVARIANCE = rbf() + white(0.1)
RANDOM = np.random.default_rng(0)
X, TOLD = RANDOM.normal(size=(8, 2)), RANDOM.integers(0, 3, size=(4, 8))
PROBABILITIES = RANDOM.dirichlet(np.ones(3), size=8)


@pytest.fixture(scope="module")
def found():
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), COVARIANCE.init())
        each = [gp_label_regression(COVARIANCE, params, X, labels, 3) for labels in TOLD]
        left_out = gp_leave_one_out(each[0], jnp.where(TOLD[0][:, None] == jnp.arange(3), 1.0, -1.0))
        together = gp_corrupted_labels(COVARIANCE, params, X, TOLD, PROBABILITIES)
        return params, *jax.tree.map(np.asarray, (together, each, left_out))


def test_each_evidence_and_the_first_posterior_are_those_of_the_labels_alone(found):
    _, together, each, left_out = found
    np.testing.assert_allclose(together.log_evidence, [one.log_evidence for one in each], rtol=1e-12)
    np.testing.assert_allclose(together.posterior.weights, each[0].weights, rtol=1e-10)
    np.testing.assert_allclose(together.left_out, left_out.mean, rtol=1e-10)


def test_the_expectation_is_the_mean_over_draws(found):
    params, together, _, _ = found
    draws = (RANDOM.random((20_000, 8, 1)) > PROBABILITIES.cumsum(axis=1)).sum(axis=2)
    with jax.enable_x64(True):
        many = np.asarray(gp_corrupted_labels(COVARIANCE, params, X, draws, PROBABILITIES).log_evidence)
    error = many.std() / np.sqrt(len(many))
    assert abs(many.mean() - together.expected_log_evidence) < 4 * error < 0.5


def test_any_law_of_the_targets_has_the_same_mean_evidence(found):
    with jax.enable_x64(True):
        params, mean, deviation = found[0], RANDOM.normal(size=(8, 1)), RANDOM.random((8, 1))
        posterior = gaussian_process(COVARIANCE, params, X, mean)
        left_out = gp_leave_one_out(posterior, mean)
        exact = float(gp_expected_log_evidence(posterior, mean, deviation**2, left_out)[0])
        certain = gp_expected_log_evidence(posterior, mean, np.zeros((8, 1)), left_out)
        signs = mean + deviation * RANDOM.choice([-1.0, 1.0], size=(8, 20_000))
        rows = gaussian_process(COVARIANCE, params, X, signs)
        many = np.asarray(gp_expected_log_evidence(rows, signs, np.zeros_like(signs), gp_leave_one_out(rows, signs)))
    assert float(certain[0]) == pytest.approx(float(posterior.log_evidence), rel=1e-12)
    assert abs(np.mean(many) - exact) < 4 * np.std(many) / np.sqrt(20_000)


def test_the_linear_models_expectation_is_that_over_label_noise():
    from scipy.stats import multivariate_normal

    design, clean, variances = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=6), np.array([1.0, 0.5, 0.25, 0.0])
    with jax.enable_x64(True):
        exact = float(expected_log_evidence(design, clean, prior_variance=variances, noise_variance=0.04))
    law = multivariate_normal(np.zeros(6), design * variances @ design.T + 0.04 * np.eye(6))
    trace = np.trace(np.linalg.inv(law.cov))
    assert exact == pytest.approx(law.logpdf(clean) - 0.5 * 0.04 * trace, rel=1e-10)
    draws = law.logpdf(clean + 0.2 * RANDOM.normal(size=(40_000, 6)))
    assert abs(draws.mean() - exact) < 4 * draws.std() / np.sqrt(len(draws))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: gp_corrupted_labels(COVARIANCE, p, X, TOLD[0], PROBABILITIES), r"labels \(8,\) must be \[D, n\]"),
        (lambda p: gp_corrupted_labels(COVARIANCE, p, X, TOLD, PROBABILITIES[1:]), "of the same n"),
        (lambda p: expected_log_evidence(X, X, noise_variance=1.0), r"clean \(8, 2\) must be \[n\]"),
        (lambda p: expected_log_evidence(X, X[:, 0], noise_variance=0.0), "noise_variance = 0.0 must be in"),
        (lambda p: expected_log_evidence(X, X[:, 0], prior_variance=-1.0, noise_variance=1.0), "prior_variance = -1.0"),
    ],
)
def test_bad_input_is_refused(found, call, message):
    with pytest.raises(ConfigError, match=message):
        call(found[0])


def test_targets_of_another_shape_are_refused(found):
    with jax.enable_x64(True), pytest.raises(ConfigError, match=r"y \(8, 1\) and y_variance \(8, 2\) must be"):
        mean = np.ones((8, 1))
        posterior = gaussian_process(COVARIANCE, found[0], X, mean)
        gp_expected_log_evidence(posterior, mean, np.ones((8, 2)), gp_leave_one_out(posterior, mean))
