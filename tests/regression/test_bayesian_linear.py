"""Bayesian linear regression: against textbook formulas, its own sequence, and the equivalent Gaussian process."""

import jax
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from gendyn.core import ConfigError
from gendyn.regression import bayesian_linear, bayesian_predictive, order_penalty, ridge, sequential_log_densities


def problem(n, p):
    generator = np.random.default_rng(n)
    return generator.standard_normal((n, p)), generator.standard_normal(n), generator.uniform(0.2, 3, p)


@pytest.mark.parametrize(("n", "p"), [(12, 5), (5, 12)])
def test_posterior_evidence_and_predictions_are_the_textbooks(n, p):
    with jax.enable_x64(True):
        x, y, prior = problem(n, p)
        noise = 0.3
        found = bayesian_linear(x, y, prior_variance=prior, noise_variance=noise)
        covariance = np.linalg.inv(np.diag(1 / prior) + x.T @ x / noise)
        np.testing.assert_allclose(found.covariance, covariance, atol=1e-10)
        np.testing.assert_allclose(found.mean, covariance @ x.T @ y / noise, atol=1e-10)
        np.testing.assert_allclose(found.mean, ridge(x, y, noise, weights=1 / prior).coefficients, atol=1e-10)
        data = x @ np.diag(prior) @ x.T + noise * np.eye(n)
        assert found.log_evidence == pytest.approx(multivariate_normal(cov=data).logpdf(y), abs=1e-8)
        values = np.linalg.eigvalsh(data)
        assert found.condition_number == pytest.approx(values[-1] / (noise if p < n else values[0]), rel=1e-9)

        # The Gaussian process of the same kernel, at new points.
        new = np.random.default_rng(9).standard_normal((4, p))
        cross = new @ np.diag(prior) @ x.T
        predictive = bayesian_predictive(found, new)
        np.testing.assert_allclose(predictive.mean, cross @ np.linalg.solve(data, y), atol=1e-10)
        own = np.sum(new**2 * prior, axis=1) - np.sum(cross * np.linalg.solve(data, cross.T).T, axis=1) + noise
        np.testing.assert_allclose(predictive.variance, own, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_evidence_is_the_sum_of_sequential_predictive_densities(seed):
    with jax.enable_x64(True):
        x, y, prior = problem(20, 8)
        order = np.random.default_rng(seed).permutation(20)
        found = sequential_log_densities(x[order], y[order], prior_variance=prior, noise_variance=0.1)
        whole = bayesian_linear(x, y, prior_variance=prior, noise_variance=0.1).log_evidence
        assert found.sum() == pytest.approx(float(whole), abs=1e-8)
        # Each by itself: the predictive of the posterior of those before.
        before = bayesian_linear(x[order][:7], y[order][:7], prior_variance=prior, noise_variance=0.1)
        mean, variance = (float(v[0]) for v in bayesian_predictive(before, x[order][7:8]))
        assert found[7] == pytest.approx(multivariate_normal(mean, variance).logpdf(y[order][7]), abs=1e-9)


def test_isotropic_and_singular_designs_and_fixed_coefficients():
    with jax.enable_x64(True):
        x, y, _ = problem(12, 5)
        x[:, 4] = x[:, 3]
        same = bayesian_linear(x, y, prior_variance=2.0, noise_variance=0.3)
        each = bayesian_linear(x, y, prior_variance=np.full(5, 2.0), noise_variance=0.3)
        assert same.log_evidence == each.log_evidence
        assert same.mean[3] == pytest.approx(float(same.mean[4]), abs=1e-12)
        fixed = bayesian_linear(x, y, prior_variance=np.array([2.0, 2, 2, 2, 0]), noise_variance=0.3)
        shorter = bayesian_linear(x[:, :4], y, prior_variance=2.0, noise_variance=0.3)
        assert fixed.log_evidence == pytest.approx(float(shorter.log_evidence), abs=1e-10)
        assert (fixed.mean[4], fixed.covariance[4, 4]) == (0, 0)


def test_noise_and_orders_may_be_mapped_over():
    x, y, _ = problem(10, 6)
    prior = 1 / order_penalty(5)

    def evidence(noise):
        return bayesian_linear(x, y, prior_variance=prior, noise_variance=noise).log_evidence

    noises = np.array([0.1, 1.0, 10.0], np.float32)
    together = jax.jit(jax.vmap(evidence))(noises)
    np.testing.assert_allclose(together, [evidence(noise) for noise in noises], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise_variance": 0.0}, r"noise_variance = 0.0 must be in \(0, inf\)"),
        ({"prior_variance": -1.0}, "prior_variance = -1.0 must be in"),
        ({"prior_variance": np.ones(3)}, r"prior_variance \(3,\) must be a scalar or \[2\]"),
        ({"y": np.ones((4, 2))}, r"y \(4, 2\) must be \[n\]: one output"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, "at least one example"),
    ],
)
@pytest.mark.parametrize("function", [bayesian_linear, sequential_log_densities])
def test_bad_input_is_one_clear_error(function, changes, message):
    arguments = {"x": np.ones((4, 2)), "y": np.ones(4), "noise_variance": 1.0} | changes
    with pytest.raises(ConfigError, match=message):
        function(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_other_columns_are_refused():
    found = bayesian_linear(np.ones((4, 2)), np.ones(4), noise_variance=1.0)
    with pytest.raises(ConfigError, match=r"x \(1, 3\) must be \[m, 2\]"):
        bayesian_predictive(found, np.ones((1, 3)))
