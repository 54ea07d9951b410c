"""Solutions on the first d columns, for all d at once: each equals its own decomposition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import least_squares, prefix_least_squares, prefix_ridge


def problem(n, p, outputs=0):
    generator = np.random.default_rng(n * 100 + p)
    return generator.standard_normal((n, p)), generator.standard_normal((n, outputs) if outputs else n)


@pytest.mark.parametrize(("n", "p", "outputs"), [(12, 30, 0), (12, 13, 2), (12, 7, 0), (12, 12, 0)])
def test_every_prefix_is_lstsq(n, p, outputs):
    with jax.enable_x64(True):
        x, y = problem(n, p, outputs)
        # Out of order, with the largest first: results follow the sizes as given.
        sizes = tuple(range(p, 0, -1))
        found = prefix_least_squares(x, y, sizes)
        assert np.asarray(found.full_rank).all()
        for size, w in zip(sizes, np.asarray(found.coefficients), strict=True):
            truth = np.linalg.lstsq(x[:, :size], y)[0]
            np.testing.assert_allclose(w[:size], truth, atol=1e-10 * np.abs(truth).max())
            assert not w[size:].any()


def test_float32_keeps_its_digits_away_from_the_peak():
    x, y = problem(20, 60)
    sizes = (1, 5, 10, 40, 60)
    found = prefix_least_squares(x, y, sizes)
    assert found.coefficients.dtype == jnp.float32
    for size, w in zip(sizes, np.asarray(found.coefficients), strict=True):
        np.testing.assert_allclose(w[:size], np.linalg.lstsq(x[:, :size], y)[0], atol=1e-5)


def test_a_batch_is_each_alone():
    x, y = jax.random.normal(jax.random.key(0), (3, 6, 9)), jax.random.normal(jax.random.key(1), (3, 6))
    together = jax.jit(jax.vmap(lambda x, y: prefix_least_squares(x, y, (3, 9))))(x, y)
    alone = [prefix_least_squares(x[i], y[i], (3, 9)).coefficients for i in range(3)]
    np.testing.assert_allclose(together.coefficients, np.stack(alone), atol=1e-5)


@pytest.mark.parametrize("repeat", [(1, 3), (2, 8)])
def test_a_prefix_of_lower_rank_is_refused_or_reported(repeat):
    with jax.enable_x64(True):
        x, y = problem(6, 10)
        x[:, repeat[1]] = x[:, repeat[0]]
        sizes = tuple(range(1, 11))
        traced = jax.jit(lambda x: prefix_least_squares(x, y, sizes))(x)
        ranks = [np.linalg.matrix_rank(x[:, :size]) == min(6, size) for size in sizes]
        assert traced.full_rank.tolist() == ranks
        for size, full, w in zip(sizes, ranks, np.asarray(traced.coefficients), strict=True):
            if full:
                np.testing.assert_allclose(w[:size], np.linalg.lstsq(x[:, :size], y)[0], atol=1e-10)
            else:
                assert np.isnan(w).all()
        if not all(ranks):
            with pytest.raises(
                ConfigError, match=r"sizes has 4, but the first 4 columns .* not of full rank in float64"
            ):
                prefix_least_squares(x, y, sizes)
        else:
            assert repeat == (2, 8)


def test_duplicate_points_are_reported_at_every_size_that_should_interpolate():
    x, y = problem(6, 10)
    x[3] = x[0]
    full = jax.jit(lambda x: prefix_least_squares(x, y, (3, 5, 6, 8, 10)).full_rank)(x)
    assert full.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(("n", "p"), [(12, 30), (12, 7)])
def test_ridge_on_every_prefix(n, p):
    with jax.enable_x64(True):
        x, y = problem(n, p)
        x[:, 2] = x[:, 1]
        sizes = (1, 5, p, 3)
        found = prefix_ridge(x, y, 0.3, sizes)
        for i, size in enumerate(sizes):
            part = x[:, :size]
            inverse = np.linalg.inv(part.T @ part + 0.3 * np.eye(size))
            np.testing.assert_allclose(found.coefficients[i, :size], inverse @ part.T @ y, atol=1e-10)
            assert not np.asarray(found.coefficients[i, size:]).any()
            values = np.linalg.svd(part, compute_uv=False) ** 2
            np.testing.assert_allclose(found.effective_dimension[i], np.sum(values / (values + 0.3)), rtol=1e-10)


def test_a_small_penalty_tends_to_the_minimum_norm():
    with jax.enable_x64(True):
        x, y = problem(8, 14)
        np.testing.assert_allclose(
            prefix_ridge(x, y, 1e-10, (14,)).coefficients[0], least_squares(x, y).coefficients, atol=1e-6
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: prefix_least_squares(x, y, (0, 3)), r"sizes = \[0\] must be .* from 1 to the 4 columns"),
        (lambda x, y: prefix_least_squares(x, y, (5,)), r"sizes = \[5\]"),
        (lambda x, y: prefix_least_squares(x, y, ()), r"sizes = \(\) must be one or more"),
        (lambda x, y: prefix_ridge(x, y, 0.0, (2,)), r"penalty = 0.0 must be in \(0, inf\)"),
        (lambda x, y: prefix_ridge(x, y, np.ones(2), (2,)), "must be a scalar"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(ConfigError, match=message):
        call(*problem(6, 4))
