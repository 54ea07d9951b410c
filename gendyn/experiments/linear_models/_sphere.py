"""What experiments on random features share: samples on the sphere, their features and penalties, and sizes."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, normal, stream
from gendyn.regression import sphere_points
from gendyn.types import Array


class Sample(NamedTuple):
    """A regression problem; ``V`` versions of the training targets differ by their label noise."""

    x_train: Array
    """``[n, d]``."""
    y_train: Array
    """``[n, V C]``: version by version, ``C`` outputs each."""
    x_test: Array
    """``[M, d]``."""
    y_test: Array
    """Noiseless, ``[M, C]``."""


def sphere_sample(
    key: Array, *, dimension: int, num_train: int, num_test: int, num_targets: int, noise_variances: Sequence[float]
) -> Sample:
    """``x`` uniform on the sphere of radius ``sqrt(d)``, ``y = b . x / sqrt(d) + noise``, ``b`` on the same sphere.

    The signal has variance 1. Each of the ``num_targets`` outputs has its own ``b`` and noise, and all are divided by
    ``sqrt(num_targets)``, so that an error summed over outputs is the mean over teachers. Versions share the noise up
    to its size.
    """
    teachers = sphere_points(stream(key, "teachers"), num_targets, dimension).T / math.sqrt(dimension * num_targets)
    x, fresh = (
        sphere_points(stream(key, name), n, dimension) for name, n in (("train", num_train), ("test", num_test))
    )
    noise = normal(stream(key, "noise"), (num_train, 1, num_targets)).astype(x.dtype) / math.sqrt(num_targets)
    y = (x @ teachers)[:, None] + noise * jnp.sqrt(jnp.asarray(noise_variances, x.dtype))[:, None]
    return Sample(x, y.reshape(num_train, -1), fresh, fresh @ teachers)


def sphere_penalty(ridge: np.ndarray, num_features: int, num_train: int, dimension: int) -> np.ndarray:
    """``n N ridge / d``, beside the **sum** of squared errors: the penalty of Mei & Montanari's ``ridge``."""
    return np.asarray(ridge, np.float64) * (num_train * num_features / dimension)


def feature_counts(ratios: Sequence[float], num_train: int) -> tuple[int, ...]:
    """``N = round(ratio n)`` for every ratio.

    Raises:
        ConfigError: ratios that are not positive and ascending, that lack 1, or two of them with the same ``N``.

    >>> feature_counts((0.5, 1.0, 4.0), 30)
    (15, 30, 120)
    """
    for ratio in ratios:
        check_range("config.ratios: each", ratio, low=0, open_low=True)
    sizes = tuple(max(1, round(ratio * num_train)) for ratio in ratios)
    if len(sizes) < 3 or any(a >= b for a, b in itertools.pairwise(sizes)) or num_train not in sizes[1:-1]:
        raise ConfigError(
            f"config.ratios = {tuple(ratios)} make {sizes} features for {num_train} examples: they must be at least 3, "
            "ascending, and hold 1.0 between others, where the peak is."
        )
    return sizes
