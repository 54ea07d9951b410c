"""Statistics over rows (seeds, redraws) for :func:`gendyn.analysis.bootstrap`, and their intervals in one call.

Every statistic maps ``[B, S, ...]`` (``B`` resamples of ``S`` rows) to ``[B, ...]``.
"""

import math
from collections.abc import Callable

import numpy as np

from gendyn.analysis.bootstrap import Interval, bootstrap


def median(rows: np.ndarray) -> np.ndarray:
    """Median over rows, ``[B, S, ...] -> [B, ...]``: ``inf`` is the largest value, NaN gives NaN.

    The middle of two infinite values of one sign is that infinity; that of ``-inf`` and ``inf`` is NaN.

    >>> median(np.array([[1.0, 2.0, np.inf], [np.inf, np.inf, 1.0]])).tolist()
    [2.0, inf]
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(rows, axis=1))


def mean(rows: np.ndarray) -> np.ndarray:
    """Mean over rows, ``[B, S, ...] -> [B, ...]``.

    >>> mean(np.array([[1.0, 2.0, 6.0]])).tolist()
    [3.0]
    """
    return np.asarray(np.mean(rows, axis=1))


def geometric_mean(rows: np.ndarray) -> np.ndarray:
    """``exp(mean(log rows))`` over rows, ``[B, S, ...] -> [B, ...]``: for positive values with heavy tails.

    >>> geometric_mean(np.array([[1.0, 4.0, 16.0]])).round(12).tolist()
    [4.0]
    """
    return np.asarray(np.exp(np.mean(np.log(rows), axis=1)))


def ratio_of_medians(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """``median(above) / median(below)``, both ``[B, S, ...]``, to ``[B, ...]``; NaN for 0 / 0 and for inf / inf.

    >>> ratio_of_medians(np.array([[2.0, 4.0, 6.0]]), np.array([[1.0, 2.0, 9.0]])).tolist()
    [2.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(median(above) / median(below))


def ratio_of_means(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """``mean(above) / mean(below)``, both ``[B, S, ...]``, to ``[B, ...]``; NaN for 0 / 0 and for inf / inf.

    >>> ratio_of_means(np.array([[2.0, 4.0]]), np.array([[1.0, 3.0]])).tolist()
    [1.5]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(mean(above) / mean(below))


def median_over_seeds(values: np.ndarray, *, level: float = 0.9) -> Interval:
    """Median of one value a seed with its bootstrap interval; unknown without any seed.

    A value of NaN may lie anywhere, and widens the interval. For a paired difference or ratio pass that of each seed.

    Args:
        values: ``[S]``; a diverged run holds the worst outcome.
        level: in (0, 1).

    Raises:
        ConfigError: ``level`` out of range.

    >>> found = median_over_seeds(np.arange(9.0))
    >>> found.estimate, found.low <= 4.0 <= found.high
    (4.0, True)
    >>> median_over_seeds(np.zeros(0))[:3]
    (nan, -inf, inf)
    """
    return bootstrap(median, values, level=level)


def mean_over_seeds(values: np.ndarray, *, level: float = 0.9) -> Interval:
    """Mean of one value a seed with its bootstrap interval; unknown without any seed.

    Args:
        values: ``[S]``.
        level: in (0, 1).

    Raises:
        ConfigError: ``level`` out of range.

    >>> found = mean_over_seeds(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    >>> found.estimate, found.low < 3.0 < found.high
    (3.0, True)
    """
    return bootstrap(mean, values, level=level)


def of_means(statistic: Callable[..., np.ndarray], *tables: np.ndarray, level: float = 0.9) -> Interval:
    """Interval of a statistic of means over rows, such as the worst of many places or a slope through them.

    Args:
        statistic: of the means of each table, ``[B, ...]`` each, to ``[B]``.
        *tables: ``[S, ...]``, of the same rows.
        level: in (0, 1).

    >>> rows = np.array([[1.0, 4.0], [3.0, 6.0]])
    >>> of_means(lambda means: means.max(axis=1), rows).estimate, of_means(lambda a, b: a - b, *rows.T).estimate
    (5.0, -3.0)
    """
    return bootstrap(lambda *rows: statistic(*map(mean, rows)), *tables, level=level)


def of_medians(statistic: Callable[..., np.ndarray], *tables: np.ndarray, level: float = 0.9) -> Interval:
    """As :func:`of_means`, of medians over rows.

    >>> of_medians(lambda medians: medians.max(axis=1), np.array([[1.0, 4.0], [3.0, 6.0], [2.0, 9.0]])).estimate
    6.0
    """
    return bootstrap(lambda *rows: statistic(*map(median, rows)), *tables, level=level)


def upper_median(values: np.ndarray) -> float:
    """The later of the two middle values where their number is even; NaN values are left out, none gives NaN.

    For times of which ``inf`` says never: ``inf`` as soon as half never arrive.

    Args:
        values: ``[S]``.

    >>> upper_median(np.array([3.0, np.inf, 1.0, np.inf])), upper_median(np.array([np.nan, 2.0]))
    (inf, 2.0)
    """
    known = np.sort(np.asarray(values, float))
    known = known[~np.isnan(known)]
    return float(known[len(known) // 2]) if len(known) else math.nan
