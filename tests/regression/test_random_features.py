"""Random features: nested in their number, and their inner products tend to the kernel they name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import random_fourier_features, random_relu_features, random_sphere_features, sphere_points

FAMILIES = [random_fourier_features, random_relu_features, random_sphere_features]
POINTS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_more_features_begin_with_the_fewer(family):
    key = jax.random.key(0)
    few, many = family(key, POINTS, 5), family(key, POINTS, 9000)
    # 9,000 x 3 draws are more than one block of the stream.
    np.testing.assert_allclose(many[:, :5], few, atol=1e-5)
    assert np.abs(many[:, 5:10] - few).max() > 0.1
    assert np.abs(family(jax.random.key(1), POINTS, 5) - few).max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_may_be_mapped_and_dtypes_chosen(family):
    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.jit(jax.vmap(lambda key: family(key, POINTS, 5)))(keys)
    np.testing.assert_allclose(together[1], family(keys[1], POINTS, 5), atol=1e-5)
    with jax.enable_x64(True):
        exact = family(keys[1], POINTS.astype(np.float64), 5)
        assert exact.dtype == np.float64
        np.testing.assert_allclose(exact, together[1], atol=1e-5)


def test_a_bias_is_a_column_of_ones():
    key, extended = jax.random.key(0), np.append(POINTS, np.ones((4, 1), np.float32), axis=1)
    found = random_relu_features(key, POINTS, 50, bias=True)
    np.testing.assert_array_equal(found, random_relu_features(key, extended, 50))
    # Of an input that is 0 only the bias is left.
    assert float(random_relu_features(key, 0 * POINTS, 50).max()) == 0.0
    assert float(random_relu_features(key, 0 * POINTS, 50, bias=True).max()) > 0.0


def kernel_error(features, kernel):
    """Largest deviation of the mean product of features from a kernel, in standard errors."""
    products = np.asarray(features)[:, None, :] * np.asarray(features)[None, :, :]
    error = products.std(-1) / products.shape[-1] ** 0.5
    return np.abs((products.mean(-1) - kernel) / error).max()


def relu_kernel(x):
    lengths = np.linalg.norm(x, axis=1)
    cosine = np.clip(x @ x.T / np.outer(lengths, lengths), -1, 1)
    return np.outer(lengths, lengths) * (np.sqrt(1 - cosine**2) + cosine * (np.pi - np.arccos(cosine))) / np.pi


def test_products_tend_to_the_kernels():
    distances = ((POINTS[:, None] - POINTS[None]) ** 2).sum(-1)
    for seed in range(3):
        key = jax.random.key(seed)
        fourier = random_fourier_features(key, POINTS, 9000, lengthscale=1.5)
        assert kernel_error(fourier, np.exp(-distances / (2 * 1.5**2))) < 4.5
        assert kernel_error(random_relu_features(key, POINTS, 9000), relu_kernel(POINTS)) < 4.5
    # The control: another length scale is told apart.
    assert kernel_error(fourier, np.exp(-distances / (2 * 1.3**2))) > 6


def test_points_and_directions_are_on_the_sphere():
    key = jax.random.key(0)
    points = sphere_points(key, 4000, 5)
    np.testing.assert_allclose((points**2).sum(1), 5, rtol=1e-5)
    np.testing.assert_allclose(sphere_points(key, 3, 5), points[:3], rtol=1e-6)
    np.testing.assert_allclose(points.T @ points / 4000, np.eye(5), atol=0.1)
    # Linear features recover the directions, times sqrt(d).
    directions = random_sphere_features(key, np.sqrt(5) * np.eye(5), 4000, activation=lambda u: u).T
    np.testing.assert_allclose((directions**2).sum(1), 5, rtol=1e-5)
    assert (np.asarray(random_sphere_features(key, points[:9], 50)) >= 0).all()
    arguments = random_sphere_features(key, points, 50, activation=lambda u: u)
    assert jnp.var(arguments) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: random_relu_features(key, np.ones(3), 5), r"x \(3,\) must be \[n, d\]"),
        (lambda key: random_relu_features(key, POINTS, 0), "num_features = 0 must be an integer"),
        (lambda key: random_fourier_features(key, POINTS, 5, lengthscale=0.0), "lengthscale = 0.0 must be in"),
        (lambda key: sphere_points(key, 0, 3), "count = 0"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(ConfigError, match=message):
        call(jax.random.key(0))
