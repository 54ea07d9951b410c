"""How long runs take when some never arrive: Kaplan-Meier curves, medians, tests and speed-ups with censoring."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn.analysis.bootstrap import Interval, attainable_level, expanded_tail, interval_of
from gendyn.analysis.intervals import median_interval
from gendyn.analysis.time_to_threshold import Crossing
from gendyn.core import ConfigError, check_positive_int, check_range

if TYPE_CHECKING:
    from scipy.stats import CensoredData


class Survival(NamedTuple):
    """Kaplan and Meier's estimate at its ``K`` distinct times; between them it is constant, before them it is 1."""

    times: np.ndarray
    """``[K]``, ascending: of events and of censoring; finite."""
    share: np.ndarray
    """``[K]``: estimated share of runs that have not arrived by (and at) that time."""
    low: np.ndarray
    high: np.ndarray
    """``[K]``: pointwise log-log band. Before the first event ``[1, 1]``, once all have arrived ``[0, 0]``: the formula
    knows no variance there."""
    num_at_risk: np.ndarray
    """``[K]``: runs that had neither arrived nor been censored just before."""
    level: float
    median: float
    """Time by which half have arrived; ``inf`` where fewer have."""
    median_low: float
    median_high: float
    """Brookmeyer and Crowley's interval: the times whose band contains one half; ``inf`` where the band never drops."""


class LogRank(NamedTuple):
    """Do two groups arrive at the same rate?"""

    statistic: float
    """Standard normal if they do; positive where the first group arrives sooner than expected."""
    p_value: float
    """Two-sided, from the normal limit."""


class SpeedUp(NamedTuple):
    """How many times sooner an arm arrives than its baseline."""

    interval: Interval
    """``estimate = baseline median / arm median``: ``inf`` if only the baseline's is censored, 0 if only the arm's, NaN
    if both. ``high = inf``: no upper bound is known."""
    at_least: float
    """The ratio with a censored baseline's median replaced by the last step it was followed for: a lower bound on the
    estimate; equal to it without censoring, and 0 where the arm's median is censored."""
    baseline_median: float
    arm_median: float
    """In seconds if seconds per step were given, else in steps."""


def kaplan_meier(times: np.ndarray, observed: np.ndarray, *, level: float = 0.9) -> Survival:
    """The product-limit estimate ``S(t) = product over event times t_j <= t of 1 - d_j / n_j`` with its log-log band.

    Greenwood: ``var(log S) = sum of d_j / (n_j (n_j - d_j))``; the band is ``S^exp(-+ z sqrt(var) / log S)``, which
    stays in [0, 1]. Times and shares are those of ``scipy.stats.ecdf``. Censoring must tell nothing about arrival.

    Args:
        times: ``[R]``, steps or seconds: of the event, or up to which the run was followed. ``inf`` (never) stays at
            risk for ever; runs with ``-inf`` (nothing known) are left out.
        observed: bool ``[R]``.
        level: of the band and of the median's interval, in (0, 1).

    Raises:
        ConfigError: no run, unequal lengths, NaN, or ``level`` out of range.

    >>> found = kaplan_meier(np.array([3.0, 5, 5, 8, 10]), np.array([True, True, False, True, False]))
    >>> found.times.tolist(), found.share.round(3).tolist(), found.num_at_risk.tolist(), found.median
    ([3.0, 5.0, 8.0, 10.0], [0.8, 0.6, 0.3, 0.3], [5, 4, 2, 1], 8.0)

    Reference: Kaplan & Meier (1958); Brookmeyer & Crowley (1982); Klein & Moeschberger (2003), sections 4.2-4.5.
    """
    from scipy.stats import ecdf, norm

    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    times, observed = _checked(times, observed)
    found = ecdf(_censored(times, observed, _last_known(times))).sf
    at = np.asarray(found.quantiles, float)
    at_risk = np.sum(times >= at[:, None], axis=1)
    events = np.sum(observed & (times == at[:, None]), axis=1)
    share = np.asarray(found.probabilities, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        spread = norm.ppf(0.5 + level / 2) * np.sqrt(variance) / np.log(share)
        low, high = share ** np.exp(-spread), share ** np.exp(spread)
    certain = (share == 0.0) | (share == 1.0)
    low, high = np.where(certain, share, low), np.where(certain, share, high)
    finite = at <= _last_known(times)
    # Where all have arrived the band is unknown, not a point: it may not close the median's interval.
    below = np.where(share == 0.0, 1.0, high) < 0.5
    return Survival(
        at[finite],
        share[finite],
        low[finite],
        high[finite],
        at_risk[finite],
        level,
        float(_medians(times[None], observed[None])[0]),
        float(at[np.argmax(low <= 0.5)]) if np.any(low <= 0.5) else math.inf,
        float(at[np.argmax(below)]) if np.any(below) else math.inf,
    )


def median_time(times: np.ndarray, observed: np.ndarray, *, level: float = 0.9) -> Interval:
    """The median time to arrive, with an interval at least as wide as its level says.

    Where no run was censored before the last arrival (a common budget, the usual case) the interval lies between order
    statistics, exact at any number of runs: a censored run counts as the time it was followed to in the lower end and
    as ``inf`` in the upper one. Otherwise it is Brookmeyer and
    Crowley's. Too few runs for the level give ``(-inf, inf)``.

    Args:
        times, observed: as for :func:`kaplan_meier`.
        level: in (0, 1).

    Raises:
        ConfigError: as there.

    >>> median_time(np.array([10.0, 20, 30, 40, 99, 99]), np.array([True] * 4 + [False] * 2))[:3]
    (35.0, 10.0, inf)
    """
    found = kaplan_meier(times, observed, level=level)
    times, observed = _checked(times, observed)
    censored_before = bool(np.any(times[~observed] < np.max(times[observed], initial=-np.inf)))

    def ends(level: float) -> tuple[float, float]:
        if censored_before:
            curve = kaplan_meier(times, observed, level=level)
            return curve.median_low, curve.median_high
        low, high = (median_interval(side, level=level) for side in (times, np.where(observed, times, np.inf)))
        return (float(low.low), float(high.high)) if low.level >= level else (-math.inf, math.inf)

    return interval_of(found.median, ends, level)


def log_rank(times_a: np.ndarray, observed_a: np.ndarray, times_b: np.ndarray, observed_b: np.ndarray) -> LogRank:
    """Mantel's log-rank test that two groups arrive at the same rate at all times (``scipy.stats.logrank``).

    ``z = sum (O_j - E_j) / sqrt(sum V_j)`` over event times, of the first group. Without any event ``z = 0``.

    Raises:
        ConfigError: as :func:`kaplan_meier`.

    >>> slow, fast, seen = np.arange(50.0, 58), np.arange(10.0, 18), np.ones(8, bool)
    >>> found = log_rank(fast, seen, slow, seen)
    >>> found.statistic > 3, found.p_value < 0.001
    (True, True)

    Reference: Mantel (1966).
    """
    from scipy.stats import logrank

    a, b = _checked(times_a, observed_a), _checked(times_b, observed_b)
    if not (a[1].any() or b[1].any()):
        return LogRank(0.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        last = max(_last_known(a[0]), _last_known(b[0]))
        found = logrank(_censored(*a, last), _censored(*b, last))
    if np.isnan(found.statistic):
        # All variances are 0: every event happened when one group alone was left. There is nothing to compare.
        return LogRank(0.0, 1.0)
    return LogRank(float(found.statistic), float(found.pvalue))


def speed_up(
    baseline: Crossing,
    arm: Crossing,
    *,
    paired: bool = False,
    baseline_seconds_per_step: float | tuple[float, float] = 1.0,
    arm_seconds_per_step: float | tuple[float, float] = 1.0,
    level: float = 0.9,
    num_resamples: int = 2000,
    seed: int = 0,
) -> SpeedUp:
    """Ratio of Kaplan-Meier medians, baseline over arm, with a bootstrap interval that knows what is censored.

    Runs are resampled within each arm, or as pairs (same rows: the same seeds in both). The lower end takes in every
    resample the smallest ratio that the data allow: the baseline's median at the record *before* its crossings, or at
    the last step followed if censored, over the arm's at its crossings; the upper end the largest. So coarse records
    and censored medians widen the interval, to infinity if need be. Tails are those of :func:`bootstrap`
    (``"expanded"``); too few runs for the level give ``(0, inf)``.

    Called as it is the ratio is of steps; for one of seconds give the seconds per step, each a number or ``(mean,
    standard error)``, the error being taken as log-normal.

    Raises:
        ConfigError: pairs of unequal number, an arm without runs, or an argument out of range.

    >>> seen = np.ones(8, bool)
    >>> slow, fast = (Crossing(t, t - 10, seen) for t in (np.arange(800.0, 880, 10), np.arange(200.0, 280, 10)))
    >>> found = speed_up(slow, fast)
    >>> round(found.interval.estimate, 2), bool(3 < found.interval.low < found.interval.high < 4.5)
    (3.55, True)
    >>> round(speed_up(slow, fast, arm_seconds_per_step=2.0).interval.estimate, 2)
    1.78
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    check_positive_int("num_resamples", num_resamples, low=100)
    for group in (baseline, arm):
        _checked(group.time, group.observed)
    counts = len(baseline.time), len(arm.time)
    if paired and counts[0] != counts[1]:
        raise ConfigError(f"paired = True with {counts[0]} baseline and {counts[1]} arm runs; pass the same seeds.")
    costs = [_cost(name, value) for name, value in _named(baseline_seconds_per_step, arm_seconds_per_step)]

    random = np.random.default_rng(seed)
    draws = random.integers(counts[0], size=(num_resamples, counts[0]))
    others = draws if paired else random.integers(counts[1], size=(num_resamples, counts[1]))
    seconds = [mean * np.exp(error / mean * random.normal(size=num_resamples)) for mean, error in costs]
    lows, highs, centres, floors = [], [], [], []
    for group, rows, second, (mean, _) in zip((baseline, arm), (draws, others), seconds, costs, strict=True):
        low, high = _median_bounds(group, rows)
        lows.append(low * second)
        highs.append(high * second)
        whole = np.arange(len(group.time))[None]
        # Censored -inf rows (nothing known) leave the risk set at once, here as in kaplan_meier.
        centres.append(float(_medians(group.time[whole], group.observed[whole])[0]) * mean)
        floors.append(_last_known(group.time) * mean if math.isinf(centres[-1]) else centres[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of two unbounded ends nothing is known: 0 below and inf above.
        smallest = np.nan_to_num(lows[0] / highs[1], nan=0.0, posinf=np.inf)
        largest = np.nan_to_num(highs[0] / lows[1], nan=np.inf, posinf=np.inf)
        estimate = float(np.divide(centres[0], centres[1]))
        at_least = 0.0 if math.isinf(centres[1]) else float(np.divide(floors[0], centres[1]))

    def ends(level: float) -> tuple[float, float]:
        if level > attainable_level(min(counts)):
            return 0.0, math.inf
        tail = expanded_tail((1.0 - level) / 2.0, min(counts))
        low = np.quantile(smallest, tail, method="lower")
        return float(low), float(np.quantile(largest, 1.0 - tail, method="higher"))

    interval = interval_of(estimate, ends, level, float(not math.isnan(estimate)))
    return SpeedUp(interval, at_least, *centres)


def _median_bounds(group: Crossing, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest median ``[B]`` that resampled runs allow, given the records' spacing and the censoring."""
    high = _medians(group.time[rows], group.observed[rows])
    # At the record before the crossing. A censored run was surely followed to its time, and no run arrives before 0.
    early = np.maximum(np.where(group.observed, group.previous, group.time), 0.0)
    low = _medians(early[rows], group.observed[rows])
    known = np.where(np.isfinite(group.time), group.time, 0.0)[rows].max(axis=1)
    return np.where(np.isinf(low), known, low), high


def _medians(times: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Kaplan-Meier medians ``[B]`` of ``times, observed [B, S]``; the middle of the flat piece where it is at 1/2.

    So without censoring it is the sample median, also of an even number of runs. ``inf`` where half never arrive.
    """
    # Events come before censoring at the same time: a run followed until then is still at risk.
    order = np.lexsort((~observed, times), axis=1)
    times, observed = (np.take_along_axis(array, order, axis=1) for array in (times, observed))
    at_risk = times.shape[1] - np.arange(times.shape[1])
    share = np.cumprod(np.where(observed, 1.0 - 1.0 / at_risk, 1.0), axis=1)

    def first(reached: np.ndarray) -> np.ndarray:
        at = np.take_along_axis(times, np.argmax(reached, axis=1)[:, None], axis=1)[:, 0]
        return np.where(reached.any(axis=1), at, np.inf)

    slack = 1e-9
    return 0.5 * (first(share <= 0.5 + slack) + first(share < 0.5 - slack))


def _last_known(times: np.ndarray) -> float:
    return float(np.max(times[np.isfinite(times)], initial=0.0))


def _censored(times: np.ndarray, observed: np.ndarray, last: float) -> "CensoredData":
    from scipy.stats import CensoredData

    # SciPy takes no infinite time; any time beyond the last of all groups is the same to these estimates.
    ends = np.where(np.isinf(times), last + 1.0, times)
    return CensoredData(uncensored=ends[observed], right=ends[~observed])


def _checked(times: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The runs of which something is known."""
    times, observed = np.asarray(times, float), np.asarray(observed, bool)
    if times.ndim != 1 or times.shape != observed.shape or np.isnan(times).any() or np.isinf(times[observed]).any():
        raise ConfigError(
            f"times has shape {times.shape} and observed {observed.shape}; pass one time and one bool for each run, "
            "finite where observed and without NaN (time_to_threshold gives both)."
        )
    known = times > -np.inf
    if not known.any():
        raise ConfigError("times holds no run of which anything is known; wait for the first records.")
    return times[known], observed[known]


def _named(baseline: Any, arm: Any) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return ("baseline_seconds_per_step", baseline), ("arm_seconds_per_step", arm)


def _cost(name: str, value: float | tuple[float, float]) -> tuple[float, float]:
    mean, error = value if isinstance(value, tuple) else (value, 0.0)
    check_range(name, mean, low=0, open_low=True)
    check_range(f"{name}: standard error", error, low=0)
    return float(mean), float(error)
