"""Shares of runs that do something, and differences of shares, with intervals that hold for few runs."""

import math

import numpy as np

from gendyn.analysis.bootstrap import Interval, interval_of, unknown
from gendyn.core import ConfigError, check_range


def share_interval(has: np.ndarray, *, level: float = 0.9) -> Interval:
    """Share of runs with Clopper and Pearson's exact interval: it covers with at least ``level`` for every true share.

    On average over shares it covers 95 to 98 % at 90 %, for 20 to 5 runs (docs/coverage.md): the price of certainty.

    The ends are the shares at which ``k`` of ``n`` or more, and or fewer, have probability ``(1 - level) / 2``.

    Args:
        has: bools (or 0 and 1) of any shape, one a run; NaN: not known. One NaN, or no run, makes all unknown.
        level: in (0, 1).

    Raises:
        ConfigError: values other than 0, 1 and NaN, or ``level`` out of range.

    >>> found = share_interval(np.array([True, True, True, False]))
    >>> found.estimate, round(found.low, 3), round(found.high, 3)
    (0.75, 0.249, 0.987)
    >>> share_interval(np.zeros(0))[:3]
    (nan, -inf, inf)

    Reference: Clopper & Pearson (1934), The use of confidence or fiducial limits illustrated in the binomial case.
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    values = _checked("has", has)
    if not values.size or np.isnan(values).any():
        return unknown(level)
    return interval_of(float(values.mean()), lambda at: _ends(values, at, "exact"), level)


def difference_of_shares(first: np.ndarray, second: np.ndarray, *, level: float = 0.9) -> Interval:
    """Share of ``first`` less share of ``second``, of independent runs, with Newcombe's hybrid interval.

    On average over shares it covers 90 % at 90 %. At single pairs of shares, near 0 and 1, it covers less: 83 to 84 %
    for 5 to 7 runs in each arm, 86 to 87 % for 10 to 20 (docs/coverage.md).

    With Wilson's intervals ``[l, u]`` of the shares ``p`` and ``[l', u']`` of ``q`` the difference ``p - q`` lies in
    ``[p - q - sqrt((p - l)^2 + (u' - q)^2), p - q + sqrt((u - p)^2 + (q - l')^2)]``.

    Args:
        first, second: as for :func:`share_interval`; their numbers may differ.
        level: in (0, 1).

    Raises:
        ConfigError: as there.

    >>> found = difference_of_shares(np.ones(8), np.zeros(8))
    >>> found.estimate, round(found.low, 3), found.high
    (1.0, 0.643, 1.0)

    Reference: Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    values = _checked("first", first), _checked("second", second)
    if any(not each.size or np.isnan(each).any() for each in values):
        return unknown(level)
    return interval_of(float(values[0].mean()) - float(values[1].mean()), lambda at: _hybrid(values, at), level)


def paired_difference_of_shares(first: np.ndarray, second: np.ndarray, *, level: float = 0.9) -> Interval:
    """The same of pairs (one seed in two arms), with Newcombe's interval for paired shares.

    On average over shares it covers 92 to 94 % at 90 %, and at least 87 % for 5 pairs or more (docs/coverage.md).

    As for independent runs, but with ``a^2 - 2 phi a b + b^2`` in place of ``a^2 + b^2`` under each root; ``phi`` is
    the correlation of the two answers, with a correction for continuity where it is positive, and 0 where an answer
    is always the same.

    Args:
        first, second: as for :func:`share_interval`, of equal length, in the order of the pairs.
        level: in (0, 1).

    Raises:
        ConfigError: unequal numbers, or as there.

    >>> pairs = np.array([True] * 6 + [False] * 6)
    >>> same = paired_difference_of_shares(pairs, pairs)
    >>> same.estimate, same.high < difference_of_shares(pairs, pairs).high
    (0.0, True)

    Reference: Newcombe (1998), Improved confidence intervals for the difference between binomial proportions based on
    paired data, method 10.
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    one, other = _checked("first", first).ravel(), _checked("second", second).ravel()
    if len(one) != len(other):
        raise ConfigError(f"first has {len(one)} runs and second {len(other)}; pass pairs, in the same order.")
    if not len(one) or np.isnan(one).any() or np.isnan(other).any():
        return unknown(level)
    both, only, back, neither = (float(np.sum((one == x) & (other == y))) for x, y in ((1, 1), (1, 0), (0, 1), (0, 0)))
    total = len(one)
    product = (both + only) * (back + neither) * (both + back) * (only + neither)
    association = both * neither - only * back
    if association > 0:
        association = max(association - total / 2.0, 0.0)
    phi = association / math.sqrt(product) if product > 0 else 0.0
    return interval_of(float(one.mean()) - float(other.mean()), lambda at: _hybrid((one, other), at, phi), level)


def _hybrid(pair: tuple[np.ndarray, np.ndarray], level: float, phi: float = 0.0) -> tuple[float, float]:
    """Newcombe's ends of the difference of two shares whose answers have the correlation ``phi``."""
    first, second = (float(each.mean()) for each in pair)
    (low, high), (other_low, other_high) = (_ends(each, level, "wilson") for each in pair)

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a**2 - 2.0 * phi * a * b + b**2, 0.0))

    difference = first - second
    return difference - reach(first - low, other_high - second), difference + reach(high - first, second - other_low)


def _ends(values: np.ndarray, level: float, method: str) -> tuple[float, float]:
    from scipy.stats import binomtest

    low, high = binomtest(int(values.sum()), values.size).proportion_ci(level, method=method)
    return float(low), float(high)


def _checked(name: str, has: np.ndarray) -> np.ndarray:
    values = np.asarray(has, float)
    if not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        raise ConfigError(f"{name} holds other values than 0, 1 and NaN; pass one bool for each run.")
    return values
