"""Squared distances between two lists of points, and a square root to take of them."""

import jax.numpy as jnp

from gendyn.types import Array

EXACT_FEATURES = 8
"""Up to here distances are sums of squared differences: exact at duplicate points, and a fused loop on a CPU."""


def squared_distances(x: Array, x2: Array | None) -> Array:
    """``|x_i - y_j|^2``, ``[n, m]``, never negative; ``None``: among the points ``x``, with an exactly zero diagonal.

    Beyond 8 features through one matrix product of centred points: rounding is ``eps |x|^2``, so that two equal
    points of two lists may be ``1e-8 |x|`` apart in float64, ``3e-4 |x|`` in float32.
    """
    other = x if x2 is None else x2
    if x.shape[1] <= EXACT_FEATURES:
        # A sum over features one by one: XLA fuses it, and never holds [n, m, d].
        parts = [(x[:, feature, None] - other[None, :, feature]) ** 2 for feature in range(x.shape[1])]
        return sum(parts, start=jnp.zeros((x.shape[0], other.shape[0]), x.dtype))
    centre = jnp.mean(x, axis=0)
    left, right = x - centre, other - centre
    squares = jnp.sum(left**2, axis=1)[:, None] + jnp.sum(right**2, axis=1)[None]
    distances = jnp.maximum(squares - 2.0 * left @ right.T, 0.0)
    if x2 is None:
        # By a product: a point of NaN is at no known distance from itself either.
        distances = distances * (1 - jnp.eye(x.shape[0], dtype=x.dtype))
    return distances


def root(squared: Array) -> Array:
    """Square root whose gradient is 0 at 0, as that of a function of ``r^2`` at a point with itself."""
    # Not "unless it is above 0": a distance of NaN would be that of equal points.
    zero = squared <= 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, squared)))
