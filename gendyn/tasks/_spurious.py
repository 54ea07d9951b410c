"""Concealment: appending input dimensions that say nothing about the target."""

from typing import Any

import numpy as np

from gendyn.core import check_positive_int


def check_spurious(spurious: Any) -> None:
    """Raises :class:`gendyn.core.ConfigError` unless ``spurious`` is an int of at least 0."""
    check_positive_int("spurious", spurious, low=0)


def conceal(x: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """``[N, D]`` with the dimensions ``noise [N, spurious]`` appended, float32 and C-contiguous.

    The first ``D`` columns stay what they were, so that tasks of different ``spurious`` are one problem, concealed to
    different degrees.

    Reference: Miller, O'Neill and Bui, Grokking beyond neural networks (2023), arXiv:2310.17247.
    """
    return np.ascontiguousarray(np.concatenate([x, noise], axis=1), np.float32)
