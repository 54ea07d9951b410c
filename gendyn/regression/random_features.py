"""Random Fourier and ReLU features of vectors, drawn from a key; more features of one key begin with the fewer.

Feature ``i`` depends on the key and on ``i`` alone, so that a sweep over their number appends columns. No factor
``1 / sqrt(N)`` is in them: ``features(x) @ features(z).T / N`` tends to the kernel named in each docstring. Training
and test points take the same key. Draws are float32 numbers whatever the dtype of ``x``.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, normal, stream
from gendyn.regression._design import floating, full_precision
from gendyn.types import Array, ArrayLike


@full_precision
def random_fourier_features(key: Array, x: ArrayLike, num_features: int, *, lengthscale: ArrayLike = 1.0) -> Array:
    """``sqrt(2) cos(w_i . x / lengthscale + b_i)``, ``w_i ~ N(0, I)``, ``b_i`` uniform on ``[0, 2 pi)``: ``[n, N]``.

    Kernel: ``exp(-||x - z||^2 / (2 lengthscale^2))``.

    Args:
        key: of all weights and phases.
        x: ``[n, d]``.
        num_features: ``N``, static.
        lengthscale: positive, in units of ``x``; may be traced.

    Raises:
        ConfigError: ``x`` that is not a finite matrix, or an argument out of range.

    >>> random_fourier_features(jax.random.key(0), jnp.zeros((3, 2)), 5).shape
    (3, 5)

    Reference: Rahimi & Recht (2007), algorithm 1, in its form with random phases.
    """
    check_key("key", key)
    points = _points(x, num_features)
    check_range("lengthscale", lengthscale, low=0, open_low=True)
    weights = _weights(key, points, num_features)
    phases = 2 * jnp.pi * jax.random.uniform(stream(key, "phases"), (num_features,), jnp.float32).astype(points.dtype)
    return _cosines(points, weights, phases, jnp.asarray(lengthscale, points.dtype))


@full_precision
def random_relu_features(key: Array, x: ArrayLike, num_features: int, *, bias: bool = False) -> Array:
    """``sqrt(2) max(0, w_i . x)``, ``w_i ~ N(0, I)``: ``[n, N]``.

    Kernel: ``||x|| ||z|| kappa_1(cos(x, z))``, the arc-cosine kernel of order 1 with ``kappa_1(1) = 1``.

    Args:
        key: of all weights.
        x: ``[n, d]``.
        num_features: ``N``, static.
        bias: appends a column of ones to ``x``.

    Raises:
        ConfigError: ``x`` that is not a finite matrix, or an argument out of range.

    >>> bool((random_relu_features(jax.random.key(0), jnp.ones((3, 2)), 5) >= 0).all())
    True

    Reference: Cho & Saul (2009), eq. 1 (twice theirs).
    """
    check_key("key", key)
    points = _points(x, num_features)
    points = jnp.pad(points, ((0, 0), (0, 1)), constant_values=1.0) if bias else points
    return _rectified(points, _weights(key, points, num_features))


@full_precision
def random_sphere_features(
    key: Array, x: ArrayLike, num_features: int, *, activation: Callable[[Array], Array] = jax.nn.relu
) -> Array:
    """``activation(theta_i . x / sqrt(d))``, ``theta_i`` uniform on the sphere of radius ``sqrt(d)``: ``[n, N]``.

    With ``x`` of :func:`sphere_points` the arguments are of variance 1. The loss of Mei & Montanari,
    ``(1/n) sum (y - f)^2 + (N lam / d) ||a||^2``, is :func:`~gendyn.regression.ridge` with ``penalty = n N lam / d``.

    Args:
        key: of all ``theta_i``.
        x: ``[n, d]``, of norm ``sqrt(d)``.
        num_features: ``N``, static.
        activation: a function of an array, entry by entry.

    Raises:
        ConfigError: ``x`` that is not a finite matrix, or an argument out of range.

    >>> points = sphere_points(jax.random.key(0), 3, 4)
    >>> random_sphere_features(jax.random.key(1), points, 5).shape
    (3, 5)

    Reference: Mei & Montanari (2022), arXiv:1908.05355, eqs. 1-3.
    """
    check_key("key", key)
    points = _points(x, num_features)
    directions = _on_sphere(_weights(key, points, num_features))
    return activation(points @ directions.T / math.sqrt(points.shape[1]))


# One program each, not one an operation.
@jax.jit
def _cosines(points: Array, weights: Array, phases: Array, lengthscale: Array) -> Array:
    return math.sqrt(2) * jnp.cos(points / lengthscale @ weights.T + phases)


@jax.jit
def _rectified(points: Array, weights: Array) -> Array:
    return math.sqrt(2) * jax.nn.relu(points @ weights.T)


def sphere_points(key: Array, count: int, dimension: int) -> Array:
    """``[count, dimension]`` uniform on the sphere of radius ``sqrt(dimension)``; more points begin with the fewer.

    Raises:
        ConfigError: a count or dimension below 1.

    >>> (sphere_points(jax.random.key(0), 2, 9) ** 2).sum(1).round(4).tolist()
    [9.0, 9.0]
    """
    check_key("key", key)
    check_positive_int("count", count)
    check_positive_int("dimension", dimension)
    return _on_sphere(normal(stream(key, "points"), (count, dimension)).astype(jnp.result_type(float)))


def _points(x: ArrayLike, num_features: int) -> Array:
    points = floating("x", x)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ConfigError(f"x {points.shape} must be [n, d] with d at least 1: one row for each point.")
    check_positive_int("num_features", num_features)
    return points


def _weights(key: Array, points: Array, num_features: int) -> Array:
    # Row by row in one flat stream: a longer draw starts with the shorter one.
    return normal(stream(key, "weights"), (num_features, points.shape[1])).astype(points.dtype)


@jax.jit
def _on_sphere(draws: Array) -> Array:
    return draws * (math.sqrt(draws.shape[1]) / jnp.linalg.norm(draws, axis=1, keepdims=True))
