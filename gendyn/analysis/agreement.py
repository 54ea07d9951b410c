"""Whether simulation and closed form agree, as a finding, and in units of the standard error."""

import math

import numpy as np

from gendyn.analysis.bootstrap import Interval, attainable_level, interval_of, unknown
from gendyn.analysis.finding import Hypothesis, finding
from gendyn.analysis.worst_place import worst_place
from gendyn.core import ConfigError, check_range


def agreement(
    claim: str,
    redraws: np.ndarray,
    exact: np.ndarray | float,
    *,
    tolerance: float,
    level: float = 0.9,
    detail: str = "",
    role: str = "check",
) -> Hypothesis:
    """Whether the means over redraws are the closed form's values, everywhere and within a relative tolerance.

    The effect is ``max_p |mean_s redraws[s, p] / exact[p] - 1|`` with the interval of
    :func:`gendyn.analysis.worst_place`. The largest of several noisy errors is biased upwards, against the claim, so
    redraws have to be enough for the tolerance: with too few it is undecided, and an exact law is not refuted.

    Args:
        claim: what agrees with what, and where.
        redraws: ``[S, ...]``; the mean must exist there (not at an interpolation threshold).
        exact: ``[...]``, or one number for all places; finite and not 0.
        tolerance: relative; above 0.
        level: of the interval.
        detail: the setting; added are the place of the largest error, and redraws that are not finite, with which
            nothing is decided.
        role: as for :func:`gendyn.analysis.finding`; what follows from a proof is a check of the code.

    Raises:
        ConfigError: no redraws, shapes that do not fit, a closed form that is 0 or not finite, or no tolerance.

    >>> noise = np.random.default_rng(0).normal(1.0, 0.05, [400, 3])
    >>> agreement("means are 1", noise, np.ones(3), tolerance=0.02).decided(0.9)
    'supported'
    >>> agreement("means are 2", noise, np.full(3, 2.0), tolerance=0.02).decided(0.9)
    'refuted'
    """
    check_range("tolerance", tolerance, low=0, open_low=True)
    table, truth = _places(redraws, exact)
    if not np.all(np.isfinite(truth) & (truth != 0)):
        raise ConfigError("exact must be finite and not 0 everywhere; leave out where it is not, such as a threshold.")
    broken = ~np.isfinite(table)
    if broken.any():
        detail = (
            f"{detail} {broken.any(axis=1).sum():,} redraws are not finite, at {broken.any(axis=0).sum()} places, the "
            f"first place {_named(int(np.argmax(broken.any(axis=0))), redraws)}: undecided."
        )
    ratios = np.where(broken, np.nan, table) / truth
    errors = np.abs(ratios.mean(axis=0) - 1.0)
    worst = int(np.argmax(errors))
    place = _named(worst, redraws)
    return finding(
        claim,
        worst_place(None, ratios, which="distance", centre=1.0, level=level),
        high=tolerance,
        unit="largest |mean / closed form - 1|",
        detail=f"{detail} {len(table):,} redraws at {len(truth)} places; the largest error is at place {place}, "
        f"median error {np.median(errors):.2%}.".strip(),
        role=role,
    )


def consistency(
    redraws: np.ndarray, exact: np.ndarray | float, *, num_errors: float = 3.0, close: float = 0.02, level: float = 0.9
) -> Interval:
    """Largest distance of a mean from its closed form in units of what is allowed, as a point.

    ``max_p |mean_s redraws[s, p] - exact[p]| / max(num_errors SE_p, close exact[p])``: below 1 where every mean is
    within so many standard errors, or within that share of it. Sampling is in the limit and not in the interval, since
    resampling would count it twice. With too few redraws for an interval of this level, standard errors are no better:
    it says nothing.

    Args:
        redraws: ``[S, ...]``.
        exact: ``[...]``, or one number for all places; positive.
        num_errors, close: at least one of them above 0.
        level: in (0, 1).

    Raises:
        ConfigError: no redraws, or shapes that do not fit.

    >>> noise = np.random.default_rng(0).normal(1.0, 0.05, [400, 3])
    >>> consistency(noise, np.ones(3)).high < 1.0 < consistency(noise, np.full(3, 1.1)).low
    True
    """
    rows, truth = _places(redraws, exact)
    errors = rows.std(axis=0, ddof=min(1, len(rows) - 1)) / math.sqrt(len(rows))
    largest = float(np.max(np.abs(rows.mean(axis=0) - truth) / np.maximum(num_errors * errors, close * truth)))
    return _point(largest, len(rows), level)


def largest_seen(values: np.ndarray, *, level: float = 0.9) -> Interval:
    """The largest value that any of these rows has anywhere, as a point: for what must hold in every one of them.

    It is about these rows. The largest that others may have is not known from them, and no resample exceeds it. With
    too few rows for an interval of this level it says nothing.

    Args:
        values: ``[S, ...]``, such as an error of rounding; NaN, or no row: unknown.
        level: in (0, 1).

    Raises:
        ConfigError: ``level`` out of range.

    >>> largest_seen(np.array([[1e-9, 0.0]] * 9 + [[0.0, 1e-3]]))[:3]
    (0.001, 0.001, 0.001)
    >>> largest_seen(np.zeros([0, 2]))[:3]
    (nan, -inf, inf)
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    rows = np.asarray(values, float)
    return unknown(level) if not rows.size or np.isnan(rows).any() else _point(float(rows.max()), len(rows), level)


def _point(value: float, num_rows: int, level: float) -> Interval:
    def ends(level: float) -> tuple[float, float]:
        return (value, value) if attainable_level(num_rows) >= level else (-math.inf, math.inf)

    return interval_of(value, ends, level)


def _places(redraws: np.ndarray, exact: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Both with all places on one axis: ``[S, P]`` and ``[P]``."""
    table, truth = np.asarray(redraws, float), np.asarray(exact, float)
    if table.ndim < 2 or truth.shape not in ((), table.shape[1:]) or not table.size:
        raise ConfigError(
            f"redraws {table.shape} and exact {truth.shape} do not fit; pass [S, ...] and [...], S and places >= 1."
        )
    return table.reshape(len(table), -1), np.broadcast_to(truth, table.shape[1:]).ravel()


def _named(place: int, redraws: np.ndarray) -> int | tuple[int, ...]:
    """A place by its index along each axis of ``redraws [S, ...]`` that has several; a number where one has."""
    shape = np.shape(redraws)[1:]
    index = tuple(int(i) for i, size in zip(np.unravel_index(place, shape), shape, strict=True) if size > 1)
    return index if len(index) > 1 else place


def sampling_error(measured: np.ndarray, predicted: np.ndarray) -> float:
    """What sampling alone makes of ``mean_p |mean_s measured / mean_s predicted - 1|``, which is never negative.

    A mean over redraws that has a standard error ``s`` and nothing else is off by ``s sqrt(2 / pi)`` on average.

    Args:
        measured, predicted: ``[S, P]``, of the same redraws.

    >>> rows = np.random.default_rng(0).normal(1.0, 0.1, [400, 3])
    >>> round(sampling_error(rows, np.ones([400, 3])), 3), sampling_error(rows, 2 * rows)
    (0.004, 0.0)
    """
    ratios = measured / measured.mean(axis=0) - predicted / predicted.mean(axis=0)
    errors = np.std(ratios, axis=0) / math.sqrt(max(1, len(ratios) - 1))
    return float(np.mean(errors) * math.sqrt(2 / math.pi))
