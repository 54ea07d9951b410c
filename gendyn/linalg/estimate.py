"""A random estimate and how far it may be off."""

from typing import NamedTuple

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array


class Estimate(NamedTuple):
    """A scalar estimated from random probes."""

    value: Array
    standard_error: Array
    """Of ``value``, over the draw of the probes; at least the rounding of ``value``."""
    num_matvecs: int
    """Matrix-vector products spent."""


def mean_estimate(samples: Array, num_matvecs: int) -> Estimate:
    """Mean of independent samples ``[n]`` and its :func:`standard_error`.

    >>> import jax.numpy as jnp
    >>> found = mean_estimate(jnp.array([1.0, 2.0, 3.0, 4.0, 5.0]), 5)
    >>> float(found.value), float(found.standard_error)
    (3.0, 1.0)
    """
    value = jnp.mean(samples)
    return Estimate(value, jnp.maximum(standard_error(samples), rounding(value)), num_matvecs)


def standard_error(samples: Array) -> Array:
    """Of the mean over the first axis of independent samples ``[n, ...]``, calibrated: see :func:`calibrated`.

    One sample has none: NaN.

    Raises:
        ConfigError: no sample.
    """
    if not jnp.shape(samples)[:1] or not samples.shape[0]:
        raise ConfigError(f"samples {jnp.shape(samples)} must be [n, ...] with at least one sample.")
    deviations = samples - jnp.mean(samples, axis=0)
    # In units of the largest one: cubes of large numbers would overflow.
    unit = jnp.max(jnp.abs(deviations), axis=0)
    unit = jnp.where(unit > 0, unit, 1)
    deviations = deviations / unit
    return unit * calibrated(jnp.sum(deviations**2, axis=0), jnp.sum(deviations**3, axis=0), samples.shape[0])


def calibrated(squares: Array, cubes: Array, count: int) -> Array:
    """A standard error ``e`` such that ``(mean - truth) / e`` has about variance 1, also for few and skewed samples.

    ``e^2 = s^2 / n ((n - 1) / (n - 3) + 2.5 g^2 / n)``. The first factor is the variance of Student's t: an error bar
    estimated from ``n`` samples is too short as often as they happen to lie close together. The second is for the
    skewness ``g``: quadratic forms ``v^T A v`` of an operator with few large eigenvalues are like chi-squared, where a
    small mean comes with a small spread. Edgeworth's expansion has 7/4 there, with the true skewness; the square of
    that of few samples is too small by about 0.7.

    Measured variances, with the bare ``s^2 / n`` in brackets: normal samples 0.9 (1.2) at 12, chi-squared ones of one
    degree of freedom, the most skewed case, 1.1 (1.4) at 40, 1.4 (2.0) at 20, 1.8 (2.9) at 12. With two or three
    samples nothing helps; their first factor is that of four.

    Args:
        squares: sum of squared deviations from the mean.
        cubes: sum of cubed ones.
        count: samples ``n``.

    Reference: Johnson, J. Am. Stat. Assoc. 73 (1978); Hall, The Bootstrap and Edgeworth Expansion (1992), ch. 2.
    """
    enough = max(count, 4)
    variance = squares / (count - 1)
    above_zero = jnp.where(squares > 0, squares, 1)
    skewness = (cubes / above_zero) * (count**0.5 / jnp.sqrt(above_zero))
    unbiased = (count * (count - 1)) ** 0.5 / (count - 2) if count > 2 else 0.0
    factor = (enough - 1) / (enough - 3) + 2.5 * (unbiased * skewness) ** 2 / count
    return jnp.sqrt(variance / count * factor)


def rounding(value: Array) -> Array:
    """A machine epsilon of the value."""
    return jnp.finfo(value.dtype).eps * jnp.abs(value)
