"""Bayesian linear regression with a Gaussian prior on coefficients: posterior, predictions and evidence in closed form.

``y = X w + noise``, ``w_j ~ N(0, prior_variance_j)`` independently, noise ``N(0, noise_variance)``. The posterior mean
is ridge regression with ``weights = 1 / prior_variance`` and ``penalty = noise_variance``; the evidence is that of a
Gaussian process with the kernel ``X diag(prior_variance) X^T``.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, svd
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.types import Array, ArrayLike


class BayesianLinear(NamedTuple):
    """The posterior, and how probable the data were."""

    mean: Array
    """Of the coefficients, ``[p]``."""
    covariance: Array
    """Of the coefficients, ``[p, p]``."""
    noise_variance: Array
    """As given, scalar."""
    log_evidence: Array
    """``log N(y; 0, X diag(prior_variance) X^T + noise_variance I)`` in nats, scalar, of all ``n`` together."""
    effective_dimension: Array
    """Coefficients that the data determine, ``sum s^2 / (1 + s^2)`` over singular values in units of the noise."""
    condition_number: Array
    """Of the data's covariance over ``noise_variance``: ``1 + s_1^2``, over ``1 + s_n^2`` where ``p >= n``."""


class Predictive(NamedTuple):
    """At ``m`` new points."""

    mean: Array
    """``[m]``."""
    variance: Array
    """``[m]`` of a new, noisy ``y``; less ``noise_variance`` it is that of the function."""


@full_precision
def bayesian_linear(
    x: ArrayLike, y: ArrayLike, *, prior_variance: ArrayLike = 1.0, noise_variance: ArrayLike
) -> BayesianLinear:
    """The exact posterior and log evidence, whatever the rank of ``X`` and ``p`` against ``n``.

    With the singular values ``s`` and left vectors ``U`` of ``X diag(sqrt(prior_variance)) / sqrt(noise_variance)``,

        log evidence = -(n log(2 pi noise_variance) + sum log(1 + s^2)
                         + (||y - U U^T y||^2 + sum (u . y)^2 / (1 + s^2)) / noise_variance) / 2.

    Cost: ``O(n p min(n, p) + p^2 min(n, p))``.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]``.
        prior_variance: scalar (isotropic) or ``[p]``, not negative; 0 fixes a coefficient at 0. May be traced.
        noise_variance: positive scalar; may be traced.

    Raises:
        ConfigError: a variance out of range or of another shape, no data, entries that are not finite.

    >>> found = bayesian_linear(jnp.ones((2, 1)), jnp.array([1.0, 2.0]), noise_variance=1.0)
    >>> found.mean.round(4).tolist(), f"{found.covariance[0, 0]:.4f}", f"{found.log_evidence:.4f}"
    ([1.0], '0.3333', '-3.3872')

    Reference: Bishop (2006), Pattern Recognition and Machine Learning, eqs. 3.49-3.54 and 3.86.
    """
    design, targets, scale, noise = _checked(x, y, prior_variance, noise_variance)
    return _posterior(design, targets, scale, noise)


@full_precision
def bayesian_predictive(posterior: BayesianLinear, x: ArrayLike) -> Predictive:
    """Mean ``x . mean`` and variance ``x^T covariance x + noise_variance`` of a new ``y`` at each row of ``x [m, p]``.

    Raises:
        ConfigError: columns that do not fit the posterior.

    >>> found = bayesian_linear(jnp.ones((2, 1)), jnp.array([1.0, 2.0]), noise_variance=1.0)
    >>> f"{bayesian_predictive(found, jnp.array([[2.0]])).variance[0]:.4f}"
    '2.3333'
    """
    points = floating("x", x)
    if points.ndim != 2 or points.shape[1:] != posterior.mean.shape:
        raise ConfigError(f"x {points.shape} must be [m, {len(posterior.mean)}], with the columns of the training x.")
    points = points.astype(posterior.mean.dtype)
    variance = jnp.einsum("mi,ij,mj->m", points, posterior.covariance, points)
    return Predictive(points @ posterior.mean, variance + posterior.noise_variance)


@full_precision
def sequential_log_densities(
    x: ArrayLike, y: ArrayLike, *, prior_variance: ArrayLike = 1.0, noise_variance: ArrayLike
) -> Array:
    """``log p(y_i | y_1, ..., y_{i-1})`` of each example in turn, ``[n]``; their sum is the log evidence.

    Each is scored by the posterior of those before it, which it then updates (a rank-one update, so that this is a
    computation of its own and no rearrangement of :func:`bayesian_linear`). Rounding accumulates over the updates:
    use float64 for noise far below the prior.

    Cost: ``O(n p^2)``.

    Raises:
        ConfigError: as :func:`bayesian_linear`.

    >>> found = sequential_log_densities(jnp.ones((2, 1)), jnp.array([1.0, 2.0]), noise_variance=1.0)
    >>> [f"{density:.4f}" for density in found]
    ['-1.5155', '-1.8717']
    """
    design, targets, scale, noise = _checked(x, y, prior_variance, noise_variance)
    return _sequence(design, targets, scale, noise)


def _checked(
    x: ArrayLike, y: ArrayLike, prior_variance: ArrayLike, noise_variance: ArrayLike
) -> tuple[Array, Array, Array, Array]:
    if jnp.ndim(y) != 1:
        raise ConfigError(f"y {jnp.shape(y)} must be [n]: one output. Map over outputs with jax.vmap.")
    design, targets = design_and_targets(x, y)
    check_range("prior_variance", prior_variance, low=0)
    check_range("noise_variance", noise_variance, low=0, open_low=True)
    if np.shape(prior_variance) not in ((), design.shape[1:]) or np.shape(noise_variance) != ():
        raise ConfigError(
            f"prior_variance {np.shape(prior_variance)} must be a scalar or [{design.shape[1]}], one for each column "
            f"of x, and noise_variance {np.shape(noise_variance)} a scalar."
        )
    variances = jnp.broadcast_to(jnp.asarray(prior_variance, design.dtype), design.shape[1:])
    return design, targets[:, 0], jnp.sqrt(variances), jnp.asarray(noise_variance, design.dtype)


@jax.jit
def _posterior(x: Array, y: Array, scale: Array, noise: Array) -> BayesianLinear:
    n, p = x.shape
    deviation = jnp.sqrt(noise)
    u, values, vt = svd(x * (scale / deviation))
    squares = values**2
    projected = u.T @ y
    mean = scale * (vt.T @ (values / (1 + squares) * projected)) / deviation
    shrink = squares / (1 + squares)
    # I - V diag(shrink) V^T loses the digits of a variance far below the prior's: split what V spans from the rest.
    outside = jnp.eye(p, dtype=x.dtype) - vt.T @ vt if p > n else jnp.zeros((p, p), x.dtype)
    covariance = scale[:, None] * ((vt.T / (1 + squares)) @ vt + outside) * scale
    beyond = jnp.sum((y - u @ projected) ** 2) if n > p else 0.0
    misfit = (beyond + jnp.sum(projected**2 / (1 + squares))) / noise
    log_evidence = -0.5 * (n * (math.log(2 * math.pi) + jnp.log(noise)) + jnp.sum(jnp.log1p(squares)) + misfit)
    lowest = 1 + squares[-1] if p >= n else 1.0
    return BayesianLinear(mean, covariance, noise, log_evidence, jnp.sum(shrink), (1 + squares[0]) / lowest)


@jax.jit
def _sequence(x: Array, y: Array, scale: Array, noise: Array) -> Array:
    def update(belief: tuple[Array, Array], example: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        mean, covariance = belief
        row, target = example
        direction = covariance @ row
        variance = row @ direction + noise
        error = target - row @ mean
        density = -0.5 * (jnp.log(2 * jnp.pi * variance) + error**2 / variance)
        gain = direction / variance
        return (mean + gain * error, covariance - jnp.outer(gain, direction)), density

    start = (jnp.zeros_like(scale), jnp.diag(scale**2))
    _, densities = jax.lax.scan(update, start, (x, y))
    return densities
