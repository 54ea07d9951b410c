"""Gaussian-process regression on several corruptions of one set of labels, from one factorisation."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.regression.covariances import Covariance
from gendyn.regression.expected_evidence import gp_expected_log_evidence
from gendyn.regression.gaussian_process import Posterior, gaussian_process, gp_leave_one_out
from gendyn.types import Array, ArrayLike


class CorruptedLabels(NamedTuple):
    """What one prior says of ``D`` corruptions of the labels, and of the mean over all."""

    posterior: Posterior
    """Of the first corruption, with targets ``[n, K]``; its ``log_evidence`` is that of all targets together."""
    left_out: Array
    """``[n, K]``: predictions of each point from all others, with the first corruption's labels."""
    log_evidence: Array
    """``[D]``, summed over the ``K`` columns of targets; natural logarithms."""
    expected_log_evidence: Array
    """``[]``, its exact mean over corruptions."""


def gp_corrupted_labels(
    covariance: Covariance, params: Any, x: ArrayLike, labels: ArrayLike, probabilities: ArrayLike
) -> CorruptedLabels:
    """:func:`gp_label_regression` on each of several sets of labels that share inputs and prior.

    Targets are +1 at the label's class and -1 elsewhere. Over labels that are independent of each other, with
    probabilities ``P``, they have means ``m = 2 P - 1`` and variances ``1 - m^2``, of which
    :func:`gp_expected_log_evidence` needs no more. Noise is a ``white`` part of the covariance.

    Cost: one Cholesky factor, and ``n^2 K (D + 1)`` multiply-adds.

    Args:
        covariance, params: the prior.
        x: ``[n, d]``.
        labels: ``[D, n]`` integers in ``0 .. K - 1``.
        probabilities: ``[n, K]``, of each label, such as :func:`gendyn.tasks.label_probabilities`.

    Raises:
        ConfigError: shapes that do not fit, and as :func:`gaussian_process`.
    """
    told, chances = jnp.asarray(labels), jnp.asarray(probabilities)
    if told.ndim != 2 or chances.ndim != 2 or told.shape[1:] != chances.shape[:1]:
        raise ConfigError(f"labels {told.shape} must be [D, n], probabilities {chances.shape} [n, K], of the same n.")
    size, count = chances.shape
    means = 2.0 * chances - 1.0
    signs = 2.0 * jax.nn.one_hot(told, count, dtype=means.dtype) - 1.0
    targets = jnp.concatenate([jnp.moveaxis(signs, 0, 1).reshape(size, -1), means], axis=1)
    variances = jnp.zeros_like(targets).at[:, -count:].set(1.0 - means**2)
    posterior = gaussian_process(covariance, params, x, targets)
    left_out = gp_leave_one_out(posterior, targets)
    evidence = gp_expected_log_evidence(posterior, targets, variances, left_out)
    totals = jnp.sum(evidence.reshape(-1, count), axis=1)
    first = posterior._replace(weights=posterior.weights[:, :count])
    return CorruptedLabels(first, left_out.mean[:, :count], totals[:-1], totals[-1])
