"""Statistics over rows (seeds, redraws) for :func:`gendyn.analysis.bootstrap`, and their intervals in one call.

Every statistic maps ``[B, S, ...]`` (``B`` resamples of ``S`` rows) to ``[B, ...]``.
"""

import math
from collections.abc import Callable

import numpy as np

from gendyn.analysis.bootstrap import Interval, bootstrap, interval_of, unknown
from gendyn.analysis.pointwise import Pointwise, ranked, smooth
from gendyn.core import check_range


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
    """Median of one value a seed, between interpolated order statistics; unknown without any seed.

    For a paired difference or ratio pass that of each seed. At a level of 90 % it covers 89 to 91 % for 5 seeds and
    more of any continuous law (docs/coverage.md), and more where values tie. Details: :func:`gendyn.analysis.ranked`.

    Args:
        values: ``[S]``; a diverged run holds the worst outcome. One NaN, which may lie anywhere, makes it unknown.
        level: in (0, 1).

    Raises:
        ConfigError: ``level`` out of range.

    >>> found = median_over_seeds(np.arange(9.0))
    >>> found.estimate, found.low <= 4.0 <= found.high
    (4.0, True)
    >>> median_over_seeds(np.zeros(0))[:3]
    (nan, -inf, inf)
    """
    return _one(ranked, values, level)


def mean_over_seeds(values: np.ndarray, *, level: float = 0.9) -> Interval:
    """Mean of one value a seed, by Student's interval widened for skewness; unknown without any seed.

    At a level of 90 % it covers 91 to 93 % of a normal law and of Student's with 3 degrees, for 5 to 20 seeds. Of a
    log-normal law (sigma 1) it covers 85 % for 5, 87 % for 7, 88 % for 10 and 91 % for 20 (docs/coverage.md): without
    knowing the law nothing does better from few seeds, as the mean is in a tail that they have not seen. Where values
    have such tails, ask for their median or geometric mean. Details: :func:`gendyn.analysis.smooth`.

    Args:
        values: ``[S]``; for a share of runs see :func:`gendyn.analysis.share_interval`.
        level: in (0, 1).

    Raises:
        ConfigError: ``level`` out of range.

    >>> found = mean_over_seeds(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    >>> found.estimate, found.low < 3.0 < found.high
    (3.0, True)
    """
    return _one(lambda rows: smooth(lambda means: means, rows), values, level)


def _one(pointwise: Callable[[np.ndarray], Pointwise], values: np.ndarray, level: float) -> Interval:
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    rows = np.asarray(values, float)
    if not len(rows):
        return unknown(level)
    found = pointwise(rows[:, None])

    def ends(level: float) -> tuple[float, float]:
        low, high = found.ends((1.0 - level) / 2.0, 1)
        return float(low[0]), float(high[0])

    return interval_of(float(found.estimate[0]), ends, level, found.defined)


def of_means(statistic: Callable[..., np.ndarray], *tables: np.ndarray, level: float = 0.9) -> Interval:
    """Interval of a statistic of means over rows, such as a ratio or the slope of a line through them.

    From the further of two low ends to the further of two high ones: those of :func:`gendyn.analysis.smooth`, which
    know of skewness, and those of :func:`gendyn.analysis.bootstrap`, which know of bends. At a level of 90 % it covers
    89 to 97 % of ratios and slopes for 5 to 20 rows of normal, long-tailed and skewed laws; of what is nearly a mean of
    skewed rows, such as the geometric mean of rows whose logarithms are log-normal, it covers as that mean's does
    (docs/coverage.md). For the worst of several places see :func:`gendyn.analysis.worst_place`.

    Args:
        statistic: of the means of each table, ``[B, ...]`` each, to ``[B]``.
        *tables: ``[S, ...]``, of the same rows.
        level: in (0, 1).

    >>> rows = np.array([[1.0, 4.0], [3.0, 6.0]])
    >>> of_means(lambda means: means[:, 1] / means[:, 0], rows).estimate, of_means(lambda a, b: a - b, *rows.T).estimate
    (2.5, -3.0)
    """
    found = bootstrap(lambda *rows: statistic(*map(mean, rows)), *tables, level=level)
    resampled = found.at
    if not len(tables[0]) or math.isnan(found.estimate) or resampled is None:
        return found
    one = smooth(statistic, *(np.asarray(table, float) for table in tables))

    def ends(level: float) -> tuple[float, float]:
        (low, high), (other_low, other_high) = resampled(level), one.ends((1.0 - level) / 2.0, 1)
        return min(low, float(other_low[0])), max(high, float(other_high[0]))

    return interval_of(found.estimate, ends, level, found.defined)


def of_medians(statistic: Callable[..., np.ndarray], *tables: np.ndarray, level: float = 0.9) -> Interval:
    """A statistic of medians over rows, such as a slope through them, by :func:`gendyn.analysis.bootstrap`.

    For the median itself see :func:`median_over_seeds`, for the worst of several :func:`gendyn.analysis.worst_place`.

    >>> of_medians(lambda a, b: b - a, np.array([1.0, 3.0, 2.0]), np.array([4.0, 6.0, 9.0])).estimate
    4.0
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
