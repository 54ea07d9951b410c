"""Gaussian-process classification: by regression on signs, and by Laplace's approximation (binary or one-vs-rest).

There is no variational inference here: for the logistic likelihood Laplace's evidence has a closed gradient and no
optimiser of its own, and 100 variational updates at n = 10,000 are a study of the optimiser.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_positive_int, is_concrete
from gendyn.regression._gp_factor import solve_lower
from gendyn.regression._gp_laplace import laplace
from gendyn.regression.covariances import Covariance
from gendyn.regression.gaussian_process import MAX_JITTER, Posterior, check_data, gaussian_process
from gendyn.types import Array, ArrayLike

QUADRATURE_NODES = 32


class LaplacePosterior(NamedTuple):
    """A Gaussian around the most probable latent function, of one binary problem or (leading ``C``) one a class."""

    x: Array
    """``[n, d]``."""
    mode: Array
    """Most probable latent values ``f``, ``[n]`` or ``[C, n]``."""
    slopes: Array
    """``d log p(y | f) / df`` at the mode, like ``mode``."""
    root_weights: Array
    """``sqrt(-d^2 log p(y | f) / df^2)`` at the mode, like ``mode``."""
    lower: Array
    """``L L^T = I + W^(1/2) K W^(1/2)``, ``[n, n]`` or ``[C, n, n]``."""
    log_evidence: Array
    """Laplace's approximation of ``log p(y | x)``, ``[]`` or ``[C]``, natural logarithm."""
    num_steps: Array
    """Newton steps, int32."""
    converged: Array
    """bool: the last step gained less than rounding; never where not ``positive_definite``."""
    positive_definite: Array
    """bool. False: ``K`` is no covariance matrix, and the numbers above are NaN."""


class ClassPrediction(NamedTuple):
    """Of new points."""

    probability: Array
    """Of label 1, ``[m]``; of each class, ``[m, C]``, rows that sum to 1."""
    mean: Array
    """Of the latent function, ``[m]`` or ``[m, C]``."""
    variance: Array
    """Of the latent function, like ``mean``."""


def gp_label_regression(
    covariance: Covariance,
    params: Any,
    x: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    *,
    noise_variance: ArrayLike = 0.0,
    max_jitter: ArrayLike = MAX_JITTER,
) -> Posterior:
    """:func:`gaussian_process` on targets +1 at the label's class and -1 elsewhere, ``[n, num_classes]``.

    The predicted class is ``argmax`` of :func:`gp_predict`'s mean. Two classes share one column up to its sign, and
    ``num_classes=1`` takes labels 0 and 1 to one column ``[n, 1]`` whose sign is the class. ``log_evidence`` is the
    exact one of the regression, summed over columns; per datum it is divided by ``n`` (and by the columns).

    Raises:
        ConfigError: labels outside ``0 .. num_classes - 1``, and as :func:`gaussian_process`.
    """
    check_positive_int("num_classes", num_classes)
    points = covariance.checked(params, x)
    classes = _labels(labels, points, max(num_classes, 2))
    wanted = jnp.ones(1, classes.dtype) if num_classes == 1 else jnp.arange(num_classes)
    targets = jnp.where(classes[:, None] == wanted[None], 1.0, -1.0)
    return gaussian_process(covariance, params, points, targets, noise_variance=noise_variance, max_jitter=max_jitter)


def gp_laplace(
    covariance: Covariance,
    params: Any,
    x: ArrayLike,
    labels: ArrayLike,
    num_classes: int = 2,
    *,
    max_steps: int = 50,
) -> LaplacePosterior:
    """Laplace's approximation with the logistic likelihood ``p(y = 1 | f) = 1 / (1 + exp(-f))``.

    ``log q(y) = log p(y | f) - f^T K^-1 f / 2 - log det(I + W^(1/2) K W^(1/2)) / 2`` at the mode ``f``. Newton's
    method with a line search; no jitter is needed, since the matrix factorised has eigenvalues of at least 1.

    ``log_evidence`` is differentiable in the hyperparameters (through the mode too); the other fields
    carry no gradient.

    Cost: a Cholesky factor a Newton step (5 to 10 of them), for each class.

    Args:
        covariance, params: usually with a scale, ``rbf().scaled()``: latent functions have units.
        x: ``[n, d]``.
        labels: ``[n]`` integers ``0 .. num_classes - 1``.
        num_classes: 2: one binary problem, fields without a class axis. More: one-vs-rest, one problem a class and a
            leading axis ``C``; the evidences are those of ``C`` binary problems, not of one multi-class model.
        max_steps: Newton steps at most.

    Raises:
        ConfigError: no data, labels out of range; outside a traced function a covariance that is not positive
            semidefinite. Under tracing ``positive_definite`` is False instead.

    Reference: Rasmussen & Williams (2006), algorithms 3.1 and 5.1.
    """
    check_positive_int("num_classes", num_classes, low=2)
    check_positive_int("max_steps", max_steps)
    points = covariance.checked(params, x)
    check_data(points)
    classes = _labels(labels, points, num_classes)
    matrix = covariance(params, points)
    if num_classes == 2:
        found = laplace(matrix, jnp.where(classes == 1, 1.0, -1.0).astype(points.dtype), max_steps)
    else:
        signs = jnp.where(classes[None] == jnp.arange(num_classes)[:, None], 1.0, -1.0).astype(points.dtype)
        found = jax.vmap(lambda one: laplace(matrix, one, max_steps))(signs)
    sound = found.positive_definite
    if is_concrete(sound) and not bool(jnp.all(sound)):
        raise ConfigError(
            f"I + W^(1/2) K W^(1/2) has no Cholesky factor in {matrix.dtype}: the covariance is not positive "
            "semidefinite, or not finite. Check x, the hyperparameters and the covariance."
        )
    return LaplacePosterior(points, *found)


def gp_laplace_predict(
    covariance: Covariance, params: Any, posterior: LaplacePosterior, x: ArrayLike
) -> ClassPrediction:
    """Latent mean and variance, and the probability averaged over them by 32-point Gauss-Hermite quadrature.

    One-vs-rest probabilities are divided by their sum.

    Args:
        covariance, params: those of the posterior.
        posterior: of :func:`gp_laplace`.
        x: ``[m, d]``.

    Reference: Rasmussen & Williams (2006), algorithm 3.2.
    """
    points = jnp.asarray(x, posterior.x.dtype)
    cross = covariance(params, posterior.x, points)
    prior = covariance.variance(params, points)

    def latent(slopes: Array, root_weights: Array, lower: Array) -> tuple[Array, Array]:
        explained = solve_lower(lower, root_weights[:, None] * cross)
        return cross.T @ slopes, jnp.maximum(prior - jnp.sum(explained**2, axis=0), 0.0)

    arguments = (posterior.slopes, posterior.root_weights, posterior.lower)
    if posterior.mode.ndim == 1:
        mean, variance = latent(*arguments)
        return ClassPrediction(_averaged(mean, variance), mean, variance)
    mean, variance = (found.T for found in jax.vmap(latent)(*arguments))
    probability = _averaged(mean, variance)
    return ClassPrediction(probability / jnp.sum(probability, axis=1, keepdims=True), mean, variance)


def _averaged(mean: Array, variance: Array) -> Array:
    """``E[sigmoid(f)]`` over ``f ~ N(mean, variance)``."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    values = mean[..., None] + jnp.sqrt(variance)[..., None] * jnp.asarray(nodes, mean.dtype)
    return jax.nn.sigmoid(values) @ jnp.asarray(weights / weights.sum(), mean.dtype)


def _labels(labels: ArrayLike, points: Array, num_classes: int) -> Array:
    classes = jnp.asarray(labels)
    if classes.shape != points.shape[:1] or not jnp.issubdtype(classes.dtype, jnp.integer):
        raise ConfigError(
            f"labels are {classes.dtype} of shape {classes.shape}; they must be integers of shape "
            f"({points.shape[0]},), one a row of x."
        )
    # By NumPy: jnp's minimum of known labels is a tracer inside a traced function.
    known = np.asarray(classes) if is_concrete(classes) else np.zeros(0, int)
    if known.size and (known.min() < 0 or known.max() >= num_classes):
        raise ConfigError(
            f"labels lie in {known.min()} .. {known.max()}; with num_classes = {num_classes} they "
            f"must be in 0 .. {num_classes - 1}."
        )
    return classes
