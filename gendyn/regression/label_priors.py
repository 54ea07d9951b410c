"""The prior that the evidence chooses, of a regression on each of several sets of labels of the same inputs."""

import functools
from collections.abc import Callable

import jax

from gendyn.regression.covariances import Covariance
from gendyn.regression.gp_classification import gp_label_regression, gp_laplace
from gendyn.regression.gp_optimise import gp_optimise
from gendyn.types import Array, PyTree


@functools.partial(jax.jit, static_argnames=("covariance", "num_classes", "num_steps"))
def gp_label_priors(
    covariance: Covariance, x: Array, labels: Array, *, num_classes: int, num_steps: int = 200
) -> PyTree:
    """Hyperparameters of the largest evidence of :func:`gp_label_regression`, for each of ``L`` sets of labels.

    :func:`gp_optimise` from one start, the covariance's own, so that the choice has no randomness. Noise is a ``white``
    part of the covariance.

    Args:
        covariance: of the prior.
        x: ``[n, d]``; its type is that of the hyperparameters.
        labels: ``[L, n]`` integers in ``0 .. num_classes - 1``.
        num_classes: static.
        num_steps: of the optimiser.

    Returns:
        A tree like ``covariance.init()``, each leaf ``[L, ...]``; NaN where no evidence is finite.
    """

    def chosen(told: Array) -> PyTree:
        return _largest(
            covariance, x, lambda p: gp_label_regression(covariance, p, x, told, num_classes).log_evidence, num_steps
        )

    return jax.lax.map(chosen, labels)


@functools.partial(jax.jit, static_argnames=("covariance", "num_steps"))
def gp_laplace_prior(covariance: Covariance, x: Array, labels: Array, *, num_steps: int = 200) -> PyTree:
    """As :func:`gp_label_priors`, of Laplace's approximation with two classes and one set of labels ``[n]``."""
    return _largest(covariance, x, lambda p: gp_laplace(covariance, p, x, labels).log_evidence, num_steps)


def _largest(covariance: Covariance, x: Array, log_evidence: Callable[[PyTree], Array], num_steps: int) -> PyTree:
    start = jax.tree.map(lambda leaf: leaf.astype(x.dtype), covariance.init())
    # One start, the prior's own: its key decides nothing.
    return gp_optimise(log_evidence, start, key=jax.random.key(0), num_restarts=1, num_steps=num_steps).params
