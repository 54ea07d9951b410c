"""One-sided ends of a statistic at each of many places: what the intervals of one and of the worst are made from.

Ends are asked for by their tail: the low end is above the truth, and the high end below it, with that probability each.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gendyn.analysis.bootstrap import ELEMENTS_AT_ONCE, expanded_tail
from gendyn.core import ConfigError

SKEWNESS_FACTOR, SKEWNESS_FACTOR_FAR_OUT = 1.25, 2.0
"""On the unbiased skewness in :func:`smooth`, which is too small where few rows come from a skewed law. The second is
for tails that are shared among many places, further out than the rows reach."""
WIDER_FAR_OUT = 8.0
"""There Student's quantile is multiplied by one and this over the number of rows."""
MOST_BENT = 2.25
"""Hall's ends are at most so many times as far as Student's: his cubic is flat in the middle, and its inverse leaps."""

PlaceEnds = Callable[[float, int], tuple[np.ndarray, np.ndarray]]


class Pointwise(NamedTuple):
    """A statistic at ``P`` places."""

    estimate: np.ndarray
    """``[P]``; NaN where it is undefined."""
    ends: PlaceEnds
    """From a tail in (0, 1/2), and the number of ends that share it (Bonferroni), to the low and the high ends, ``[P]``
    each; infinite where nothing is known."""
    defined: float = 1.0
    """Fraction of resamples in which it is a number at every place."""


def smooth(statistic: Callable[..., np.ndarray], *tables: np.ndarray) -> Pointwise:
    """A smooth statistic of means over rows: Student's ends, and those that know of skewness, whichever are further.

    The jackknife gives influences ``l_i = (S - 1) (mean of all t_j - t_i)``, for a mean ``x_i - mean``, with ``t_i``
    the statistic without row ``i``. With their deviation ``s``, their skewness ``g`` and Student's quantile ``z`` the
    ends are ``t -+ z s / sqrt(S)`` and Hall's ``t - s W(+-z)``, ``W(z) = 3 / g ((1 + g z / sqrt(S) - g^2 / (6 S))^(1 /
    3) - 1)``. The latter are exact to one order more in ``1 / sqrt(S)``; the former are wider for long tails on both
    sides. ``g`` is the unbiased skewness times 1.25, and an end is at most 2.25 times as far as Student's. Where ends
    share a tail they lie further out than the rows reach: there ``z`` is wider by ``1 + 8 / S``, and twice the skewness
    is tried too. A tail below ``2^-S``, before it is shared, is not known, as for :func:`gendyn.analysis.bootstrap`.
    Places where the jackknife is not finite take :func:`resampled`.

    How often such intervals cover, and why these numbers: docs/coverage.md and docs/decisions/analysis.md.

    Args:
        statistic: of the means of each table, ``[B, ...]`` each, to ``[B, ...]``.
        *tables: ``[S, ...]``, of the same rows.

    Reference: Hall (1992), On the removal of skewness by transformation; Efron & Tibshirani (1993), chapter 11.
    """
    from scipy.special import stdtrit

    _check(*tables)
    num_rows, means = len(tables[0]), [table.mean(axis=0) for table in tables]
    with np.errstate(invalid="ignore", over="ignore"):
        others = (mean + (mean - table) / max(1, num_rows - 1) for mean, table in zip(means, tables, strict=True))
        estimate, without = (_places(statistic(*data)) for data in ([mean[None] for mean in means], others))
        estimate = estimate[0]
        influence = (num_rows - 1) * (without.mean(axis=0) - without)
        deviation = np.sqrt(np.sum(influence**2, axis=0) / max(1, num_rows - 1))
        scale = np.where(deviation > 0, deviation, 1.0)
        skewness = np.mean((influence / scale) ** 3, axis=0)
    if num_rows > 2:
        skewness *= num_rows**2 / ((num_rows - 1.0) * (num_rows - 2.0))
    known = np.isfinite(deviation)

    def ends(tail: float, sharing: int = 1) -> tuple[np.ndarray, np.ndarray]:
        if tail < 0.5**num_rows:
            return _nothing(estimate)
        z = float(stdtrit(num_rows - 1, 1.0 - tail / sharing)) / math.sqrt(num_rows)
        factors = [SKEWNESS_FACTOR]
        if sharing > 1:
            z *= 1.0 + WIDER_FAR_OUT / num_rows
            factors.append(SKEWNESS_FACTOR_FAR_OUT)
        bent = [
            np.max([side * _bent(side * z, factor * skewness, num_rows) for factor in factors], axis=0)
            for side in (1, -1)
        ]
        with np.errstate(invalid="ignore"):
            low = estimate - deviation * np.clip(bent[0], z, MOST_BENT * z)
            high = estimate + deviation * np.clip(bent[1], z, MOST_BENT * z)
        if known.all():
            return low, high
        others = by_resampling().ends(tail, sharing)
        return np.where(known, low, others[0]), np.where(known, high, others[1])

    def by_resampling() -> Pointwise:
        return resampled(lambda *rows: statistic(*(each.mean(axis=1) for each in rows)), *tables)

    return Pointwise(estimate, ends, 1.0 if known.all() or not num_rows else by_resampling().defined)


def _bent(z: float, skewness: np.ndarray, num_rows: int) -> np.ndarray:
    """Hall's transform of Student's quantile over the root of the number of rows."""
    g = np.where(np.isfinite(skewness) & (np.abs(skewness) > 1e-6), skewness, 1e-6)
    return np.asarray(3.0 / g * (np.cbrt(1.0 + g * (z - g / (6.0 * num_rows))) - 1.0))


def resampled(
    statistic: Callable[..., np.ndarray], *tables: np.ndarray, num_resamples: int = 2000, seed: int = 0
) -> Pointwise:
    """Any statistic of rows: expanded percentiles over resamples, each place by itself.

    A tail below ``2^-S`` is not known; where all resamples are equal, one before it is shared.

    Args:
        statistic: maps ``[B, S, ...]`` to ``[B, ...]``; NaN, which may lie anywhere, where it is undefined.
        *tables: ``[S, ...]``, of the same rows.
        num_resamples, seed: as for :func:`gendyn.analysis.bootstrap`.
    """
    _check(*tables)
    num_rows = len(tables[0])
    estimate = _places(statistic(*(table[None] for table in tables)))[0]
    rows = np.random.default_rng(seed).integers(num_rows, size=(num_resamples, num_rows))
    batches = -(-num_resamples * sum(table.size for table in tables) // ELEMENTS_AT_ONCE)
    values = np.concatenate(
        [_places(statistic(*(table[part] for table in tables))) for part in np.array_split(rows, batches)]
    )
    absent = np.isnan(values)
    below, above = (np.sort(np.where(absent, end, values), axis=0) for end in (-np.inf, np.inf))

    def ends(tail: float, sharing: int = 1) -> tuple[np.ndarray, np.ndarray]:
        low, high = _nothing(estimate)
        if tail / sharing >= 0.5**num_rows:
            narrow = expanded_tail(tail / sharing, num_rows)
            low = np.quantile(below, narrow, axis=0, method="lower")
            high = np.quantile(above, 1.0 - narrow, axis=0, method="higher")
        elif tail >= 0.5**num_rows:
            same = below[0] == above[-1]
            low, high = np.where(same, estimate, low), np.where(same, estimate, high)
        return np.where(np.isnan(estimate), -np.inf, low), np.where(np.isnan(estimate), np.inf, high)

    return Pointwise(estimate, ends, float(np.mean(~absent.any(axis=1))))


def ranked(table: np.ndarray) -> Pointwise:
    """Medians over rows: ends between order statistics, nearly exact for every continuous law.

    The interval from the ``k``-th smallest to the ``k``-th largest row has the tail ``P(Binomial(S, 1/2) < k)`` on
    both sides. A tail ``t`` between those of ``k`` and ``k + 1`` takes ``x_k + w (x_(k + 1) - x_k)``, with ``I`` the
    share of the way from the one tail to the other and ``w = (S - k) I / (k + (S - 2 k) I)``. Beside an infinite row
    (diverged, censored) nothing is interpolated: the outer one is taken. A tail below ``2^-S`` is not known; where all
    rows are equal, one before it is shared.

    Args:
        table: ``[S, ...]``; one NaN makes a place unknown.

    Reference: Hettmansperger & Sheather (1986), Confidence intervals based on interpolated order statistics.
    """
    from scipy.special import bdtr

    _check(table)
    rows = np.sort(_places(table), axis=0)
    num_rows, absent = len(rows), np.isnan(rows).any(axis=0)
    with np.errstate(invalid="ignore"):
        estimate = np.median(rows, axis=0)
    ranks = np.arange(1, (num_rows + 1) // 2 + 1)
    tails = bdtr(ranks - 1.0, num_rows, 0.5)

    def ends(tail: float, sharing: int = 1) -> tuple[np.ndarray, np.ndarray]:
        known, tail = tail >= tails[0], tail / sharing
        k = int(np.count_nonzero(tails <= tail))
        if k == 0:
            low, high = _nothing(estimate)
            same = known & (rows[0] == rows[-1])
            return np.where(same, estimate, low), np.where(same, estimate, high)
        share = (tail - tails[k - 1]) / (tails[k] - tails[k - 1]) if k < len(ranks) else 0.0
        weight = (num_rows - k) * share / (k + (num_rows - 2 * k) * share)
        inner = min(k, num_rows - 1)

        def between(outer: np.ndarray, towards: np.ndarray) -> np.ndarray:
            finite = np.isfinite(outer) & np.isfinite(towards)
            with np.errstate(invalid="ignore"):
                return np.where(finite, outer + weight * (towards - outer), outer)

        low, high = between(rows[k - 1], rows[inner]), between(rows[-k], rows[-1 - inner])
        return np.where(absent, -np.inf, low), np.where(absent, np.inf, high)

    # A resample is without the rows that are not numbers with this probability.
    missing = float(np.isnan(rows).any(axis=1).mean()) if num_rows and rows.shape[1] else 0.0
    return Pointwise(np.where(absent, np.nan, estimate), ends, (1.0 - missing) ** num_rows)


def counted(table: np.ndarray) -> Pointwise:
    """Shares over rows of 0 and 1, with Clopper and Pearson's ends: exact, and so too wide rather than too narrow.

    Args:
        table: ``[S, ...]``; one NaN makes a place unknown.
    """
    from scipy.special import betaincinv

    _check(table)
    values = _places(table)
    if not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        raise ConfigError("table holds other values than 0, 1 and NaN; pass whether each row does it.")
    num_rows, hits = len(values), values.sum(axis=0)

    def ends(tail: float, sharing: int = 1) -> tuple[np.ndarray, np.ndarray]:
        tail /= sharing
        with np.errstate(invalid="ignore"):
            low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), num_rows - hits + 1, tail), 0.0)
            misses = np.maximum(num_rows - hits, 1)
            high = np.where(hits < num_rows, betaincinv(hits + 1, misses, 1.0 - tail), 1.0)
        return np.where(np.isnan(hits), -np.inf, low), np.where(np.isnan(hits), np.inf, high)

    return Pointwise(hits / num_rows, ends)


def _check(*tables: np.ndarray) -> None:
    shapes = [np.shape(table) for table in tables]
    if not all(shape and shape[0] for shape in shapes):
        raise ConfigError(f"tables have the shapes {shapes}; pass [S, ...] with at least one row.")


def _places(values: np.ndarray) -> np.ndarray:
    """All but the first axis as one."""
    array = np.asarray(values, float)
    return array.reshape(len(array), -1)


def _nothing(estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.full(estimate.shape, -np.inf), np.full(estimate.shape, np.inf)
