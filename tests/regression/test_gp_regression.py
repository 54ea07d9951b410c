"""Exact regression: scikit-learn, Bayesian linear regression, refitting, and what happens to bad matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec
from sklearn.gaussian_process import GaussianProcessRegressor, kernels

from gendyn.core import ConfigError, cholesky
from gendyn.regression import (
    Covariance,
    gaussian_process,
    gp_conjugate_gradient,
    gp_conjugate_mean,
    gp_leave_one_out,
    gp_predict,
    linear,
    matern32,
    rbf,
    white,
)
from gendyn.regression._gp_factor import BLOCK, factorise, gram_of_lower, inverse_lower, solve_lower

RNG = np.random.default_rng(1)
N = BLOCK + 22  # two blocks of unequal size
X, X_NEW = RNG.standard_normal((N, 2)), RNG.standard_normal((9, 2))
Y = np.sin(2 * X[:, 0]) + 0.3 * RNG.standard_normal(N)
COVARIANCE = rbf([0.7, 1.2]).scaled(1.5) + matern32(0.9) + white(0.1)
THEIRS = 1.5 * kernels.RBF([0.7, 1.2]) + kernels.Matern(0.9, nu=1.5) + kernels.WhiteKernel(0.1)
NO_COVARIANCE = Covariance("difference", {}, lambda p, x, x2: x @ x.T - 2 * jnp.eye(len(x)), lambda p, x: x[:, 0])


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def evidence(params, x, y):
    found = gaussian_process(COVARIANCE, params, x, y)
    return found.log_evidence, found


X_FEW, Y_FEW = X[:20], Y[:20]
EVIDENCE = jax.jit(jax.value_and_grad(evidence, has_aux=True))


def test_equals_scikit_learn():
    params = COVARIANCE.init()
    (value, posterior), gradient = EVIDENCE(params, X, Y)
    theirs = GaussianProcessRegressor(THEIRS, alpha=0.0, optimizer=None).fit(X, Y)
    their_value, their_gradient = theirs.log_marginal_likelihood(THEIRS.theta, eval_gradient=True)
    assert value == pytest.approx(their_value, abs=1e-8)
    first = gradient["sum"]["scaled"]
    flat = [first["log_variance"], *first["rbf"]["log_lengthscale"]]
    flat += [gradient["sum"]["matern32"]["log_lengthscale"], gradient["white"]["log_variance"]]
    np.testing.assert_allclose(flat, their_gradient, rtol=1e-7, atol=1e-7)
    mean, covariance = theirs.predict(X_NEW, return_cov=True)
    found = gp_predict(COVARIANCE, params, posterior, X_NEW, full=True)
    np.testing.assert_allclose(found.mean, mean, atol=1e-8)
    np.testing.assert_allclose(found.variance, covariance, atol=1e-8)
    variance = gp_predict(COVARIANCE, params, posterior, X_NEW).variance
    np.testing.assert_allclose(variance, np.diag(covariance), atol=1e-8)
    assert posterior.jitter == 0
    assert 1 < posterior.condition <= np.linalg.cond(THEIRS(X))


def test_on_features_it_is_bayesian_linear_regression():
    """Weights ``N(0, s)`` on ``Phi``: posterior precision ``Phi^T Phi / noise + I / s``."""
    features, targets, noise, prior = RNG.standard_normal((40, 6)), RNG.standard_normal(40), 0.2, 1.7
    covariance = linear(prior)
    posterior = gaussian_process(covariance, covariance.init(), features, targets, noise_variance=noise)
    precision = features.T @ features / noise + np.eye(6) / prior
    mean = np.linalg.solve(precision, features.T @ targets) / noise
    new = RNG.standard_normal((5, 6))
    found = gp_predict(covariance, covariance.init(), posterior, new)
    np.testing.assert_allclose(found.mean, new @ mean, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.variance, np.sum(new * np.linalg.solve(precision, new.T).T, axis=1), atol=1e-8)
    log_determinant = np.linalg.slogdet(precision)[1] + 6 * np.log(prior) + 40 * np.log(noise)
    misfit = np.sum((targets - features @ mean) ** 2) / noise + mean @ mean / prior
    expected = -0.5 * (misfit + log_determinant + 40 * np.log(2 * np.pi))
    assert float(posterior.log_evidence) == pytest.approx(expected, abs=1e-8)


def test_leave_one_out_is_refitting():
    x, y = X[:12], np.stack([Y[:12], Y[12:24]], axis=1)
    params = COVARIANCE.init()
    found = gp_leave_one_out(gaussian_process(COVARIANCE, params, x, y), y)

    @jax.jit
    def without(rest_x, rest_y, point):
        return gp_predict(COVARIANCE, params, gaussian_process(COVARIANCE, params, rest_x, rest_y), point)

    for i in range(12):
        rest = np.arange(12) != i
        alone = without(x[rest], y[rest], x[i : i + 1])
        np.testing.assert_allclose(found.mean[i], alone.mean[0], atol=1e-10)
        np.testing.assert_allclose(found.variance[i], alone.variance[0], atol=1e-10)
    density = -0.5 * ((y - found.mean) ** 2 / found.variance[:, None] + np.log(2 * np.pi * found.variance[:, None]))
    np.testing.assert_allclose(found.log_density, density, atol=1e-10)


def test_outputs_add_and_the_evidence_is_a_sum_of_sequential_densities():
    params = COVARIANCE.init()
    both = gaussian_process(COVARIANCE, params, X[:12], np.stack([Y[:12], 2 * Y[:12]], axis=1))
    parts = [gaussian_process(COVARIANCE, params, X[:12], scale * Y[:12]) for scale in (1, 2)]
    assert float(both.log_evidence) == pytest.approx(sum(float(part.log_evidence) for part in parts), abs=1e-10)
    np.testing.assert_allclose(both.weights[:, 1], parts[1].weights, rtol=1e-12)
    matrix, total = np.asarray(COVARIANCE(params, X[:12])), 0.0
    for i in range(12):
        gain = np.linalg.solve(matrix[:i, :i], matrix[:i, i])
        variance = matrix[i, i] - gain @ matrix[:i, i]
        total -= 0.5 * ((Y[i] - gain @ Y[:i]) ** 2 / variance + np.log(2 * np.pi * variance))
    assert float(parts[0].log_evidence) == pytest.approx(float(total), abs=1e-8)


def test_every_field_is_differentiable():
    """Predictions and factors through the same rule as the evidence, against differences."""
    params, x, y = COVARIANCE.init(), X[: BLOCK + 2], Y[: BLOCK + 2]
    mixing = jnp.asarray(RNG.standard_normal((len(y), len(y))))

    @jax.jit
    def numbers(shift):
        moved = jax.tree.map(lambda leaf: leaf + shift, params)
        found = gaussian_process(COVARIANCE, moved, x, y + shift * x[:, 0], noise_variance=0.1 + shift)
        predicted = gp_predict(COVARIANCE, moved, found, X_NEW)
        return jnp.stack([jnp.sum(predicted.mean), jnp.sum(predicted.variance), jnp.sum(mixing * found.lower)])

    numeric = (numbers(1e-5) - numbers(-1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jit(jax.jacrev(numbers))(0.0), numeric, rtol=1e-6)


def test_gradients_by_different_arguments_follow_each_other():
    """In one process, eagerly: what one gradient keeps may not be taken for what another kept."""
    covariance, x, y = rbf(0.8).scaled(), X_FEW[:8], Y_FEW[:8]

    def numbers(log_variance=0.1, log_lengthscale=-0.3, noise=0.2):
        params = {"log_variance": log_variance, "rbf": {"log_lengthscale": log_lengthscale}}
        found = gaussian_process(covariance, params, x, y, noise_variance=noise)
        left_out = jnp.sum(gp_leave_one_out(found, y).log_density)
        return {"evidence": found.log_evidence, "weights": jnp.sum(found.weights**2), "left_out": left_out}

    for name in ("evidence", "weights", "left_out", "evidence"):
        for argument, at in (("log_variance", 0.1), ("log_lengthscale", -0.3), ("noise", 0.2)):

            def moved(value, name=name, argument=argument):
                return numbers(**{argument: value})[name]

            numeric = (moved(at + 1e-5) - moved(at - 1e-5)) / 2e-5
            assert float(jax.grad(moved)(at)) == pytest.approx(float(numeric), rel=1e-6), (name, argument)


def test_a_covariance_function_made_again_is_not_traced_again():
    traced = []

    def made(identity):
        def matrix(params, x, x2):
            traced.append(identity)
            return jnp.exp(params["log_scale"]) * x @ (x if x2 is None else x2).T

        return Covariance("mine", {"log_scale": 0.0}, matrix, lambda params, x: jnp.sum(x**2, axis=1), identity)

    def gradient(covariance):
        def evidence(params):
            return gaussian_process(covariance, params, X_FEW, Y_FEW, noise_variance=0.1).log_evidence

        return jax.grad(evidence)(covariance.init())

    first = gradient(made("one"))
    count = len(traced)
    assert gradient(made("one")) == first and len(traced) == count
    gradient(made("another"))
    assert len(traced) > count


def test_many_at_once_equal_one_by_one_on_two_devices():
    stack = jax.tree.map(lambda leaf: leaf + jnp.linspace(-1, 1, 4).reshape(-1, *[1] * leaf.ndim), COVARIANCE.init())
    mesh = Mesh(np.asarray(jax.devices()), ("run",), axis_types=(AxisType.Auto,))
    rows = PartitionSpec("run")
    batched = jax.vmap(lambda params: EVIDENCE(params, X_FEW, Y_FEW))
    (values, _), gradients = jax.jit(jax.shard_map(batched, mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False))(
        stack
    )
    for i in range(4):
        (value, _), gradient = EVIDENCE(jax.tree.map(lambda leaf, i=i: leaf[i], stack), X_FEW, Y_FEW)
        assert values[i] == pytest.approx(float(value), rel=1e-11)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-8), gradients, gradient)


@pytest.mark.parametrize("size", [1, 2 * BLOCK + 3])
def test_blocked_algebra(size):
    root = RNG.standard_normal((size, size + 5))
    matrix = jnp.asarray(root @ root.T)
    right = jnp.asarray(RNG.standard_normal((size, 2)))

    @jax.jit
    def algebra(given):
        factor = factorise(given, 0.0)
        inverse = inverse_lower(factor.lower)
        return factor, inverse, gram_of_lower(inverse), solve_lower(factor.lower, right, transpose=True)

    (lower, jitter, sound), inverse, gram, solved = jax.tree.map(np.asarray, algebra(matrix))
    assert (bool(sound), float(jitter)) == (True, 0.0)
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(lower @ inverse, np.eye(size), atol=1e-8)
    np.testing.assert_allclose(gram @ matrix, np.eye(size), atol=1e-5)
    np.testing.assert_allclose(lower.T @ solved, right, atol=1e-8)


def test_duplicates_without_noise_get_a_reported_jitter():
    x, y = np.concatenate([X[:5], X[:5]]), np.concatenate([Y[:5], Y[:5]])
    covariance = rbf(0.3)
    found = gaussian_process(covariance, covariance.init(), x, y)
    assert 0 < found.jitter < 1e-13
    assert found.condition > 1e12
    np.testing.assert_allclose(gp_predict(covariance, covariance.init(), found, x).mean, y, atol=1e-6)
    with pytest.raises(
        ConfigError, match=r"not positive definite in float64: its smallest eigenvalue .* max_jitter = 0"
    ):
        gaussian_process(covariance, covariance.init(), x, y, max_jitter=0.0)
    distinct = gaussian_process(covariance, covariance.init(), X[:10], Y[:10])
    assert distinct.jitter == 0


def test_a_smooth_kernel_in_float32_gets_a_jitter_and_in_float64_less():
    x = np.linspace(0, 1, 40)[:, None]
    covariance = rbf(0.5)
    params = jax.tree.map(jnp.float32, covariance.init())
    single = gaussian_process(covariance, params, x.astype(np.float32), np.sin(5 * x[:, 0]))
    double = gaussian_process(covariance, covariance.init(), x, np.sin(5 * x[:, 0]))
    assert single.lower.dtype == jnp.float32
    assert 1e-8 < single.jitter < 1e-4
    assert 1e-17 < double.jitter < 1e-12
    assert np.isfinite(single.log_evidence)


def test_what_is_no_covariance_is_refused_or_flagged():
    with pytest.raises(ConfigError, match=r"not positive definite .* smallest eigenvalue is -2.* Use a positive"):
        gaussian_process(NO_COVARIANCE, {}, X[:10], Y[:10])
    flagged = jax.jit(lambda x: gaussian_process(NO_COVARIANCE, {}, x, Y[:10]))(X[:10])
    assert not flagged.positive_definite
    assert np.isnan(flagged.log_evidence)
    with pytest.raises(ConfigError, match="not finite"):
        gaussian_process(rbf(), rbf().init(), np.array([[np.nan], [1.0]]), np.ones(2))
    # The flag of one does not touch another in the batch.
    noise = jnp.array([0.0, 3.0])
    pair = jax.vmap(lambda v: gaussian_process(NO_COVARIANCE, {}, X[:10], Y[:10], noise_variance=v))(noise)
    assert pair.positive_definite.tolist() == [False, True]
    assert np.isfinite(pair.log_evidence[1]) and pair.jitter[1] == 0


def test_bad_arguments_are_refused():
    params = rbf().init()
    with pytest.raises(ConfigError, match=r"x has shape \(0, 2\); a posterior needs at least one point"):
        gaussian_process(rbf(), params, np.zeros((0, 2)), np.zeros(0))
    with pytest.raises(ConfigError, match=r"y has shape \(3,\), x has 4 rows"):
        gaussian_process(rbf(), params, np.zeros((4, 2)), np.zeros(3))
    with pytest.raises(ConfigError, match=r"noise_variance = -1.0 must be in \[0"):
        gaussian_process(rbf(), params, np.zeros((4, 2)), np.zeros(4), noise_variance=-1.0)
    with pytest.raises(ConfigError, match=r"posterior's targets had \(4,\)"):
        gp_leave_one_out(gaussian_process(rbf(), params, X[:4], Y[:4], noise_variance=0.1), Y[:3])
    with pytest.raises(ConfigError, match="white part"):
        gp_conjugate_gradient(COVARIANCE, COVARIANCE.init(), X, Y, noise_variance=0.1)


def test_conjugate_gradients_agree_with_the_factor():
    covariance = rbf(0.7).scaled(1.5)
    params = covariance.init()

    def dense(matvec, like):
        return jnp.linalg.slogdet(jax.vmap(matvec)(jnp.eye(like.size)))[1]

    @jax.jit
    def both(tol):
        exact = gaussian_process(covariance, params, X_FEW, Y_FEW, noise_variance=0.1)
        found = gp_conjugate_gradient(
            covariance, params, X_FEW, Y_FEW, noise_variance=0.1, block_rows=8, tol=tol, log_determinant=dense
        )
        mean = gp_conjugate_mean(covariance, params, found, X_NEW, block_rows=4)
        return exact, gp_predict(covariance, params, exact, X_NEW).mean, found, mean

    exact, exact_mean, found, mean = both(1e-10)
    assert found.converged
    np.testing.assert_allclose(found.weights, exact.weights, atol=1e-7)
    assert found.log_evidence == pytest.approx(float(exact.log_evidence), abs=1e-6)
    np.testing.assert_allclose(mean, exact_mean, atol=1e-8)
    _, _, early, rough = both(0.1)
    assert 1e-4 < early.residual < 0.2
    assert 1e-4 < np.max(np.abs(rough - exact_mean)) < 0.5


def test_conjugate_gradients_say_when_they_were_cut_short():
    covariance = rbf(0.7)
    found = jax.jit(
        lambda: gp_conjugate_gradient(covariance, covariance.init(), X_FEW, Y_FEW, noise_variance=0.01, max_steps=3)
    )()
    assert not found.converged
    assert found.residual > 1e-3
    assert np.isnan(found.log_evidence)


def test_cholesky_of_a_batch_is_each_alone():
    root = jnp.asarray(RNG.standard_normal((4, 6, 8)))
    matrices = root @ root.transpose(0, 2, 1)
    np.testing.assert_allclose(jax.vmap(cholesky)(matrices), np.linalg.cholesky(matrices), atol=1e-12)
