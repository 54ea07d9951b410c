"""Least squares and ridge against dense NumPy references, in both precisions and for every kind of rank."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import kernel_ridge, least_squares, order_penalty, polynomial_features, ridge

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


def problem(n, p, *, outputs=0, rank=None, seed=0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, p))
    if rank is not None:
        x = generator.standard_normal((n, rank)) @ generator.standard_normal((rank, p))
    return x.astype(dtype), generator.standard_normal((n, outputs) if outputs else n).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_it_is_lstsq(shape, dtype):
    with jax.enable_x64(dtype == np.float64):
        x, y = problem(*shape, outputs=2, dtype=dtype)
        found = least_squares(x, y)
        truth, _, rank, values = np.linalg.lstsq(x.astype(np.float64), y.astype(np.float64))
        assert found.coefficients.dtype == dtype
        np.testing.assert_allclose(found.coefficients, truth, atol=TOLERANCE[dtype])
        np.testing.assert_allclose(found.smallest_singular_value, values[-1], rtol=TOLERANCE[dtype])
        np.testing.assert_allclose(found.condition_number, values[0] / values[-1], rtol=TOLERANCE[dtype])
        np.testing.assert_allclose(found.residual, np.linalg.norm(y - x @ truth, axis=0), atol=10 * TOLERANCE[dtype])
        assert found.rank == rank


def test_a_singular_design_is_cut_and_told():
    with jax.enable_x64(True):
        x, y = problem(12, 8, rank=5)
        found = least_squares(x, y)
        assert found.rank == 5
        assert found.condition_number > 1e14
        np.testing.assert_allclose(found.coefficients, np.linalg.pinv(x, rcond=1e-12) @ y, atol=1e-10)
    zeros = least_squares(np.zeros((3, 2)), np.ones(3))
    assert (int(zeros.rank), float(zeros.condition_number)) == (0, np.inf)
    assert not np.asarray(zeros.coefficients).any()
    assert zeros.residual == pytest.approx(3**0.5)


def test_duplicate_points_with_other_labels_are_not_interpolated():
    x, y = problem(4, 10)
    x, y = np.vstack([x, x[:1]]), np.append(y, y[0] + 2)
    found = least_squares(x, y)
    assert found.rank == 4
    assert found.residual == pytest.approx(2**0.5, rel=1e-4)


def test_a_batch_is_each_alone():
    x, y = jax.random.normal(jax.random.key(0), (3, 12, 8)), jax.random.normal(jax.random.key(1), (3, 12))
    together = jax.jit(jax.vmap(least_squares))(x, y)
    for i in range(3):
        np.testing.assert_allclose(together.coefficients[i], least_squares(x[i], y[i]).coefficients, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 8), (8, 12)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_path_is_the_normal_equations(shape, weighted):
    with jax.enable_x64(True):
        x, y = problem(*shape)
        weights = np.linspace(0.5, 2, shape[1]) if weighted else np.ones(shape[1])
        penalties = np.array([0.3, 4.0])
        found = ridge(x, y, penalties, weights=weights if weighted else None)
        for i, penalty in enumerate(penalties):
            inverse = np.linalg.inv(x.T @ x + penalty * np.diag(weights))
            np.testing.assert_allclose(found.coefficients[i], inverse @ x.T @ y, atol=1e-10)
            hat = x @ inverse @ x.T
            np.testing.assert_allclose(found.effective_dimension[i], np.trace(hat), rtol=1e-10)
            np.testing.assert_allclose(found.residual[i], np.linalg.norm(y - hat @ y), rtol=1e-10)


def left_out(x, y, fit):
    rows = range(len(y))
    return np.mean([(y[i] - x[i] @ fit(np.delete(x, i, 0), np.delete(y, i))) ** 2 for i in rows])


@pytest.mark.parametrize("shape", [(12, 7), (7, 12)])
@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_leaving_one_out_is_leaving_each_out(shape, penalty):
    with jax.enable_x64(True):
        x, y = problem(*shape)
        augmented = np.sqrt(penalty) * np.eye(shape[1])

        def fit(x, y):
            return np.linalg.pinv(np.vstack([x, augmented])) @ np.append(y, np.zeros(shape[1]))

        assert ridge(x, y, penalty).leave_one_out == pytest.approx(left_out(x, y, fit), rel=1e-9)


@pytest.mark.parametrize("traced", [False, True])
def test_columns_of_weight_zero_are_free(traced):
    with jax.enable_x64(True):
        x, y = problem(12, 7)
        weights = np.array([0.0, 1, 0, 2, 1, 1, 3])
        inverse = np.linalg.inv(x.T @ x + 1.5 * np.diag(weights))
        solve = jax.jit(lambda w: ridge(x, y, 1.5, weights=w)) if traced else lambda w: ridge(x, y, 1.5, weights=w)
        found = solve(weights)
        np.testing.assert_allclose(found.coefficients, inverse @ x.T @ y, atol=1e-10)
        np.testing.assert_allclose(found.effective_dimension, np.trace(x @ inverse @ x.T), rtol=1e-10)

        def fit(x, y):
            return np.linalg.solve(x.T @ x + 1.5 * np.diag(weights), x.T @ y)

        assert found.leave_one_out == pytest.approx(left_out(x, y, fit), rel=1e-9)


def test_the_limits_of_the_penalty():
    with jax.enable_x64(True):
        x, y = problem(8, 14)
        found = ridge(x, y, np.array([0.0, 1e-9, 1e12]))
        np.testing.assert_allclose(found.coefficients[0], least_squares(x, y).coefficients, atol=1e-12)
        np.testing.assert_allclose(found.coefficients[1], found.coefficients[0], atol=1e-7)
        np.testing.assert_allclose(found.leave_one_out[1], found.leave_one_out[0], rtol=1e-6)
        np.testing.assert_allclose(found.effective_dimension, [8, 8, 0], atol=1e-8)
        assert np.abs(found.coefficients[2]).max() < 1e-10


def test_an_order_of_150_is_within_float32():
    x = np.linspace(-1, 1, 20)
    found = ridge(polynomial_features(x, 150), np.sin(x), 1e-3, weights=order_penalty(150))
    with jax.enable_x64(True):
        exact = ridge(polynomial_features(x, 150), np.sin(x), 1e-3, weights=order_penalty(150))
    np.testing.assert_allclose(found.coefficients, exact.coefficients, atol=2e-4)
    assert found.residual < 0.01


@pytest.mark.parametrize("method", ["cholesky", "eigh"])
def test_kernel_ridge_is_ridge_on_its_features(method):
    with jax.enable_x64(True):
        x, y = problem(10, 6, outputs=2)
        found = kernel_ridge(x @ x.T, y, 0.7, method=method)
        np.testing.assert_allclose(x.T @ found.dual_coefficients, ridge(x, y, 0.7).coefficients, atol=1e-10)
        assert (int(found.rank), bool(found.positive_definite)) == (10, True)
        values = np.linalg.eigvalsh(x @ x.T + 0.7 * np.eye(10))
        # By Cholesky an estimate, from below.
        assert 0.98 < found.condition_number / (values[-1] / values[0]) < 1 + 1e-9
        np.testing.assert_allclose(found.smallest_eigenvalue, values[0], rtol=0.02)


def test_ridgeless_kernel_regression_is_the_minimum_norm():
    with jax.enable_x64(True):
        x, y = problem(10, 14)
        x[3] = x[2]
        found = kernel_ridge(x @ x.T, y, 0)
        np.testing.assert_allclose(x.T @ found.dual_coefficients, np.linalg.pinv(x, rcond=1e-9) @ y, atol=1e-9)
        assert found.rank == 9
        assert found.residual == pytest.approx(abs(y[2] - y[3]) / 2**0.5, rel=1e-6)


def test_an_indefinite_kernel_is_refused_or_reported():
    kernel, y = np.diag([1.0, -0.5]), np.ones(2)
    for method in ("cholesky", "eigh"):
        with pytest.raises(ConfigError, match=r"kernel \(2, 2\) with penalty 0.1 is not positive definite in float32"):
            kernel_ridge(kernel, y, 0.1, method=method)
        traced = jax.jit(lambda k, method=method: kernel_ridge(k, y, 0.1, method=method))(jnp.asarray(kernel))
        assert not traced.positive_definite
        assert np.isinf(traced.condition_number)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: least_squares(np.zeros((0, 3)), np.zeros(0)),
            r"x \(0, 3\) must be \[n, p\] with at least one example",
        ),
        (lambda: least_squares(np.zeros((3, 0)), np.zeros(3)), "at least one example"),
        (lambda: least_squares(np.ones((3, 2)), np.ones(4)), r"y \(4,\) must be .* the 3 rows of x"),
        (lambda: least_squares(np.full((3, 2), np.nan), np.ones(3)), "x has 6 entries of 6 that are NaN"),
        (lambda: least_squares(np.ones((3, 2)), np.ones(3), rcond=-1.0), "rcond = -1.0 must be in"),
        (lambda: least_squares(np.ones((3, 2), complex), np.ones(3)), "must be real"),
        (lambda: least_squares(np.ones((3, 2), np.float16), np.ones(3)), "x is float16: decompositions need float32"),
        (lambda: ridge(np.ones((3, 2)), np.ones(3), -0.1), "penalty = -0.1 must be in"),
        (lambda: ridge(np.ones((3, 2)), np.ones(3), np.ones((2, 2))), "must be a scalar or"),
        (lambda: ridge(np.ones((3, 2)), np.ones(3), 1.0, weights=np.ones(3)), r"weights \(3,\) must be \[2\]"),
        (lambda: ridge(np.ones((3, 2)), np.ones(3), 1.0, weights=-np.ones(2)), "weights = .* must be in"),
        (lambda: kernel_ridge(np.ones((3, 2)), np.ones(3), 1.0), r"kernel \(3, 2\) must be \[n, n\]"),
        (lambda: kernel_ridge(np.array([[1.0, 0.5], [0.0, 1.0]]), np.ones(2), 1.0), "must be symmetric"),
        (lambda: kernel_ridge(np.eye(2), np.ones(2), -1.0), "penalty = -1.0 must be in"),
        (lambda: kernel_ridge(np.eye(2), np.ones(2), 1.0, method="lu"), "method = 'lu' must be one of"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
