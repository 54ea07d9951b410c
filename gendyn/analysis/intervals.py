"""Pointwise intervals over seeds, for bands in figures: exact for the median, Student's for the mean."""

import math
from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError, check_range


class Band(NamedTuple):
    """A centre with an interval at every point of a curve; arrays have the shape of the input without its seed axis."""

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    """The level the band truly has: for a median over few seeds it can be lower than the one asked for."""


def median_interval(values: np.ndarray, *, level: float = 0.9) -> Band:
    """Median over axis 0 and the interval between two order statistics, exact for every continuous distribution.

    For ``S`` rows the interval from the ``k``-th smallest to the ``k``-th largest covers the true median with
    probability ``1 - 2 P(Binomial(S, 1/2) < k)``. The largest ``k`` that reaches ``level`` is used; if none does,
    ``k = 1``: the range from minimum to maximum, at the level it has (two seeds: 50 %). So it covers 93 to 99 % at 90 %
    for 5 to 20 rows; :func:`gendyn.analysis.median_over_seeds` comes nearer to its level, by interpolation.

    Args:
        values: ``[S, ...]``; ``inf`` (a diverged run) counts as the largest value. NaN gives NaN.
        level: in (0, 1).

    Raises:
        ConfigError: no row, or ``level`` out of range.

    >>> band = median_interval(np.array([[3.0], [1.0], [2.0], [5.0], [4.0]]))
    >>> band.centre, band.low, band.high, band.level
    (array([3.]), array([1.]), array([5.]), 0.9375)

    Reference: David & Nagaraja (2003), Order Statistics, section 7.1.
    """
    from scipy.special import bdtr

    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    ordered = np.sort(_rows(values), axis=0)
    num_rows = len(ordered)
    centre = np.median(ordered, axis=0)
    ranks = np.arange(1, num_rows // 2 + 1)
    coverages = 1.0 - 2.0 * bdtr(ranks - 1.0, num_rows, 0.5)
    rank = int(np.count_nonzero(coverages >= level)) or 1
    coverage = float(coverages[rank - 1]) if num_rows > 1 else 0.0
    undefined = np.isnan(ordered).any(axis=0)
    low, high = (np.where(undefined, np.nan, ordered[i])[()] for i in (rank - 1, num_rows - rank))
    return Band(centre, low, high, coverage)


def mean_interval(values: np.ndarray, *, level: float = 0.9) -> Band:
    """Mean over axis 0 and Student's interval ``mean -+ t_{S-1} s / sqrt(S)``; unbounded for a single row.

    At 90 % it covers 90 to 91 % of a normal law and of Student's with 3 degrees, but 76 to 82 % of a log-normal one
    (sigma 1) for 5 to 20 rows (docs/coverage.md). A verdict takes :func:`gendyn.analysis.mean_over_seeds`.

    Args:
        values: ``[S, ...]``; NaN gives NaN, and one that is infinite gives no ends.
        level: in (0, 1).

    Raises:
        ConfigError: no row, or ``level`` out of range.

    >>> band = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> float(band.centre), round(float(band.high), 2)
    (2.0, 3.69)
    """
    from scipy.special import stdtrit

    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    array = _rows(values)
    centre = array.mean(axis=0)
    if len(array) == 1:
        return Band(centre, np.full_like(centre, -np.inf), np.full_like(centre, np.inf), level)
    with np.errstate(invalid="ignore"):
        spread = array.std(axis=0, ddof=1)
    half = stdtrit(len(array) - 1, 0.5 + level / 2) * spread / math.sqrt(len(array))
    return Band(centre, centre - half, centre + half, level)


def geometric_interval(values: np.ndarray, *, level: float = 0.9) -> Band:
    """Geometric mean over axis 0 and Student's interval of the mean logarithm: for heavy tails.

    It covers as :func:`mean_interval` does of the law of the logarithms: exactly, of log-normal values.

    Args:
        values: ``[S, ...]``, positive; the mean with a 0 is 0, and has no ends.
        level: in (0, 1).

    Raises:
        ConfigError: no row, or ``level`` out of range.

    >>> band = geometric_interval(np.array([1.0, 10.0, 100.0]))
    >>> round(float(band.centre), 6), bool(band.low < 10.0 < band.high)
    (10.0, True)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        band = mean_interval(np.log(values), level=level)
    return Band(np.exp(band.centre), np.exp(band.low), np.exp(band.high), level)


def known_medians(table: np.ndarray, *, level: float = 0.9) -> Band:
    """Median and exact interval of each column of ``[S, T]`` over its values that are not NaN; NaN where none is.

    An end at infinity, which cannot be drawn, is NaN. The level is the lowest of the columns', NaN if none has a value.

    Raises:
        ConfigError: ``level`` out of range.

    >>> known_medians(np.array([[1.0, np.nan], [2.0, 5.0], [6.0, np.nan]])).centre
    array([2., 5.])
    """
    none = Band(np.array(math.nan), np.array(math.nan), np.array(math.nan), math.inf)
    columns = [column[~np.isnan(column)] for column in np.asarray(table, float).T]
    found = [median_interval(column, level=level) if len(column) else none for column in columns]
    centre, low, high = (np.array([getattr(band, part) for band in found], float) for part in Band._fields[:3])
    low, high = (np.where(np.isinf(end), math.nan, end) for end in (low, high))
    lowest = min((band.level for band in found), default=math.inf)
    return Band(centre, low, high, lowest if math.isfinite(lowest) else math.nan)


def _rows(values: np.ndarray) -> np.ndarray:
    rows = np.asarray(values, float)
    if not rows.shape[:1] or not len(rows):
        raise ConfigError(f"values {rows.shape} must be [S, ...] with at least one row.")
    return rows
