"""What the Fourier analyses of a table of logits ``[n, n, C]`` share."""

import math

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def check_table(table: ArrayLike) -> Array:
    """Logits ``[n, n, C]`` in float32 at least."""
    logits = jnp.asarray(table)
    if logits.ndim != 3 or logits.shape[0] != logits.shape[1] or logits.shape[0] < 3 or logits.shape[2] == 0:
        raise ConfigError(
            f"table has shape {logits.shape}; it must be [n, n, C] with n of at least 3 and C of 1. "
            "gendyn.measure.group_table builds it from logits [p * p, C]."
        )
    return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))


def both_signs(size: int) -> Array:
    """How many of the ``n`` complex exponentials belong to each frequency: 2, and 1 for ``n / 2``."""
    return jnp.array([1.0 if 2 * w == size else 2.0 for w in range(1, math.floor(size / 2) + 1)])


def mean_by_sum(logits: Array) -> Array:
    """``[s, c]``: the mean over pairs with ``a + b = s``."""
    size = logits.shape[0]
    element = jnp.arange(size)
    return jnp.mean(logits[element, (element[:, None] - element) % size], axis=1)
