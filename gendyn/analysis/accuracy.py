"""When runs reach accuracies on training and test data, and how much later the second is: delays and their ratios."""

import math
from typing import NamedTuple

import numpy as np

from gendyn.analysis.bootstrap import Interval, spanning
from gendyn.analysis.runs import DIVERGED, history, record_steps, run_status
from gendyn.analysis.statistics import median_over_seeds
from gendyn.analysis.time_to_threshold import Crossing, Delay, time_to_threshold
from gendyn.types import Dataset


class AccuracyCrossings(NamedTuple):
    """Every field of both ``[R]``."""

    train: Crossing
    """On the labels as told."""
    test: Crossing


def accuracy_crossings(
    ds: Dataset, *, train: float = 0.95, test: float = 0.95, hold: int = 1, interpolate: bool = False
) -> AccuracyCrossings:
    """When each run reaches an accuracy on its training and on the test data. One that diverged never does.

    Args:
        ds: results with ``train_error`` and ``test_error``.
        train, test: accuracies, in (0, 1].
        hold, interpolate: as for :func:`gendyn.analysis.time_to_threshold`.

    Raises:
        ConfigError: a variable that is not there, or an argument out of range.
    """
    steps, never = record_steps(ds), run_status(ds) == DIVERGED
    return AccuracyCrossings(
        *(
            time_to_threshold(steps, 1.0 - history(ds, name), level, hold=hold, interpolate=interpolate, never=never)
            for name, level in (("train_error", train), ("test_error", test))
        )
    )


def arrival_times(found: Crossing | Delay) -> np.ndarray:
    """The time where it was observed and ``inf`` elsewhere, ``[R]``: later than all, and tied with each other.

    For medians and rank correlations over runs of one budget.

    >>> arrival_times(Crossing(np.array([5.0, 9.0]), np.array([4.0, 9.0]), np.array([True, False]))).tolist()
    [5.0, inf]
    """
    return np.where(found.observed, found.time, np.inf)


def least_delay_ratio(train: Crossing, test: Crossing) -> np.ndarray:
    """Smallest ratio of test to training time that the records allow, ``[R]``; NaN where training is not fitted.

    Of the record before the test crossing, or the last one followed where there is none (``inf``: never, of a run that
    diverged), over that of the training crossing. Conservative for a claim that generalising is late.

    >>> train = Crossing(np.array([10.0, 10.0]), np.array([5.0, 5.0]), np.array([True, False]))
    >>> test = Crossing(np.array([50.0, 50.0]), np.array([40.0, 40.0]), np.array([True, True]))
    >>> least_delay_ratio(train, test).tolist()
    [4.0, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(train.observed, np.maximum(test.previous, 0.0) / train.time, np.nan)


def delay_ratio(train: Crossing, test: Crossing) -> np.ndarray:
    """Ratio of test to training time, ``[R]``; ``inf`` where only training arrived, NaN where it did not.

    >>> seen, not_seen = np.array([True]), np.array([False])
    >>> train, test = (Crossing(np.array([t]), np.array([t]), seen) for t in (10.0, 50.0))
    >>> delay_ratio(train, test).tolist(), delay_ratio(train, test._replace(observed=not_seen)).tolist()
    ([5.0], [inf])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(train.observed & test.observed, test.time / train.time, np.inf)
    return np.where(train.observed, ratios, np.nan)


def speed_ratio(train: Crossing, test: Crossing) -> np.ndarray:
    """Ratio of training to test time, ``[R]``: above 1 what generalises comes first, below 1 memorising.

    ``inf`` where only the test threshold was seen, 0 where only the training one was, NaN where neither was. Unlike
    :func:`delay_ratio` it is bounded for runs that never generalise.

    >>> seen, not_seen = np.array([True]), np.array([False])
    >>> train, test = (Crossing(np.array([t]), np.array([t]), seen) for t in (10.0, 50.0))
    >>> speed_ratio(train, test).tolist(), speed_ratio(train, test._replace(observed=not_seen)).tolist()
    ([0.2], [0.0])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return arrival_times(train) / arrival_times(test)


def median_delay(delay: Delay, *, known: np.ndarray | None = None, level: float = 0.9) -> Interval:
    """Median delay over runs; those not known may have any, and the records' spacing widens the interval.

    The ends are those of the smallest and of the largest delays that the records allow; the estimate is the median of
    the known ones.

    Args:
        delay: of :func:`gendyn.analysis.generalisation_delay`, fields ``[S]``.
        known: bool ``[S]``; those with both events if ``None``.
        level: in (0, 1).

    >>> steps = np.arange(100.0, 180.0, 10.0)
    >>> found = median_delay(Delay(steps, steps - 10.0, steps + 10.0, np.ones(8, bool)))
    >>> found.estimate, found.low < 125.0, found.high > 145.0
    (135.0, True, True)
    """
    known = delay.observed if known is None else known
    low = median_over_seeds(np.where(known, delay.low, -np.inf), level=level)
    high = median_over_seeds(np.where(known, delay.high, np.inf), level=level)
    return spanning(low, high, estimate=float(np.median(delay.time[known])) if known.any() else math.nan)
