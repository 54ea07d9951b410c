"""Minimum-norm fits of a target that a few features hold, on Gaussian inputs and on the same ones made orthogonal.

Interpolation, more parameters than examples and the minimum norm are all there, and no descent follows the threshold
where the labels are exact, or where no singular value is small.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key, check_positive_int, stream
from gendyn.regression._design import full_precision
from gendyn.regression.gram_fits import gram_fits
from gendyn.types import Array


class AlignedRisks(NamedTuple):
    """Risks ``|w - b|^2`` for ``V`` noise variances and ``P`` numbers of features."""

    gaussian: Array
    """Of Gaussian inputs, ``[V, P]``."""
    orthogonal: Array
    """Of the same ones with all singular values equal, ``[V, P]``."""


@full_precision
def aligned_risks(
    key: Array,
    noise_variances: Array,
    *,
    num_examples: int,
    dimension: int,
    num_features: Sequence[int],
    num_aligned: int,
) -> AlignedRisks:
    """The minimum norm on the first ``p`` of ``D`` features; ``b`` is ``1 / sqrt(k)`` in the first ``k`` of them. Pure.

    Orthogonal inputs are the Gaussian ones with every singular value replaced by ``sqrt(max(n, p))``: ``X'X = n I``
    for ``p <= n``, ``X X' = p I`` beyond. Their mean risk is ``v p / n`` up to ``p = n``, and ``1 - n / p + v n / p``
    beyond: :func:`gendyn.theory.min_norm_risk` without the factor that a small singular value makes.

    Args:
        key: of inputs and noise; the noise of each variance is the same up to its size.
        noise_variances: ``[V]``; may be traced.
        num_examples: ``n``.
        dimension: ``D``.
        num_features: ``P`` values of ``p``, from ``k`` to ``D``, static.
        num_aligned: ``k``.

    Raises:
        ConfigError: an argument out of range.

    >>> shape = {"num_examples": 4, "dimension": 6, "num_features": (2, 4, 6), "num_aligned": 2}
    >>> found = aligned_risks(jax.random.key(0), jnp.array([0.0, 0.5]), **shape)
    >>> found.gaussian.shape, [bool(risk < 1e-9) for risk in found.orthogonal[0]]
    ((2, 3), [True, True, False])
    """
    check_key("key", key)
    for name, value in {"num_examples": num_examples, "num_aligned": num_aligned}.items():
        check_positive_int(name, value)
    if not num_features or not all(num_aligned <= p <= dimension for p in num_features):
        raise ConfigError(
            f"num_features = {tuple(num_features)} must be one or more integers from num_aligned = {num_aligned} to "
            f"dimension = {dimension}: the target is in the first {num_aligned} features."
        )
    n, sizes = num_examples, jnp.asarray(num_features)
    x = jax.random.normal(stream(key, "inputs"), (n, dimension), float)
    errors = jax.random.normal(stream(key, "errors"), (n,), float)
    b = jnp.where(jnp.arange(dimension) < num_aligned, 1.0 / math.sqrt(num_aligned), 0.0)
    fits = gram_fits(x, jnp.stack([x @ b, errors], axis=1), num_features)
    signal, noise = fits[..., 0], fits[..., 1]
    scales = jnp.sqrt(noise_variances)[:, None, None]
    gaussian = jnp.sum(jnp.square(signal + scales * noise - b), axis=2)
    # What is fitted of the noise is a projection of it: on the columns, and on everything once there are n of them.
    seen = jnp.sum(jnp.square(noise @ x.T), axis=1)
    fitted = jnp.where(sizes < n, seen / n, jnp.sum(jnp.square(errors)) / jnp.maximum(sizes, n))
    lost = jnp.sum(jnp.square(signal - b), axis=1)
    return AlignedRisks(gaussian, lost + noise_variances[:, None] * fitted)
