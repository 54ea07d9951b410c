"""Classification: scikit-learn, differences, one-vs-rest, regression on signs; and hyperparameters by the evidence."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor, kernels

from gendyn.core import ConfigError
from gendyn.regression import (
    Covariance,
    gaussian_process,
    gp_label_regression,
    gp_laplace,
    gp_laplace_predict,
    gp_optimise,
    gp_predict,
    rbf,
    white,
)

RNG = np.random.default_rng(2)
X, X_NEW = RNG.standard_normal((30, 2)), RNG.standard_normal((9, 2))
LABELS = (X[:, 0] * X[:, 1] + 0.3 * RNG.standard_normal(30) > 0).astype(int)
CLASSES = LABELS + (X[:, 0] > 0.5)
COVARIANCE = rbf(0.7).scaled(3.0)
THEIRS = 3.0 * kernels.RBF(0.7)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def evidence(params, x, labels):
    found = gp_laplace(COVARIANCE, params, x, labels)
    return found.log_evidence, (found, gp_laplace_predict(COVARIANCE, params, found, X_NEW))


EVIDENCE = jax.jit(jax.value_and_grad(evidence, has_aux=True))


def test_laplace_equals_scikit_learn():
    (value, (posterior, predicted)), gradient = EVIDENCE(COVARIANCE.init(), X, LABELS)
    theirs = GaussianProcessClassifier(THEIRS, optimizer=None, max_iter_predict=200).fit(X, LABELS)
    their_value, their_gradient = theirs.log_marginal_likelihood(THEIRS.theta, eval_gradient=True)
    assert float(value) == pytest.approx(their_value, abs=1e-6)
    found = [gradient["log_variance"], gradient["rbf"]["log_lengthscale"]]
    np.testing.assert_allclose(found, their_gradient, rtol=1e-5)
    assert posterior.converged and posterior.positive_definite and 2 < posterior.num_steps < 15
    # Theirs averages the sigmoid by five error functions, good to 1e-3; the latent numbers are compared below.
    np.testing.assert_allclose(predicted.probability, theirs.predict_proba(X_NEW)[:, 1], atol=1e-3)
    matrix, cross = THEIRS(X), THEIRS(X, X_NEW)
    np.testing.assert_allclose(matrix @ posterior.slopes, posterior.mode, atol=1e-6)
    probability = 1 / (1 + np.exp(-np.asarray(posterior.mode)))
    expected = np.diag(
        THEIRS(X_NEW) - cross.T @ np.linalg.solve(matrix + np.diag(1 / (probability * (1 - probability))), cross)
    )
    np.testing.assert_allclose(predicted.variance, expected, atol=1e-8)


def test_the_probability_is_the_mean_of_the_sigmoid():
    _, (_, predicted) = EVIDENCE(COVARIANCE.init(), X, LABELS)[0]
    draws = np.random.default_rng(0).standard_normal(200_000)[:, None]
    values = 1 / (1 + np.exp(-(np.asarray(predicted.mean) + np.sqrt(predicted.variance) * draws)))
    error = np.std(values, axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(values.mean(axis=0) - predicted.probability) < 4 * error)


def test_swapping_labels_swaps_probabilities():
    (value, (_, one)), _ = EVIDENCE(COVARIANCE.init(), X, LABELS)
    (swapped, (_, other)), _ = EVIDENCE(COVARIANCE.init(), X, 1 - LABELS)
    assert float(value) == pytest.approx(float(swapped), rel=1e-12)
    np.testing.assert_allclose(one.probability + other.probability, 1.0, atol=1e-12)
    assert np.ptp(one.probability) > 0.2


def test_one_vs_rest_is_each_binary_problem():
    params = COVARIANCE.init()
    together = gp_laplace(COVARIANCE, params, X, CLASSES, 3)
    assert together.mode.shape == (3, 30) and bool(jnp.all(together.converged))
    raw = []
    for index in range(3):
        (value, (alone, predicted)), _ = EVIDENCE(params, X, (index == CLASSES).astype(int))
        assert float(together.log_evidence[index]) == pytest.approx(float(value), abs=1e-9)
        np.testing.assert_allclose(together.mode[index], alone.mode, atol=1e-6)
        raw.append(predicted.probability)
    found = gp_laplace_predict(COVARIANCE, params, together, X_NEW).probability
    np.testing.assert_allclose(found, np.stack(raw, axis=1) / np.sum(raw, axis=0)[:, None], atol=1e-7)


def test_a_far_start_converges_and_too_few_steps_are_told():
    wild = jax.tree.map(lambda leaf: leaf + jnp.log(1e4), COVARIANCE.init()) | {
        "rbf": {"log_lengthscale": jnp.zeros(())}
    }
    (value, (posterior, _)), _ = EVIDENCE(wild, X, LABELS)
    assert posterior.converged and np.isfinite(value)
    assert not gp_laplace(COVARIANCE, wild, X, LABELS, max_steps=2).converged


def test_regression_on_signs():
    params = COVARIANCE.init()
    found = gp_label_regression(COVARIANCE, params, X, CLASSES, 3, noise_variance=0.1)
    targets = np.where(CLASSES[:, None] == np.arange(3), 1.0, -1.0)
    theirs = GaussianProcessRegressor(THEIRS, alpha=0.1, optimizer=None).fit(X, targets)
    np.testing.assert_allclose(gp_predict(COVARIANCE, params, found, X_NEW).mean, theirs.predict(X_NEW), atol=1e-8)
    assert float(found.log_evidence) == pytest.approx(theirs.log_marginal_likelihood(THEIRS.theta), abs=1e-7)
    binary = gp_label_regression(COVARIANCE, params, X, LABELS, 1, noise_variance=0.1)
    assert np.mean((gp_predict(COVARIANCE, params, binary, X).mean[:, 0] > 0) == LABELS) > 0.85


def test_bad_labels_and_kernels_are_refused():
    params = COVARIANCE.init()
    with pytest.raises(ConfigError, match=r"labels lie in 0 .. 2; with num_classes = 2 they must be in 0 .. 1"):
        gp_laplace(COVARIANCE, params, X, CLASSES)
    with pytest.raises(ConfigError, match=r"labels are float64 .* must be integers"):
        gp_label_regression(COVARIANCE, params, X, LABELS.astype(float), 2)
    with pytest.raises(ConfigError, match="at least one point"):
        gp_laplace(COVARIANCE, params, np.zeros((0, 2)), np.zeros(0, int))
    indefinite = Covariance("no", {}, lambda p, x, x2: x @ x.T - 50 * jnp.eye(len(x)), lambda p, x: x[:, 0])
    with pytest.raises(ConfigError, match="not positive semidefinite"):
        gp_laplace(indefinite, {}, X, LABELS)
    assert not jax.jit(lambda x: gp_laplace(indefinite, {}, x, LABELS).positive_definite)(X)


def test_the_optimum_is_scikit_learns():
    targets = np.sin(2 * X[:, 0]) + 0.2 * RNG.standard_normal(30)
    covariance = rbf().scaled() + white(0.5)
    found = gp_optimise(
        lambda params: gaussian_process(covariance, params, X, targets).log_evidence,
        covariance.init(),
        key=jax.random.key(0),
        num_restarts=3,
        num_steps=400,
    )
    theirs = GaussianProcessRegressor(1.0 * kernels.RBF() + kernels.WhiteKernel(0.5), alpha=0.0).fit(X, targets)
    assert float(found.log_evidence) == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-3)
    assert found.converged and found.trace.shape == (3, 401)
    first = gaussian_process(covariance, covariance.init(), X, targets).log_evidence
    assert float(found.trace[0, 0]) == pytest.approx(float(first), rel=1e-9)
    assert found.log_evidence == np.nanmax(found.trace)
    assert np.std(found.trace[:, 0]) > 0.1  # the starts differ


def test_a_broken_start_stops_alone_and_a_short_climb_has_not_converged():
    def fragile(params):
        return jnp.where(params["a"] < 1.0, -((params["a"] - 0.5) ** 2), jnp.nan)

    arguments = {"key": jax.random.key(1), "num_restarts": 8, "spread": 2.0}
    found = jax.jit(lambda start: gp_optimise(fragile, {"a": start}, num_steps=300, **arguments))(0.0)
    broken = np.isnan(found.trace[:, -1])
    assert 0 < broken.sum() < 8
    assert not np.any(np.asarray(found.all_converged)[broken])
    assert float(found.params["a"]) == pytest.approx(0.5, abs=1e-3) and found.converged
    short = gp_optimise(fragile, {"a": 0.0}, num_steps=2, optimiser=optax.sgd(1e-3), **arguments)
    assert not short.converged


def test_bad_arguments_of_the_optimiser_are_refused():
    key = jax.random.key(0)
    with pytest.raises(ConfigError, match="num_restarts = 0 must be"):
        gp_optimise(lambda p: p["a"], {"a": 0.0}, key=key, num_restarts=0)
    with pytest.raises(ConfigError, match="at least one floating array"):
        gp_optimise(lambda p: 0.0, {}, key=key)
    with pytest.raises(ConfigError, match=r"spread = -1.0 must be in"):
        gp_optimise(lambda p: p["a"], {"a": 0.0}, key=key, spread=-1.0)
