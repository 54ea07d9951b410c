"""Fits of one learner on every combination of label noise, initialisation and training sample, and averages of fits.

Cells that cross the factors are what :func:`gendyn.theory.variance_components` takes apart. Averages share a sample and
its labels with the cells and take initialisations of their own, so that what the cells say about them is a prediction.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError
from gendyn.types import Array

Learner = Callable[[Array, Array, Array, Array], Array]
"""``(key, x [n, d], y [n], points [Q, d]) -> predictions [..., Q]``: all randomness from the key; the axes in front of
the points are the learner's own, such as strengths of regularisation."""


class CrossedFits(NamedTuple):
    """Predictions at ``M`` points, ``...`` the learner's own axes."""

    cells: Array
    """``[E, I, S, ..., M]``: of each label noise, initialisation and sample."""
    ensemble: Array
    """Average over the ``K`` members on the first sample with its first labels, ``[..., M]``."""
    bagged: Array
    """The same, each member on its own resample of them, ``[..., M]``."""
    training_error: Array
    """Mean squared error on the training labels, averaged over cells, ``[...]``."""


def crossed_fits(
    learner: Learner, inits: Array, x: Array, y: Array, points: Array, *, members: Array, resamples: Array
) -> CrossedFits:
    """One fit for each cell of label noise x initialisation x sample, and for each member of two averages.

    All fits are one call of the learner, mapped. Pure; for use under ``jit`` and ``vmap``.

    Args:
        learner: see :data:`Learner`.
        inits: ``[I]`` keys, each an initialisation.
        x: samples ``[S, n, d]``.
        y: labels ``[E, S, n]``: each sample with each label noise.
        points: where to predict, ``[M, d]``.
        members: ``[K]`` keys, other ones: initialisations of the averages.
        resamples: ``[K, n]`` rows, drawn with replacement: the bootstrap resample of each member.

    Raises:
        ConfigError: shapes that do not fit.

    >>> def mean_label(key, x, y, points):
    ...     return jnp.full(len(points), y.mean())
    >>> keys, x = jax.random.split(jax.random.key(0), 5), jnp.ones([2, 4, 3])
    >>> y = jnp.arange(16.0).reshape(2, 2, 4)
    >>> found = crossed_fits(mean_label, keys[:2], x, y, x[0], members=keys[2:], resamples=jnp.zeros([3, 4], int))
    >>> found.cells[:, 0, :, 0].tolist(), float(found.ensemble[0]), float(found.bagged[0])
    ([[1.5, 5.5], [9.5, 13.5]], 1.5, 0.0)

    Reference: Adlam & Pennington (2020), arXiv:2011.03321 (the factors); Breiman (1996), Bagging predictors.
    """
    levels, count = (len(y), len(inits), len(x)), len(members)
    if x.ndim != 3 or y.shape[1:] != x.shape[:2] or resamples.shape != (count, x.shape[1]):
        raise ConfigError(
            f"x {x.shape} must be [S, n, d], y {y.shape} [E, S, n], and resamples {resamples.shape} [K, n] for the "
            f"{count} members: pass labels for every sample, and a resample for every member."
        )
    noise, init, sample = np.array(list(itertools.product(*map(range, levels)))).T
    inputs = jnp.concatenate([x[sample], jnp.broadcast_to(x[0], (count, *x[0].shape)), x[0][resamples]])
    answers = jnp.concatenate([y[noise, sample], jnp.broadcast_to(y[0, 0], (count, x.shape[1])), y[0, 0][resamples]])
    keys = jnp.concatenate([inits[init], members, members])

    def fit(key: Array, x: Array, y: Array) -> tuple[Array, Array]:
        predicted = learner(key, x, y, jnp.concatenate([points, x]))
        return predicted[..., : len(points)], jnp.mean(jnp.square(predicted[..., len(points) :] - y), -1)

    predicted, errors = jax.vmap(fit)(keys, inputs, answers)
    cells, ensemble, bagged = jnp.split(predicted, [len(noise), len(noise) + count])
    return CrossedFits(
        cells.reshape(*levels, *cells.shape[1:]), ensemble.mean(0), bagged.mean(0), errors[: len(noise)].mean(0)
    )
