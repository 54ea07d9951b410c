"""Regression of a linear teacher on the sphere, by ridge on random features: the model that Mei & Montanari solved.

:func:`gendyn.theory.random_features_risk` is its risk in the limit. Inputs are those of
:func:`~gendyn.regression.sphere_points`, features those of :func:`~gendyn.regression.random_sphere_features`.

Reference: Mei & Montanari (2022), The generalization error of random features regression, arXiv:1908.05355.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike as NumpyLike

from gendyn.core import check_key, check_positive_int, check_range, normal, stream
from gendyn.regression._design import full_precision
from gendyn.regression.crossed_fits import CrossedFits, Learner, crossed_fits
from gendyn.regression.least_squares import ridge as ridge_regression
from gendyn.regression.random_features import random_sphere_features, sphere_points
from gendyn.types import Array


@full_precision
def sphere_sample(
    key: Array, *, dimension: int, num_train: int, num_test: int, num_targets: int, noise_variances: Sequence[float]
) -> tuple[Array, Array, Array, Array]:
    """``x`` uniform on the sphere of radius ``sqrt(d)``, ``y = b . x / sqrt(d) + noise``, ``b`` on the same sphere.

    The signal has variance 1. Each of the ``C`` targets has its own ``b`` and noise, and all are divided by
    ``sqrt(C)``, so that an error summed over targets is the mean over teachers.

    Args:
        key: of everything; the noise of each variance is the same up to its size.
        dimension: ``d``.
        num_train, num_test: ``n`` and ``M``.
        num_targets: ``C``.
        noise_variances: ``V`` of them, at least 0.

    Returns:
        Training inputs ``[n, d]`` and labels ``[n, V C]``, noise by noise; test inputs ``[M, d]`` and noiseless targets
        ``[M, C]``.

    Raises:
        ConfigError: an argument out of range.

    >>> shape = {"dimension": 4, "num_train": 5, "num_test": 6, "num_targets": 2}
    >>> [a.shape for a in sphere_sample(jax.random.key(0), **shape, noise_variances=(0.0, 0.5, 1.0))]
    [(5, 4), (5, 6), (6, 4), (6, 2)]
    """
    check_key("key", key)
    check_positive_int("num_targets", num_targets)
    check_range("noise_variances", np.asarray(noise_variances), low=0)
    teachers = sphere_points(stream(key, "teachers"), num_targets, dimension).T / math.sqrt(dimension * num_targets)
    x, fresh = (
        sphere_points(stream(key, name), n, dimension) for name, n in (("train", num_train), ("test", num_test))
    )
    noise = normal(stream(key, "noise"), (num_train, 1, num_targets)).astype(x.dtype) / math.sqrt(num_targets)
    y = (x @ teachers)[:, None] + noise * jnp.sqrt(jnp.asarray(noise_variances, x.dtype))[:, None]
    return x, y.reshape(num_train, -1), fresh, fresh @ teachers


def sphere_penalty(ridge: NumpyLike, num_features: int, num_train: int, dimension: int) -> np.ndarray:
    """``n N ridge / d``: Mei & Montanari's ``ridge`` as the penalty beside the **sum** of squared errors.

    Args:
        ridge: any shape.
        num_features: ``N``.
        num_train: ``n``.
        dimension: ``d``.

    Raises:
        ConfigError: a size that is not positive.

    >>> sphere_penalty([0.0, 0.5], 20, 10, 4).tolist()
    [0.0, 25.0]
    """
    for name, size in (("num_features", num_features), ("num_train", num_train), ("dimension", dimension)):
        check_range(name, size, low=0, open_low=True)
    return np.asarray(ridge, np.float64) * (num_train * num_features / dimension)


@full_precision
def sphere_features_ridge(
    key: Array, x: Array, y: Array, points: Array, *, sizes: Sequence[int], ridges: Sequence[float]
) -> Array:
    """Ridge regression on random ReLU features on the sphere, for every number of features and ridge: ``[L, P, Q]``.

    All numbers of features are prefixes of one draw.

    Args:
        key: of the features.
        x: ``[n, d]``, of norm ``sqrt(d)``.
        y: ``[n]``.
        points: where to predict, ``[Q, d]``.
        sizes: ``P`` numbers of features ``N``, static.
        ridges: ``L`` of them, at least 0, in the units of :func:`sphere_penalty`.

    Raises:
        ConfigError: shapes that do not fit, a negative ridge, or a size below 1.

    >>> key, x = jax.random.key(0), sphere_points(jax.random.key(1), 6, 4)
    >>> sphere_features_ridge(key, x, x[:, 0], x[:5], sizes=(3, 8), ridges=(0.0, 0.1, 1.0)).shape
    (3, 2, 5)
    """
    check_key("key", key)
    z, at = (random_sphere_features(key, inputs, max(sizes)) for inputs in (x, points))
    predictions = []
    for size in sizes:
        solved = ridge_regression(z[:, :size], y, sphere_penalty(ridges, size, *x.shape))
        predictions.append(jnp.einsum("qi,li->lq", at[:, :size], solved.coefficients))
    return jnp.stack(predictions, 1)


@full_precision
def crossed_sphere_fits(
    key: Array,
    learner: Learner,
    *,
    dimension: int,
    num_train: int,
    num_test: int,
    noise_variance: float,
    members: int,
    levels: int = 2,
) -> tuple[CrossedFits, Array]:
    """:func:`~gendyn.regression.crossed_fits` to a linear teacher on the sphere, everything drawn from one key.

    ``x`` is uniform on the sphere of radius ``sqrt(d)`` and ``y = b . x / sqrt(d) + noise``, ``b`` on the same sphere:
    the signal has variance 1. Each noise is added to the labels of every sample alike.

    Args:
        key: of teacher, test points, samples, noises, initialisations and resamples.
        learner: see :data:`~gendyn.regression.Learner`.
        dimension: ``d``.
        num_train, num_test: ``n`` and ``M``.
        noise_variance: of the labels, at least 0.
        members: ``K`` of each average.
        levels: of each factor.

    Returns:
        The fits, and the noiseless target at the test points, ``[M]``.

    Raises:
        ConfigError: an argument out of range.

    >>> shape = {"dimension": 4, "num_train": 6, "num_test": 5, "noise_variance": 0.5, "members": 3}
    >>> fits, target = crossed_sphere_fits(jax.random.key(0), lambda key, x, y, at: at @ x[0], **shape)
    >>> fits.cells.shape, fits.bagged.shape, target.shape
    ((2, 2, 2, 5), (5,), (5,))

    Reference: Adlam & Pennington (2020), arXiv:2011.03321.
    """
    check_key("key", key)
    check_positive_int("members", members)
    check_positive_int("levels", levels, low=2)
    check_range("noise_variance", noise_variance, low=0)
    teacher = sphere_points(stream(key, "teacher"), 1, dimension)[0] / math.sqrt(dimension)
    fresh = sphere_points(stream(key, "test"), num_test, dimension)
    x = sphere_points(stream(key, "samples"), levels * num_train, dimension).reshape(levels, num_train, dimension)
    noise = math.sqrt(noise_variance) * normal(stream(key, "noises"), (levels, num_train)).astype(x.dtype)
    keys = jax.random.split(stream(key, "inits"), levels + members)
    resamples = jax.random.randint(stream(key, "resamples"), (members, num_train), 0, num_train)
    y = x @ teacher + noise[:, None]
    fits = crossed_fits(learner, keys[:levels], x, y, fresh, members=keys[levels:], resamples=resamples)
    return fits, fresh @ teacher
