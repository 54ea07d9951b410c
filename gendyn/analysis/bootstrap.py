"""Bootstrap intervals of a statistic over seeds: whole seeds are drawn, so pairing over widths is kept."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from gendyn.core import check_choice, check_positive_int, check_range
from gendyn.core.errors import ConfigError

METHODS = ("expanded", "percentile", "bca")
ELEMENTS_AT_ONCE = 2**24

Ends = Callable[[float], tuple[float, float]]
"""From a level in (0, 1) to the ends ``(low, high)`` of an interval at that level."""


class Interval(NamedTuple):
    """A statistic with its confidence interval; ``low = -inf`` or ``high = inf`` says that side is unknown."""

    estimate: float
    """The statistic on all rows; NaN where it is undefined there."""
    low: float
    high: float
    level: float
    """The confidence level asked for, such as 0.9."""
    defined: float
    """Fraction of resamples in which the statistic is a number. An undefined one may lie anywhere: it widens
    the interval on both sides."""
    at: Ends | None = None
    """The ends at any other level in (0, 1), such as that of a correction for several claims. They come from the same
    resamples and are cheap. Each level keeps its own rule of what can be known. ``None``: only this level is known.
    Intervals are compared and shown without it."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields[:5], self[:5], strict=True))
        return f"Interval({shown})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple) and self[:5] == other[:5]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:5])


def interval_of(estimate: float, ends: Ends, level: float, defined: float = 1.0) -> Interval:
    """An interval from the function that gives its ends at every level.

    >>> interval_of(0.0, lambda level: (-level, level), 0.9)
    Interval(estimate=0.0, low=-0.9, high=0.9, level=0.9, defined=1.0)
    """
    return Interval(estimate, *ends(level), level, defined, ends)


def mapped(found: Interval, increasing: Callable[[float], float]) -> Interval:
    """The interval of an increasing function of what one is about, such as ``np.exp`` of a mean logarithm.

    >>> mapped(Interval(0.0, -math.inf, 1.0, 0.9, 1.0), np.exp).low
    0.0
    """

    def moved(pair: tuple[float, float]) -> tuple[float, float]:
        with np.errstate(over="ignore"):
            return float(increasing(pair[0])), float(increasing(pair[1]))

    ends = found.at
    at = None if ends is None else lambda level: moved(ends(level))
    return Interval(float(increasing(found.estimate)), *moved(found[1:3]), found.level, found.defined, at)


def unknown(level: float = 0.9) -> Interval:
    """The interval of a statistic of which nothing is known: no rows, or no run that it is about.

    >>> unknown()
    Interval(estimate=nan, low=-inf, high=inf, level=0.9, defined=0.0)
    """
    return interval_of(math.nan, lambda _: (-math.inf, math.inf), level, 0.0)


def spanning(lower: Interval, upper: Interval, *, estimate: float | None = None) -> Interval:
    """From the low end of one interval to the high end of another.

    For a statistic that is known only to lie between two others, by the spacing of records or of a grid or because of
    censoring: take the interval of the smallest value that the data allow, and that of the largest.

    Args:
        lower, upper: of the same level.
        estimate: that of ``lower`` if ``None``.

    >>> spanning(Interval(2.0, 1.0, 3.0, 0.9, 1.0), Interval(4.0, 3.0, 5.0, 0.9, 0.9), estimate=3.0)
    Interval(estimate=3.0, low=1.0, high=5.0, level=0.9, defined=0.9)
    """
    middle = lower.estimate if estimate is None else estimate
    below, above = lower.at, upper.at
    ends = None if below is None or above is None else lambda level: (below(level)[0], above(level)[1])
    return Interval(middle, lower.low, upper.high, lower.level, min(lower.defined, upper.defined), ends)


def attainable_level(num_rows: int) -> float:
    """The highest level a resampling interval can cover: ``1 - 2^(1 - S)`` for ``S`` rows.

    No interval that resampling can produce reaches beyond the smallest and the largest row, and the probability
    that all ``S`` rows fall on one side of the median is ``2^(1 - S)``. So 95 % needs six seeds and 90 % five. Without
    a row, or with one, it is 0.

    Raises:
        ConfigError: not a number of rows.

    >>> attainable_level(5), attainable_level(6)
    (0.9375, 0.96875)
    """
    check_positive_int("num_rows", num_rows, low=0)
    return max(0.0, 1.0 - 2.0 ** (1 - num_rows))


def bootstrap(
    statistic: Callable[..., np.ndarray],
    *arrays: np.ndarray,
    level: float = 0.9,
    method: str = "expanded",
    num_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of ``statistic(*arrays)`` by resampling rows (seeds) with replacement, the same rows in every array.

    ``percentile`` takes the quantiles ``t = (1 - level) / 2`` and ``1 - t`` of the resampled statistic. ``expanded``
    (the default) takes ``t' = Phi(-sqrt(S / (S - 1)) * t_{S-1}(1 - t))`` instead, which makes the interval of a mean as
    wide as Student's and matters at five seeds. ``bca`` corrects bias and acceleration (jackknife), for many rows.

    At a level of 90 % ``expanded`` covers 87 to 91 % of ratios and slopes for 5 to 20 rows, more of ratios of medians,
    but 75 to 84 % of a log-normal mean, and next to never the largest of several errors of an exact law
    (docs/coverage.md): for those there are :func:`gendyn.analysis.mean_over_seeds`, :func:`gendyn.analysis.of_means`
    and :func:`gendyn.analysis.worst_place`.

    With fewer rows than :func:`attainable_level` requires the interval is ``(-inf, inf)``: it says nothing, rather
    than too much. Without any row the estimate is NaN too, and ``defined`` is 0 (:func:`unknown`). Cost:
    ``num_resamples`` evaluations, vectorised as far as they fit some 100 MB.

    Args:
        statistic: maps arrays ``[B, S, ...]`` to ``[B]``; NaN where it is undefined.
        *arrays: each ``[S, ...]``; axis 0 is the seed.
        level: in (0, 1).
        method: ``"expanded"``, ``"percentile"`` or ``"bca"``.
        num_resamples: at least 100.
        seed: of the resampling; the same seed gives the same interval.

    Raises:
        ConfigError: no array, arrays of unequal length, or an argument out of range.

    >>> rows = np.arange(12.0)
    >>> interval = bootstrap(lambda x: x.mean(axis=1), rows)
    >>> interval.estimate, bool(interval.low < 5.5 < interval.high), interval.defined
    (5.5, True, 1.0)
    >>> bootstrap(lambda x: x.mean(axis=1), rows[:2])[1:3]
    (-inf, inf)
    >>> bootstrap(lambda x: x.mean(axis=1), rows[:0])
    Interval(estimate=nan, low=-inf, high=inf, level=0.9, defined=0.0)

    Reference: Efron & Tibshirani (1993), chapters 13-14; Hesterberg (2015), section 5.3 (expanded percentile).
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    check_choice("method", method, METHODS)
    check_positive_int("num_resamples", num_resamples, low=100)
    data = [np.asarray(array) for array in arrays]
    lengths = [len(array) for array in data]
    if len(set(lengths)) != 1:
        raise ConfigError(f"arrays have {lengths} rows; they must share one axis of seeds. Pass [S, ...].")
    num_rows = lengths[0]
    if num_rows == 0:
        return unknown(level)
    estimate = float(statistic(*(array[None] for array in data))[0])
    rows = np.random.default_rng(seed).integers(num_rows, size=(num_resamples, num_rows))
    # A resample copies every row: thousands of rows go through a few at a time, in bounded memory.
    batches = -(-num_resamples * sum(array.size for array in data) // ELEMENTS_AT_ONCE)
    values = np.concatenate(
        [np.asarray(statistic(*(array[part] for array in data)), float) for part in np.array_split(rows, batches)]
    )
    defined = float(np.mean(~np.isnan(values)))
    below = np.sort(np.where(np.isnan(values), -np.inf, values))
    above = np.sort(np.where(np.isnan(values), np.inf, values))
    corrects = method == "bca" and defined > 0 and num_rows > 1 and not math.isnan(estimate)
    corrected = _bca(statistic, data, estimate, values) if corrects else None

    def ends(level: float) -> tuple[float, float]:
        if level > attainable_level(num_rows) or math.isnan(estimate):
            return -math.inf, math.inf
        tail = (1.0 - level) / 2.0
        if corrected is not None:
            tails = corrected(tail)
        elif method == "expanded":
            tails = (expanded_tail(tail, num_rows),) * 2
        else:
            tails = (tail, tail)
        # method lower/higher picks a value that occurs: no arithmetic between infinities, and never too narrow.
        low = np.quantile(below, tails[0], method="lower")
        return float(low), float(np.quantile(above, 1.0 - tails[1], method="higher"))

    return interval_of(estimate, ends, level, defined)


def expanded_tail(tail: float, num_rows: int) -> float:
    """The quantile of the resampled statistic that takes the place of ``tail``: see :func:`bootstrap`, "expanded"."""
    from scipy.special import stdtrit

    student = float(stdtrit(num_rows - 1, 1.0 - tail))
    return NormalDist().cdf(-math.sqrt(num_rows / (num_rows - 1)) * student)


def _bca(
    statistic: Callable[..., np.ndarray], data: list[np.ndarray], estimate: float, values: np.ndarray
) -> Callable[[float], tuple[float, float]]:
    """From a tail to the two that take its place."""
    normal = NormalDist()
    known = values[~np.isnan(values)]
    # Ties count one half, so that a statistic on a grid (a width) is not taken for a biased one.
    below = np.mean(known < estimate) + 0.5 * np.mean(known == estimate)
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(known), 1.0 - 0.5 / len(known))))
    num_rows = len(data[0])
    others = np.array([[j for j in range(num_rows) if j != i] for i in range(num_rows)])
    jackknife = np.asarray(statistic(*(array[others] for array in data)), float)
    centred = np.mean(jackknife) - jackknife
    scale = np.sum(centred**2) ** 1.5
    acceleration = float(np.sum(centred**3) / (6.0 * scale)) if np.isfinite(scale) and scale > 0 else 0.0

    def adjusted(z: float) -> float:
        return normal.cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)))

    return lambda tail: (adjusted(normal.inv_cdf(tail)), 1.0 - adjusted(normal.inv_cdf(1.0 - tail)))
