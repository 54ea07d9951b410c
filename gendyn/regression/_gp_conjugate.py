"""Gaussian-process regression by conjugate gradients: no ``[n, n]`` matrix is ever held."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.regression.covariances import Covariance
from gendyn.regression.gaussian_process import check_data
from gendyn.types import Array, ArrayLike


class ConjugatePosterior(NamedTuple):
    """Weights of the posterior mean, up to the residual reported."""

    x: Array
    """``[n, d]``."""
    weights: Array
    """``A^-1 y``, ``[n]``; NaN where the residual is."""
    log_evidence: Array
    """``[]``; NaN where no ``log_determinant`` was given."""
    residual: Array
    """``|y - A weights| / |y|``, ``[]``, computed anew and not by the recurrence."""
    converged: Array
    """bool ``[]``: ``residual <= 2 tol``."""


def gp_conjugate_gradient(
    covariance: Covariance,
    params: Any,
    x: ArrayLike,
    y: ArrayLike,
    *,
    noise_variance: ArrayLike,
    tol: ArrayLike = 1e-6,
    max_steps: int = 1000,
    block_rows: int = 256,
    log_determinant: Callable[[Callable[[Array], Array], Array], ArrayLike] | None = None,
) -> ConjugatePosterior:
    """Solves ``(K + noise I) w = y`` by conjugate gradients, with rows of ``K`` computed anew at each product.

    It gives the mean (:func:`gp_conjugate_mean`), and the evidence only if an estimate of ``log det`` is given: with
    :func:`gendyn.linalg.log_determinant` as ``lambda matvec, like: log_determinant(matvec, like, key=key,
    num_probes=16, num_steps=50).value``. There is no predictive variance and no gradient of the evidence: use
    :func:`gaussian_process` for those.

    Cost: one kernel matrix a step, ``block_rows * n`` numbers of memory. Steps grow like the square root of
    ``(largest eigenvalue) / noise``.

    Args:
        covariance, params, x: as for :func:`gaussian_process`; no ``white`` part, the noise is an argument of its own.
        y: ``[n]``.
        noise_variance: positive for any hope of convergence.
        tol: relative residual at which to stop.
        max_steps: products at most.
        block_rows: rows of the kernel held at once.
        log_determinant: ``(matvec, like) -> log det`` of the positive definite map ``matvec`` on arrays like ``like``.

    Raises:
        ConfigError: no data, shapes that do not fit, counts below 1, a negative noise.

    Reference: Gibbs & MacKay (1997); Gardner et al. (2018), arXiv:1809.11165.
    """
    points = covariance.checked(params, x)
    check_data(points)
    targets = jnp.asarray(y, points.dtype)
    if targets.shape != points.shape[:1]:
        raise ConfigError(f"y has shape {targets.shape}; here it must be [n], one number a row of x {points.shape}.")
    if "white" in str(jax.tree.structure(dict(covariance.initial))):
        raise ConfigError("covariance has a white part, which rows computed in blocks miss; pass noise_variance.")
    check_range("noise_variance", noise_variance, low=0)
    check_range("tol", tol, low=0, open_low=True)
    check_positive_int("max_steps", max_steps)
    check_positive_int("block_rows", block_rows)
    noise = jnp.asarray(noise_variance, points.dtype)

    def matvec(vector: Array) -> Array:
        rows = jax.lax.map(
            lambda point: covariance(params, point[None], points)[0] @ vector, points, batch_size=block_rows
        )
        return rows + noise * vector

    weights, _ = jax.scipy.sparse.linalg.cg(matvec, targets, tol=tol, maxiter=max_steps)
    size = jnp.linalg.norm(targets)
    residual = jnp.linalg.norm(targets - matvec(weights)) / jnp.where(size > 0, size, 1.0)
    # The search of a system of NaN ends where it began, at 0.
    weights = jnp.where(jnp.isfinite(residual), weights, jnp.nan)
    evidence = jnp.asarray(jnp.nan, points.dtype)
    if log_determinant is not None:
        volume = jnp.asarray(log_determinant(matvec, targets), points.dtype)
        evidence = -0.5 * (targets @ weights + volume + targets.size * jnp.log(2 * jnp.pi))
    return ConjugatePosterior(points, weights, evidence, residual, residual <= 2 * jnp.asarray(tol, points.dtype))


def gp_conjugate_mean(
    covariance: Covariance, params: Any, posterior: ConjugatePosterior, x: ArrayLike, *, block_rows: int = 256
) -> Array:
    """Posterior mean at new points ``x [m, d]``, ``[m]``, with ``block_rows`` rows of the kernel at once."""
    points = jnp.asarray(x, posterior.x.dtype)
    return jax.lax.map(
        lambda point: covariance(params, point[None], posterior.x)[0] @ posterior.weights,
        points,
        batch_size=block_rows,
    )
