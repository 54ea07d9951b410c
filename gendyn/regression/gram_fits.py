"""Minimum-norm least squares on the first features by Gram matrices: cheap where thousands of small ones are solved."""

from collections.abc import Sequence

import jax.numpy as jnp

from gendyn.core import ConfigError, cholesky, solve_triangular
from gendyn.regression._design import full_precision
from gendyn.types import Array


@full_precision
def gram_fits(x: Array, y: Array, sizes: Sequence[int]) -> Array:
    """Coefficients of the minimum norm on ``x[:, :p]`` for every ``p``, 0 for features left out: ``[S, D, k]``.

    One Cholesky factor of ``min(n, p)`` rows for each size: of ``X'X`` up to ``p = n`` and of ``X X'`` beyond. The
    relative error is the rounding times the squared condition number, where
    :func:`~gendyn.regression.prefix_least_squares` has the condition number: call it in float64, and not on designs of
    a condition number of 1e7. Pure, vmap-safe.

    Args:
        x: design ``[n, D]``, of which every prefix has full rank.
        y: targets ``[n, k]``.
        sizes: static integers in ``[1, D]``.

    Raises:
        ConfigError: a size out of range, or shapes that do not fit.

    >>> found = gram_fits(jnp.array([[1.0, 1.0, 2.0]]), jnp.array([[6.0]]), (1, 2, 3))
    >>> found[..., 0].round(4).tolist()
    [[6.0, 0.0, 0.0], [3.0, 3.0, 0.0], [1.0, 1.0, 2.0]]
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ConfigError(f"x {x.shape} and y {y.shape} must be [n, D] and [n, k].")
    if not sizes or not all(1 <= size <= x.shape[1] for size in sizes):
        raise ConfigError(f"sizes = {tuple(sizes)} must be one or more integers from 1 to {x.shape[1]}.")

    def solved(gram: Array, right: Array) -> Array:
        factor = cholesky(gram)
        half = solve_triangular(factor, right, lower=True)
        return solve_triangular(factor, half, lower=True, transposed=True)

    def fit(size: int) -> Array:
        part = x[:, :size]
        found = solved(part.T @ part, part.T @ y) if size <= len(x) else part.T @ solved(part @ part.T, y)
        return jnp.pad(found, ((0, x.shape[1] - size), (0, 0)))

    return jnp.stack([fit(int(size)) for size in sizes])
