"""What experiments on random features share: samples on the sphere, their features and penalties, and sizes."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gendyn import theory
from gendyn.core import ConfigError, normal, stream
from gendyn.core.rules import Rule, ascending, each, number, positive
from gendyn.regression import sphere_points
from gendyn.types import Array

ENDS = "the claims are about the smallest and the largest"
RATIOS = each(positive(), ascending("the claims are about the peak and both ends"), least=3)
"""Rule of ``N / n``."""


def ridges(least: int) -> Rule:
    """The rule of ridges: none, and then at least ``least - 1`` larger ones."""

    def from_zero(name: str, values: Sequence[float]) -> None:
        if values[0] != 0:
            raise ConfigError(f"{name} = {tuple(values)} must begin with 0: the claims compare ridges with none.")

    return each(number(0), ascending(ENDS), from_zero, least=least)


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


def sphere_penalty(ridge: Sequence[float], num_features: int, num_train: int, dimension: int) -> np.ndarray:
    """``n N ridge / d``, beside the **sum** of squared errors: the penalty of Mei & Montanari's ``ridge``."""
    return np.asarray(ridge, np.float64) * (num_train * num_features / dimension)


def sphere_risk(ratios: np.ndarray, leaves: Any, noise_variance: np.ndarray) -> np.ndarray:
    """Mei & Montanari's risk at ``N / n = ratios [Q]`` for every noise variance ``[V]`` and ridge: ``[V, L, Q]``."""
    examples = leaves["num_train"] / leaves["dimension"]
    ridge, noise = np.array(leaves["ridges"])[:, None], noise_variance[:, None, None]
    return theory.random_features_risk(ratios * examples, examples, ridge=ridge, noise_variance=noise)


def feature_counts(ratios: Sequence[float], num_train: int, *, name: str = "config.ratios") -> tuple[int, ...]:
    """``N = round(ratio n)`` for every ratio.

    Raises:
        ConfigError: ratios that lack 1 between others, or two of them with the same ``N``.

    >>> feature_counts((0.5, 1.0, 4.0), 30)
    (15, 30, 120)
    """
    sizes = tuple(max(1, round(ratio * num_train)) for ratio in ratios)
    if any(a >= b for a, b in itertools.pairwise(sizes)) or num_train not in sizes[1:-1]:
        raise ConfigError(
            f"{name} = {tuple(ratios)} make {sizes} features for {num_train} examples: they must make different "
            "sizes and hold 1.0 between others, where the peak is."
        )
    return sizes
