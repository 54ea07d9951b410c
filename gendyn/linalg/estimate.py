"""A random estimate and how far it may be off."""

from typing import NamedTuple

import jax.numpy as jnp

from gendyn.types import Array


class Estimate(NamedTuple):
    """A scalar estimated from random probes."""

    value: Array
    standard_error: Array
    """Of ``value``, over the draw of the probes; at least the rounding of ``value``."""
    num_matvecs: int
    """Matrix-vector products spent."""


def mean_estimate(samples: Array, num_matvecs: int) -> Estimate:
    """Mean of independent samples ``[n]`` and its standard error ``sqrt(sum (s - mean)^2 / (n (n - 1)))``.

    >>> import jax.numpy as jnp
    >>> found = mean_estimate(jnp.array([1.0, 3.0]), 2)
    >>> float(found.value), float(found.standard_error)
    (2.0, 1.0)
    """
    value = jnp.mean(samples)
    spread = jnp.std(samples, ddof=1) / samples.size**0.5
    return Estimate(value, jnp.maximum(spread, rounding(value)), num_matvecs)


def rounding(value: Array) -> Array:
    """A machine epsilon of the value."""
    return jnp.finfo(value.dtype).eps * jnp.abs(value)
