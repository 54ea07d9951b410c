"""The worst of many places: an interval that knows that it was sought."""

import math
from collections.abc import Callable

import numpy as np

from gendyn.analysis.bootstrap import Interval, interval_of, unknown
from gendyn.analysis.pointwise import Pointwise, counted, ranked, resampled, smooth
from gendyn.core import check_choice, check_range
from gendyn.core.errors import ConfigError

KINDS = ("means", "medians", "shares", "rows")
EXTREMES = ("largest", "smallest", "distance", "furthest")


def worst_place(
    statistic: Callable[..., np.ndarray] | None,
    *tables: np.ndarray,
    of: str = "means",
    which: str = "largest",
    centre: float = 0.0,
    by_ratio: bool = False,
    level: float = 0.9,
    num_resamples: int = 2000,
) -> Interval:
    """Interval of the largest (smallest, furthest) of a statistic over places, such as the worst error of a law.

    The largest of several noisy values is too large, and its resamples are more so: the percentiles of a resampled
    maximum refute an exact law at 50 places with certainty. Here every place has its own ends, of the tail ``t`` as
    for one place alone, ``l_p(t) < theta_p < u_p(t)``. With ``a = (1 - level) / 2`` the interval of the largest is
    ``[max_p l_p(a / P), max_p u_p(a)]``; of distances, which have two sides, the low end has ``a / (2 P)``.

    The high end needs no correction: it fails only if that of the one place where the truth is largest does. The low
    end may fail at any place, and has Bonferroni's. So the level holds for any number of places and any dependence
    between them, and is exceeded: at 90 % mostly by 97 to 100 %, and by 92 to 99 % for means of log-normal rows (sigma
    1) at 10 and at 50 places (docs/coverage.md). A claim that all places are small is supported if
    each is, by an interval of its own; it is refuted by one place that is far enough out for ``P`` of them.

    Args:
        statistic: what ``of`` says of each table, ``[B, ...]`` each, to places ``[B, ...]``; smooth if of means.
            ``None``: of one table, itself.
        *tables: ``[S, ...]``, of the same rows.
        of: ``"means"`` (:func:`gendyn.analysis.pointwise.smooth`); ``"medians"`` (order statistics, or resampled if
            there is a statistic); ``"shares"`` of 0 and 1, exact; ``"rows"``: the statistic has ``[B, S, ...]`` and
            is resampled.
        which: ``"largest"``, ``"smallest"``; ``"distance"``, the largest ``|value - centre|``; ``"furthest"``, the
            value there, signed: its interval is that of all places that may be the furthest.
        centre: of the latter two.
        by_ratio: ``"furthest"`` by ``|log(value / centre)|``.
        level: in (0, 1).
        num_resamples: where there are any.

    Raises:
        ConfigError: no place, or an argument out of range.

    >>> rows = np.random.default_rng(0).normal(0.0, 1.0, [400, 50])  # exact at 50 places: largest error 0
    >>> found = worst_place(None, rows, which="distance")
    >>> found.estimate > 0.1, found.low, found.high < 0.3
    (True, 0.0, True)
    >>> worst_place(None, np.array([[1.0, 5.0]] * 6))[:3]
    (5.0, 5.0, 5.0)

    Reference: Berger (1982), Multiparameter hypothesis testing and acceptance sampling (the end without correction).
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    check_choice("of", of, KINDS)
    check_choice("which", which, EXTREMES)
    data = [np.asarray(table, float) for table in tables]
    lengths = [len(table) for table in data]
    if len(set(lengths)) != 1:
        raise ConfigError(f"tables have {lengths} rows; they must share one axis of seeds. Pass [S, ...].")
    if not lengths[0]:
        return unknown(level)
    places = _pointwise(statistic, data, of, num_resamples)
    if not places.estimate.size:
        raise ConfigError("there is no place to take the worst of; pass [S, ...] with one or more.")
    if which == "smallest":
        return _mirrored(_largest(_negated(places), level))
    if which == "largest":
        return _largest(places, level)
    return _distance(places, centre, level) if which == "distance" else _furthest(places, centre, by_ratio, level)


def _pointwise(
    statistic: Callable[..., np.ndarray] | None, data: list[np.ndarray], of: str, num_resamples: int
) -> Pointwise:
    if of == "means":
        return smooth(statistic or _itself, *data)
    if statistic is None:
        return ranked(*data) if of == "medians" else counted(*data)
    if of == "medians":
        return resampled(lambda *rows: statistic(*map(_medians, rows)), *data, num_resamples=num_resamples)
    return resampled(statistic, *data, num_resamples=num_resamples)


def _largest(places: Pointwise, level: float) -> Interval:
    def ends(level: float) -> tuple[float, float]:
        tail = (1.0 - level) / 2.0
        return float(places.ends(tail, places.estimate.size)[0].max()), float(places.ends(tail, 1)[1].max())

    return _judged(float(places.estimate.max()), places, ends, level)


def _distance(places: Pointwise, centre: float, level: float) -> Interval:
    def ends(level: float) -> tuple[float, float]:
        low, high = places.ends((1.0 - level) / 2.0, 1)
        return _least_distance(places, centre, level), float(np.maximum(high - centre, centre - low).max())

    return _judged(float(np.abs(places.estimate - centre).max()), places, ends, level)


def _least_distance(places: Pointwise, centre: float, level: float) -> float:
    """What the largest distance is at least; each of several places may be out on either side."""
    count = places.estimate.size
    low, high = places.ends((1.0 - level) / 2.0, 2 * count if count > 1 else 1)
    return max(0.0, float(np.maximum(low - centre, centre - high).max()))


def _furthest(places: Pointwise, centre: float, by_ratio: bool, level: float) -> Interval:
    def scaled(values: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(np.maximum(values, 0.0)) - math.log(centre) if by_ratio else values - centre)

    off = Pointwise(scaled(places.estimate), lambda *tail: _both(scaled, places.ends(*tail)), places.defined)

    def ends(level: float) -> tuple[float, float]:
        # What is surely as far as this somewhere leaves only places and sides that may be.
        least = _least_distance(off, 0.0, level)
        low, high = off.ends((1.0 - level) / 2.0, 1)
        above, below = high >= least, low <= -least
        lows = np.concatenate([low[below], np.maximum(low, least)[above]])
        highs = np.concatenate([high[above], np.minimum(high, -least)[below]])
        if not lows.size:
            return -math.inf, math.inf
        unscaled = np.array([lows.min(), highs.max()])
        found = centre * np.exp(unscaled) if by_ratio else unscaled + centre
        return float(found[0]), float(found[1])

    worst = int(np.argmax(np.abs(off.estimate)))
    return _judged(float(places.estimate[worst]), places, ends, level)


def _judged(estimate: float, places: Pointwise, ends: Callable[[float], tuple[float, float]], level: float) -> Interval:
    if np.isnan(places.estimate).any():
        return interval_of(math.nan, lambda _: (-math.inf, math.inf), level, places.defined)
    return interval_of(estimate, ends, level, places.defined)


def _negated(places: Pointwise) -> Pointwise:
    def ends(tail: float, sharing: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = places.ends(tail, sharing)
        return -high, -low

    return Pointwise(-places.estimate, ends, places.defined)


def _mirrored(found: Interval) -> Interval:
    ends = found.at
    assert ends is not None

    def mirrored(level: float) -> tuple[float, float]:
        low, high = ends(level)
        return -high, -low

    return interval_of(-found.estimate, mirrored, found.level, found.defined)


def _both(function: Callable[[np.ndarray], np.ndarray], pair: tuple[np.ndarray, np.ndarray]) -> tuple:
    return function(pair[0]), function(pair[1])


def _itself(table: np.ndarray) -> np.ndarray:
    return table


def _medians(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(rows, axis=1))
