"""The mean of the log evidence over random targets, exact for any law with known means and variances.

For independent targets ``y_i`` of means ``m_i`` and variances ``v_i``, and a model under which ``y ~ N(0, A)``,

    E log p(y) = log N(m; 0, A) - sum_i [A^-1]_ii v_i / 2:

the evidence of the mean targets, less a price of their noise. Labels of which a share is replaced at random are such
targets, and so are those of a function with added noise.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, cholesky, solve_triangular
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.regression.gaussian_process import LeaveOneOut, Posterior
from gendyn.types import Array, ArrayLike


@full_precision
def gp_expected_log_evidence(posterior: Posterior, y: ArrayLike, y_variance: ArrayLike, left_out: LeaveOneOut) -> Array:
    """Mean log evidence of each output of a Gaussian process by itself, ``[C]``; natural logarithms.

    Outputs share the covariance, so that many targets under one prior cost one factorisation. Where all variances are
    0 the sum over outputs is ``posterior.log_evidence``.

    Args:
        posterior: of :func:`gaussian_process`; its jitter, if any, counts as noise.
        y: the targets ``[n, C]`` that it was computed from: means of the random ones.
        y_variance: ``[n, C]``, their variances; 0 for targets that are certain.
        left_out: of :func:`gp_leave_one_out` of the same; ``[A^-1]_ii`` is the inverse of its variance.

    Raises:
        ConfigError: shapes that do not fit.
    """
    targets, variance = (jnp.asarray(value, posterior.x.dtype) for value in (y, y_variance))
    if targets.ndim != 2 or not targets.shape == variance.shape == posterior.weights.shape:
        raise ConfigError(
            f"y {targets.shape} and y_variance {variance.shape} must be [n, C] as the posterior's targets, "
            f"{posterior.weights.shape}."
        )
    log_root = jnp.sum(jnp.log(jnp.diagonal(posterior.lower))) + 0.5 * len(targets) * math.log(2.0 * math.pi)
    price = 0.5 * jnp.sum(variance / left_out.variance[:, None], axis=0)
    return -0.5 * jnp.sum(targets * posterior.weights, axis=0) - log_root - price


@full_precision
def expected_log_evidence(
    x: ArrayLike, clean: ArrayLike, *, prior_variance: ArrayLike = 1.0, noise_variance: ArrayLike
) -> Array:
    """Mean over Gaussian label noise of the log evidence of a Bayesian linear model on ``clean + noise``; nats, scalar.

    ``-(n log 2 pi + log det C + clean^T C^-1 clean + noise_variance tr C^-1) / 2`` with
    ``C = X diag(prior_variance) X^T + noise_variance I``, by a Cholesky factor, where
    :func:`~gendyn.regression.bayesian_linear` goes through singular values. The model knows the noise.

    Cost: ``O(n^2 p + n^3)``.

    Args:
        x: design ``[n, p]``.
        clean: targets without noise, ``[n]``.
        prior_variance: scalar or ``[p]``, not negative; may be traced.
        noise_variance: positive scalar; may be traced.

    Raises:
        ConfigError: a variance out of range, no data, shapes that do not fit, entries that are not finite.

    >>> round(float(expected_log_evidence(jnp.ones((1, 1)), jnp.array([2.0]), noise_variance=1.0)), 4)
    -2.5155
    """
    design, targets = design_and_targets(x, clean)
    check_range("prior_variance", prior_variance, low=0)
    check_range("noise_variance", noise_variance, low=0, open_low=True)
    if jnp.ndim(clean) != 1:
        raise ConfigError(f"clean {jnp.shape(clean)} must be [n]: one output. Map over outputs with jax.vmap.")
    n, noise = len(design), floating("noise_variance", noise_variance).astype(design.dtype)
    covariance = (design * prior_variance) @ design.T + noise * jnp.eye(n, dtype=design.dtype)
    factor = cholesky(covariance)
    sides = jnp.column_stack([targets[:, 0], jnp.sqrt(noise) * jnp.eye(n, dtype=design.dtype)])
    whitened = solve_triangular(factor, sides, lower=True)
    return -0.5 * (n * jnp.log(2 * jnp.pi) + 2 * jnp.sum(jnp.log(jnp.diagonal(factor))) + jnp.sum(whitened**2))


@full_precision
def nested_expected_log_evidences(
    x: ArrayLike, clean: ArrayLike, *, prior_variance: ArrayLike = 1.0, noise_variance: ArrayLike
) -> Array:
    """:func:`expected_log_evidence` of the first column of the design, of its first two, ... of all: ``[p]``.

    Each column adds one direction to ``C``, whose inverse and determinant follow by Sherman and Morrison. Rounding
    grows with ``clean^2 / noise_variance``: in float64 1e-9 nats are left of ratios up to some 1e6.

    Cost: ``O(n^2 p)``, where ``p`` calls cost ``O(n^3 p)``.

    Args:
        x: design ``[n, p]``.
        clean: targets without noise, ``[n]``.
        prior_variance: scalar or ``[p]``, not negative; may be traced.
        noise_variance: positive scalar; may be traced.

    Raises:
        ConfigError: as there.

    >>> x, clean = jnp.array([[1.0, 2.0], [1.0, 3.0]]), jnp.array([1.0, 2.0])
    >>> [round(value, 4) for value in nested_expected_log_evidences(x, clean, noise_variance=1.0).tolist()]
    [-4.0538, -3.9604]
    >>> round(float(expected_log_evidence(x, clean, noise_variance=1.0)), 4)
    -3.9604
    """
    design, targets = design_and_targets(x, clean)
    check_range("prior_variance", prior_variance, low=0)
    check_range("noise_variance", noise_variance, low=0, open_low=True)
    if jnp.ndim(clean) != 1 or np.shape(prior_variance) not in ((), design.shape[1:]):
        raise ConfigError(
            f"clean {jnp.shape(clean)} must be [n], one output, and prior_variance {np.shape(prior_variance)} a scalar "
            f"or [{design.shape[1]}]."
        )
    n, noise = len(design), floating("noise_variance", noise_variance).astype(design.dtype)
    variances = jnp.broadcast_to(jnp.asarray(prior_variance, design.dtype), design.shape[1:])

    def add(carry: tuple[Array, Array], column: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        inverse, log_determinant = carry
        row, variance = column
        moved = inverse @ row
        gain = 1.0 + variance * (row @ moved)
        inverse = inverse - (variance / gain) * jnp.outer(moved, moved)
        log_determinant = log_determinant + jnp.log(gain)
        misfit = targets[:, 0] @ inverse @ targets[:, 0] + noise * jnp.trace(inverse)
        return (inverse, log_determinant), -0.5 * (n * math.log(2 * math.pi) + log_determinant + misfit)

    start = (jnp.eye(n, dtype=design.dtype) / noise, n * jnp.log(noise))
    return jax.lax.scan(add, start, (design.T, variances))[1]
