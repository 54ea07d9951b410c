"""What experiments on random features share: rules of their leaves, numbers of features, and the closed form."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.core.rules import Rule, ascending, begins_with, each, number, positive

TOLERANCE = 0.06
"""Relative, of a mean risk on the sphere against the closed form: corrections to the limit are of order ``1 / d``."""
OFF_PEAK = 0.25
"""``|N / n - 1|`` from which on the ridgeless risk is compared: nearer to the peak its mean over redraws is erratic."""
ENDS = ascending("the claims are about the smallest and the largest")
RATIOS = each(positive(), ascending("the claims are about the peak and both ends"), least=3)
"""Rule of ``N / n``."""


def ridges(least: int) -> Rule:
    """The rule of ridges: none, and then at least ``least - 1`` larger ones."""
    return each(number(0), ENDS, begins_with(0, "the claims compare ridges with none"), least=least)


def sphere_risk(ratios: np.ndarray, leaves: Any, noise_variance: Any) -> np.ndarray:
    """Mei & Montanari's risk at ``N / n = ratios [Q]``, by noise variance ``[...]`` and ridge: ``[..., L, Q]``."""
    examples = leaves["num_train"] / leaves["dimension"]
    ridge, noise = np.array(leaves["ridges"])[:, None], np.array(noise_variance)[..., None, None]
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
