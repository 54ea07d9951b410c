"""Ridge regression and singular values on nested parts of one design: its first columns, or its first rows.

Sizes are masks on one shape, so that every decomposition is compiled once: a column of zeros gets the coefficient 0
from the minimum norm and from any ridge, and a row of zeros with the label 0 changes no fit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_choice, check_positive_int, singular_values
from gendyn.regression.least_squares import ridge
from gendyn.types import Array, ArrayLike


class NestedRidge(NamedTuple):
    """Coefficients for ``S`` sizes and ``k`` outputs; features left out have the coefficient 0."""

    fixed: Array
    """With each of ``L`` penalties, ``[S, L, p, k]``."""
    own: Array
    """Of each output with the penalty of its own, ``[S, p, k]``."""


def nested_ridge(
    x: Array, y: Array, sizes: Sequence[int], penalties: ArrayLike, own: ArrayLike, *, axis: str
) -> NestedRidge:
    """:func:`~gendyn.regression.ridge` on the first features, or examples, for every number of them.

    Pure; one decomposition for each size, whatever the number of penalties and outputs.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n, k]``.
        sizes: ``S`` numbers of features or examples, static.
        penalties: ``[L]``, not negative; 0: the minimum norm.
        own: ``[S, k]``: the penalty of each output at each size, such as the best one for its noise.
        axis: ``"features"`` or ``"examples"``: what is left out.

    Raises:
        ConfigError: shapes that do not fit, a size out of range, or another axis.

    >>> x, y = jnp.eye(3), jnp.array([[1.0], [2.0], [4.0]])
    >>> found = nested_ridge(x, y, (1, 3), jnp.array([0.0, 1.0]), jnp.array([[3.0], [1.0]]), axis="examples")
    >>> found.fixed[0, :, :, 0].round(3).tolist(), found.own[..., 0].round(3).tolist()
    ([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0]], [[0.25, 0.0, 0.0], [0.5, 1.0, 2.0]])
    """
    check_choice("axis", axis, ("features", "examples"))
    each, fixed, outputs = jnp.asarray(own), jnp.asarray(penalties, x.dtype), jnp.arange(y.shape[1])
    if each.shape != (len(sizes), y.shape[1]) or fixed.ndim != 1:
        raise ConfigError(
            f"own {each.shape} must be [{len(sizes)}, {y.shape[1]}], a penalty for each size and output, and penalties "
            f"{fixed.shape} [L]."
        )
    _check_sizes(sizes, x.shape[1] if axis == "features" else x.shape[0])

    def fit(size: Array, penalty: Array) -> tuple[Array, Array]:
        if axis == "features":
            inputs, targets = x * (jnp.arange(x.shape[1]) < size), y
        else:
            kept = (jnp.arange(len(x)) < size)[:, None]
            inputs, targets = x * kept, y * kept
        found = ridge(inputs, targets, jnp.concatenate([fixed, penalty])).coefficients
        return found[: len(fixed)], found[len(fixed) + outputs, :, outputs].T

    return NestedRidge(*jax.lax.map(lambda pair: fit(*pair), (jnp.asarray(sizes), each)))


def nested_singular_values(x: Array, sizes: Sequence[int]) -> Array:
    """Singular values of ``X / sqrt(n)`` on its first ``p`` features, descending: ``[S, min(n, D)]``.

    Beyond the first ``min(n, p)`` of a row there is rounding, or 0.

    Args:
        x: design ``[n, D]``.
        sizes: ``S`` numbers of features, static.

    Raises:
        ConfigError: a size out of range.

    >>> nested_singular_values(2.0 * jnp.eye(4), (1, 3)).round(3).tolist()
    [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]]
    """
    _check_sizes(sizes, x.shape[1])
    columns, scale = jnp.arange(x.shape[1]), math.sqrt(len(x))
    found: Array = jax.lax.map(lambda p: singular_values(x * (columns < p)) / scale, jnp.asarray(sizes))
    return found


def _check_sizes(sizes: Sequence[int], most: int) -> None:
    for size in sizes:
        check_positive_int("sizes: each", size)
        if size > most:
            raise ConfigError(f"sizes holds {size}, but x has {most}: leave larger ones out.")
