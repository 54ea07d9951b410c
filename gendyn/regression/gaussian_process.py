"""Exact Gaussian-process regression: posterior, evidence with its gradient, predictions, leave-one-out."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_range, eigvalsh, is_concrete
from gendyn.regression._gp_factor import solution, solve_lower
from gendyn.regression.covariances import Covariance
from gendyn.types import Array, ArrayLike

MAX_JITTER = 1e-3
"""Of the mean variance: above, the matrix is taken to be no covariance rather than a rounded one."""


class Posterior(NamedTuple):
    """What the data say, and what it took to compute it."""

    x: Array
    """``[n, d]``."""
    lower: Array
    """``L`` of ``K + (noise + jitter) I = L L^T``, ``[n, n]``."""
    weights: Array
    """``(K + (noise + jitter) I)^-1 y``, ``[n]`` or ``[n, C]``, as the targets."""
    log_evidence: Array
    """``log p(y | x)`` ``[]``, natural logarithm, summed over the ``C`` outputs."""
    jitter: Array
    """``[]``: what was added to the diagonal beside the noise, in the units of ``y^2``; 0 where nothing was."""
    condition: Array
    """``[]``: squared ratio of the largest to the smallest pivot, a lower bound of the condition number."""
    positive_definite: Array
    """bool ``[]``. False: no jitter up to ``max_jitter`` helped and every number above is NaN."""


class Prediction(NamedTuple):
    """The posterior of the noiseless function (with a ``white`` part: of noisy values) at new points."""

    mean: Array
    """``[m]`` or ``[m, C]``."""
    variance: Array
    """``[m]``, or ``[m, m]`` where the full covariance was asked for; the same for all outputs."""


class LeaveOneOut(NamedTuple):
    """Predictions of each target from all others."""

    mean: Array
    """``[n]`` or ``[n, C]``."""
    variance: Array
    """``[n]``, of the noisy target."""
    log_density: Array
    """``[n]`` or ``[n, C]``: ``log p(y_i | all others)``."""


def gaussian_process(
    covariance: Covariance,
    params: Any,
    x: ArrayLike,
    y: ArrayLike,
    *,
    noise_variance: ArrayLike = 0.0,
    max_jitter: ArrayLike = MAX_JITTER,
) -> Posterior:
    """Posterior of ``y = f(x) + noise``, ``f ~ GP(0, k)``, and the evidence

    ``log p(y) = -y^T A^-1 y / 2 - log det A / 2 - n log(2 pi) / 2`` with ``A = K + noise_variance I``.

    Where ``A`` has no Cholesky factor in this precision (duplicate points without noise, smooth kernels in float32),
    the smallest of the jitters ``eps, 10 eps, ...`` times the mean variance that gives one is added, and reported:
    the result is that of a process with so much more noise.

    All fields are differentiable in the hyperparameters, the data and the noise, once and in reverse mode; the jitter
    counts as a constant.

    Cost: ``n^3 / 3`` operations; a gradient of the evidence ``4 n^3 / 3`` more. Under vmap on a CPU the members follow
    one another within the program.

    Args:
        covariance: such as ``rbf().scaled()``.
        params: its hyperparameters, as ``covariance.init()``.
        x: ``[n, d]``; its dtype is that of the result.
        y: ``[n]``, or ``[n, C]`` outputs that share the covariance and are independent.
        noise_variance: at least 0, in the units of ``y^2``; a scalar, or ``[n]``, one a point. A ``white`` part in the
            covariance does the same and is learned with the other hyperparameters.
        max_jitter: largest jitter allowed, relative to the mean variance; 0: none.

    Raises:
        ConfigError: no data, shapes that do not fit, a negative noise or jitter; and outside a traced function a
            matrix that is not positive definite, or not finite. Under tracing ``positive_definite`` is False instead.

    >>> from gendyn.regression import rbf
    >>> covariance = rbf()
    >>> posterior = gaussian_process(covariance, covariance.init(), [[0.0], [1.0]], [1.0, -1.0], noise_variance=0.1)
    >>> round(float(posterior.log_evidence), 3), float(posterior.jitter)
    (-3.778, 0.0)

    Reference: Rasmussen & Williams (2006), algorithm 2.1 and eq. 5.9.
    """
    points = covariance.checked(params, x)
    check_data(points)
    targets = jnp.asarray(y, points.dtype)
    if targets.ndim not in (1, 2) or targets.shape[0] != points.shape[0]:
        raise ConfigError(
            f"y has shape {targets.shape}, x has {points.shape[0]} rows; y must be [n] or [n, outputs] with one row a "
            "point."
        )
    check_range("noise_variance", noise_variance, low=0)
    check_range("max_jitter", max_jitter, low=0)
    noise = jnp.broadcast_to(jnp.asarray(noise_variance, points.dtype), points.shape[:1])
    columns = targets[:, None] if targets.ndim == 1 else targets
    build, limit = _NoisyCovariance(covariance), jnp.asarray(max_jitter, points.dtype)
    if all(is_concrete(leaf) for leaf in jax.tree.leaves((params, points, noise, columns))):
        # Outside of any program: the matrix by itself, so that no covariance function compiles a program of its own.
        matrix = build((params, points, noise))
        found = solution(_as_it_is, matrix, columns, limit)
        refuse_indefinite(found.positive_definite, matrix, max_jitter)
    else:
        found = solution(build, (params, points, noise), columns, limit)
    pivots = jnp.diagonal(found.lower)
    return Posterior(
        points,
        found.lower,
        found.weights.reshape(targets.shape),
        found.log_density,
        found.jitter,
        (jnp.max(pivots) / jnp.min(pivots)) ** 2,
        found.positive_definite,
    )


@dataclasses.dataclass(frozen=True)
class _NoisyCovariance:
    """Two of equal covariance functions are equal, and share a compiled program."""

    covariance: Covariance

    def __call__(self, inputs: tuple[Any, Array, Array]) -> Array:
        params, points, noise = inputs
        return self.covariance(params, points) + jnp.diag(noise)


def _as_it_is(matrix: Array) -> Array:
    return matrix


def gp_predict(
    covariance: Covariance, params: Any, posterior: Posterior, x: ArrayLike, *, full: bool = False
) -> Prediction:
    """Mean ``k^T A^-1 y`` and variance ``k(x, x) - k^T A^-1 k`` at new points; ``n^2`` multiply-adds a point.

    Args:
        covariance, params: those of the posterior.
        posterior: of :func:`gaussian_process`.
        x: ``[m, d]``.
        full: the whole covariance of the new points.

    Raises:
        ConfigError: inputs that do not fit.

    Reference: Rasmussen & Williams (2006), eq. 2.25 and 2.26.
    """
    points = jnp.asarray(x, posterior.x.dtype)
    cross = covariance(params, posterior.x, points)
    explained = solve_lower(posterior.lower, cross)
    mean = jnp.tensordot(cross, posterior.weights, axes=(0, 0))
    if full:
        return Prediction(mean, covariance(params, points) - explained.T @ explained)
    variance = covariance.variance(params, points) - jnp.sum(explained**2, axis=0)
    # Rounding, not jitter: a variance of 0 may come out as -1e-16.
    return Prediction(mean, jnp.maximum(variance, 0.0))


def gp_leave_one_out(posterior: Posterior, y: ArrayLike) -> LeaveOneOut:
    """Every target predicted from all others, without fitting again.

    ``mean_i = y_i - [A^-1 y]_i / [A^-1]_ii``, ``variance_i = 1 / [A^-1]_ii``; ``n^3`` operations. Differentiable as
    the posterior is: its sum is another objective to choose hyperparameters by.

    Args:
        posterior: of :func:`gaussian_process`; its jitter, if any, counts as noise.
        y: the targets it was computed from.

    Reference: Rasmussen & Williams (2006), eq. 5.10 to 5.12.
    """
    targets = jnp.asarray(y, posterior.x.dtype)
    if targets.shape != posterior.weights.shape:
        raise ConfigError(f"y has shape {targets.shape}; the posterior's targets had {posterior.weights.shape}.")
    variance = 1.0 / jnp.sum(solve_lower(posterior.lower, jnp.eye(len(targets), dtype=targets.dtype)) ** 2, axis=0)
    wide = variance if targets.ndim == 1 else variance[:, None]
    mean = targets - posterior.weights * wide
    return LeaveOneOut(mean, variance, jax.scipy.stats.norm.logpdf(targets, mean, jnp.sqrt(wide)))


def check_data(points: Array) -> None:
    """Raises :class:`ConfigError` where there is nothing to condition on."""
    if points.shape[0] == 0 or points.shape[1] == 0:
        raise ConfigError(f"x has shape {points.shape}; a posterior needs at least one point and one feature.")


def refuse_indefinite(positive_definite: Array, matrix: Array, max_jitter: ArrayLike) -> None:
    """Raises :class:`ConfigError` where the answer is known, that is outside a traced function."""
    if not is_concrete(positive_definite) or bool(positive_definite):
        return
    if not bool(jnp.all(jnp.isfinite(matrix))):
        raise ConfigError("the covariance matrix is not finite: check x and the hyperparameters for NaN and overflow.")
    smallest = float(eigvalsh(matrix)[0])
    raise ConfigError(
        f"the covariance matrix is not positive definite in {matrix.dtype}: its smallest eigenvalue is {smallest:.3g}, "
        f"and no jitter up to max_jitter = {max_jitter} of the mean variance helps. Use a positive semidefinite "
        "covariance, raise noise_variance or max_jitter, or compute in float64."
    )
