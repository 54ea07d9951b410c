"""Linear regression with isotropic Gaussian inputs: the model that Belkin, Hsu & Xu solved at finite size.

:func:`gendyn.theory.min_norm_risk` and :func:`gendyn.theory.misspecified_ridge_risk` are its risks.

Reference: Belkin, Hsu & Xu (2020), Two models of double descent for weak features, arXiv:1903.07571.
"""

import math

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, stream
from gendyn.types import Array, ArrayLike


def isotropic_sample(
    key: Array, *, num_examples: int, dimension: int, noise_variances: ArrayLike
) -> tuple[Array, Array]:
    """``x ~ N(0, I_D)`` and ``y = x . b + e``, ``b = (1, .., 1) / sqrt(D)``: a signal of variance 1.

    Args:
        key: of inputs and noise; the noise of each variance is the same up to its size.
        num_examples: ``n``.
        dimension: ``D``.
        noise_variances: of ``e``, ``[V]``, not negative; may be traced.

    Returns:
        Inputs ``[n, D]`` and labels ``[n, V]``, in JAX's default dtype.

    Raises:
        ConfigError: an argument out of range.

    >>> x, y = isotropic_sample(jax.random.key(0), num_examples=4, dimension=9, noise_variances=jnp.array([0.0, 1.0]))
    >>> bool(jnp.allclose(y[:, 0], x.sum(1) / 3, atol=1e-5)), y.shape
    (True, (4, 2))
    """
    check_key("key", key)
    check_positive_int("num_examples", num_examples)
    check_positive_int("dimension", dimension)
    check_range("noise_variances", noise_variances, low=0)
    x = jax.random.normal(stream(key, "inputs"), (num_examples, dimension), float)
    errors = jax.random.normal(stream(key, "errors"), (num_examples, 1), float)
    return x, jnp.sum(x, axis=1, keepdims=True) / math.sqrt(dimension) + errors * jnp.sqrt(noise_variances)


def isotropic_risk(coefficients: Array) -> Array:
    """Exact mean squared error ``|w - b|^2`` against the noiseless target of :func:`isotropic_sample`.

    Args:
        coefficients: ``w [..., D, k]`` for ``k`` outputs; 0 for features left out.

    Returns:
        ``[..., k]``.

    Raises:
        ConfigError: no feature.

    >>> isotropic_risk(jnp.array([[0.5], [0.5], [0.0], [0.5]])).tolist()
    [0.25]
    """
    if coefficients.ndim < 2 or not coefficients.shape[-2]:
        raise ConfigError(f"coefficients {coefficients.shape} must be [..., D, k] with at least one feature.")
    return jnp.sum(jnp.square(coefficients - 1.0 / math.sqrt(coefficients.shape[-2])), axis=-2)
