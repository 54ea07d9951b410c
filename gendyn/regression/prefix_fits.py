"""How well minimum-norm least squares on the first columns fits its own targets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gendyn.regression.prefix_least_squares import prefix_least_squares
from gendyn.types import ArrayLike


class PrefixFits(NamedTuple):
    """``S`` fits; NumPy, in the dtype of the data."""

    residual: np.ndarray
    """``|outputs - targets|^2 / |targets|^2``, ``[S]``: 1 for a fit of nothing, rounding for one of all equations."""
    outputs: np.ndarray
    """On the training inputs, ``[S, n, K]``."""


def prefix_fits(x: ArrayLike, targets: ArrayLike, sizes: Sequence[int]) -> PrefixFits:
    """Least squares on ``x[:, :p]`` for every ``p`` of ``sizes``; see :func:`~gendyn.regression.prefix_least_squares`.

    Args:
        x: design ``[n, D]``; float64 under ``jax.enable_x64`` tells interpolation from a good fit.
        targets: ``[n, K]``.
        sizes: integers from 1 to ``D``.

    Raises:
        ConfigError: as there.

    >>> prefix_fits(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[3.0], [4.0]]), (1, 2)).residual.round(6).tolist()
    [0.64, 0.0]
    """
    outputs = np.asarray(x) @ np.asarray(prefix_least_squares(x, targets, sizes).coefficients)
    residual = np.sum((outputs - np.asarray(targets)) ** 2, axis=(1, 2)) / np.sum(np.asarray(targets) ** 2)
    return PrefixFits(residual, outputs)
