"""Effective ranks of the tail of a covariance: when interpolating noise is harmless for minimum-norm regression.

``l_1 >= l_2 >= ...`` are the eigenvalues of the covariance of the inputs. The first ``k`` directions are fitted, the
tail ``i > k`` absorbs the noise; it does so without harm if it is long and flat. Results are float64.

Reference: Bartlett, Long, Lugosi & Tsigler (2020), Benign overfitting in linear regression, arXiv:1906.11300.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range


class TailRanks(NamedTuple):
    """Both effective ranks of each tail, ``[rank]``: entry ``k`` is that of the eigenvalues after the first ``k``."""

    by_largest: np.ndarray
    """``r_k = sum over i > k of l_i / l_(k+1)``, from 1 to the length of the tail."""
    by_squares: np.ndarray
    """``R_k = (sum over i > k of l_i)^2 / sum over i > k of l_i^2``; ``r_k <= R_k <= r_k^2``."""


class BenignSplit(NamedTuple):
    """Result of :func:`benign_split`."""

    num_fitted: float
    """``k*``, whole, or ``inf`` if no tail is long enough."""
    variance: float
    """``k* / n + n / R_(k*)``, ``inf`` likewise."""


def tail_ranks(eigenvalues: ArrayLike) -> TailRanks:
    """``r_k`` and ``R_k`` for every ``k`` below the number of positive eigenvalues.

    Args:
        eigenvalues: ``[dimension]``, in any order, not negative; a series without end must be cut where its tail sum
            no longer matters.

    Raises:
        ConfigError: not a vector of such numbers, or all of them 0.

    >>> ranks = tail_ranks([4.0, 1.0, 1.0, 1.0])
    >>> ranks.by_largest.tolist(), ranks.by_squares.round(3).tolist()
    ([1.75, 3.0, 2.0, 1.0], [2.579, 3.0, 2.0, 1.0])

    Reference: Bartlett et al. (2020), definition 3.
    """
    values = np.asarray(eigenvalues, np.float64)
    check_range("eigenvalues", values, low=0)
    if values.ndim != 1 or not np.any(values > 0):
        raise ConfigError(f"eigenvalues of shape {values.shape} must be a vector with a positive entry.")
    rising = np.sort(values[values > 0])
    # Cumulated from the smallest on, so that long thin tails keep their digits; scaled against underflow of squares.
    scaled = rising / rising[-1]
    sums, squares = np.cumsum(scaled), np.cumsum(scaled**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_squares = np.where(squares > 0, sums**2 / squares, 1.0)
    return TailRanks((sums / scaled)[::-1], by_squares[::-1])


def benign_split(eigenvalues: ArrayLike, num_examples: int, *, factor: float = 1.0) -> BenignSplit:
    """``k* = min{k: r_k >= factor * n}`` and the scale of the variance that interpolated noise adds.

    The excess risk due to noise is ``noise_variance (k* / n + n / R_(k*))`` **up to constants that are not known**: a
    trend to compare with, not a number to test against.

    Args:
        eigenvalues: ``[dimension]``, as for :func:`tail_ranks`.
        num_examples: ``n``, positive.
        factor: ``b``, positive; the theorem holds for some constant, 1 is a convention.

    Raises:
        ConfigError: an argument out of range.

    >>> split = benign_split(np.r_[np.full(5, 100.0), np.full(1000, 0.01)], 50)
    >>> split.num_fitted, round(split.variance, 6)
    (5.0, 0.15)

    Reference: Bartlett et al. (2020), theorem 4.
    """
    check_range("num_examples", num_examples, low=0, open_low=True)
    check_range("factor", factor, low=0, open_low=True)
    ranks = tail_ranks(eigenvalues)
    long_enough = ranks.by_largest >= factor * num_examples
    if not long_enough.any():
        return BenignSplit(math.inf, math.inf)
    count = int(np.argmax(long_enough))
    return BenignSplit(float(count), float(count / num_examples + num_examples / ranks.by_squares[count]))
