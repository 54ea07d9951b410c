"""When each run reaches a level, with what is not known said: never seen (right-censored) and between which records."""

from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int, check_range

NOT_FITTED, NO_GENERALISATION, GROKKING, IMMEDIATE = "not fitted", "no generalisation", "grokking", "immediate"
PHASES = (NOT_FITTED, NO_GENERALISATION, GROKKING, IMMEDIATE)
"""What a run did, from worst to best: see :func:`grokking_phase`."""


class Crossing(NamedTuple):
    """When runs reach a level; every field ``[R]``. Both bounds hold whatever the records' spacing."""

    time: np.ndarray
    """Steps. Where ``observed``, the first record at the level; else the last record at which it was surely not yet
    reached, so the event lies beyond (right-censored; ``inf``: it will never come; ``-inf``: nothing is known)."""
    previous: np.ndarray
    """Steps. The record before: the event lies in ``(previous, time]``. ``-inf`` where the first record is already at
    the level (left-censored). Equal to ``time`` where not observed."""
    observed: np.ndarray
    """bool: whether the level is reached."""


class Delay(NamedTuple):
    """Steps from one event to another, of the same runs; every field ``[R]``."""

    time: np.ndarray
    """Difference of the two recorded steps; where not ``observed`` the delay is longer (``-inf``: nothing is known)."""
    low: np.ndarray
    high: np.ndarray
    """The delay lies in ``[low, high]``, given the records' spacing and the censoring; infinite ends are open."""
    observed: np.ndarray
    """bool: whether both events are."""


def time_to_threshold(
    steps: np.ndarray,
    values: np.ndarray,
    level: float,
    *,
    direction: str = "above",
    hold: int = 1,
    interpolate: bool = False,
    never: np.ndarray | None = None,
) -> Crossing:
    """The step of the first record from which ``hold`` consecutive records are at or beyond ``level``.

    NaN records (not trained so far, diverged, or a probe of another cadence) are passed over: a run is censored at its
    last finite record. Censoring a run that diverged says that it might still have arrived, which Kaplan and Meier's
    estimate takes for granted; name such runs in ``never`` to count them as failures instead. A streak that the end of
    the history cuts short decides nothing, and the run is censored before it.

    Args:
        steps: ``[T]`` or ``[R, T]``, ascending; NaN past the end of a shorter run.
        values: ``[R, T]``, such as test accuracy.
        level: to reach.
        direction: ``"above"`` (``value >= level``) or ``"below"`` (``value <= level``).
        hold: number of records, at least 1; 1 takes a lucky record for an arrival.
        interpolate: place the crossing between the two records, linearly in value and step.
        never: bool ``[R]``, runs known not to arrive: where not observed their time is ``inf``.

    Raises:
        ConfigError: shapes that do not fit, steps not ascending, or an argument out of range.

    >>> accuracy = np.array([[0.1, 0.5, 0.97, 0.99], [0.1, 0.2, 0.3, np.nan]])
    >>> time_to_threshold(np.array([0, 10, 100, 1000]), accuracy, 0.95)
    Crossing(time=array([100., 100.]), previous=array([ 10., 100.]), observed=array([ True, False]))
    """
    check_range("level", level)
    check_choice("direction", direction, ("above", "below"))
    check_positive_int("hold", hold)
    values = np.asarray(values, float)
    steps = np.asarray(steps, float)
    if values.ndim != 2 or steps.shape not in (values.shape, values.shape[1:]):
        raise ConfigError(
            f"steps has shape {steps.shape} and values {values.shape}; pass values [R, T] with steps [T] or [R, T]."
        )
    if never is not None and np.shape(never) != values.shape[:1]:
        raise ConfigError(f"never has shape {np.shape(never)}; pass one bool for each of {len(values)} runs.")
    rows = [
        _first(at, row, level, direction == "above", hold, interpolate)
        for at, row in zip(np.broadcast_to(steps, values.shape), values, strict=True)
    ]
    table = np.array([row[:2] for row in rows]).reshape(-1, 2)
    time, previous, observed = table[:, 0], table[:, 1], np.array([row[2] for row in rows], bool)
    if never is not None:
        lost = np.asarray(never, bool) & ~observed
        time, previous = np.where(lost, np.inf, time), np.where(lost, np.inf, previous)
    return Crossing(time, previous, observed)


def generalisation_delay(train: Crossing, test: Crossing) -> Delay:
    """Steps from the training threshold to the test threshold of the same runs.

    A run that fitted but has not generalised is right-censored: its delay is longer than what was seen. One that has
    not fitted says nothing (``-inf``). A test threshold reached first gives a negative delay.

    Args:
        train, test: of the same runs in the same order.

    Raises:
        ConfigError: unequal numbers of runs.

    >>> train, test = (Crossing(np.array([t]), np.array([t - 10.0]), np.array([True])) for t in (50.0, 400.0))
    >>> generalisation_delay(train, test)
    Delay(time=array([350.]), low=array([340.]), high=array([360.]), observed=array([ True]))
    """
    if len(train.time) != len(test.time):
        raise ConfigError(f"train has {len(train.time)} runs and test {len(test.time)}; pass the same runs to both.")
    observed = train.observed & test.observed
    with np.errstate(invalid="ignore"):
        time = np.where(train.observed, test.time - train.time, -np.inf)
        low = np.where(train.observed, test.previous - train.time, -np.inf)
        high = np.where(observed, test.time - train.previous, np.inf)
    return Delay(time, low, high, observed)


def grokking_phase(train: Crossing, test: Crossing, *, immediate: float = 2.0) -> np.ndarray:
    """What each run did, ``[R]``: one of :data:`PHASES`.

    ``"not fitted"``: neither threshold seen; ``"no generalisation"``: only the training one; ``"immediate"``: the test
    threshold at most ``immediate`` times as many steps as the training one; ``"grokking"``: later than that. The
    border is a convention: give it with the figure. Runs that have not trained for long enough are told apart from
    those that never generalise only by the budget, so give that too.

    Args:
        train, test: of the same runs.
        immediate: factor, at least 1.

    Raises:
        ConfigError: ``immediate`` below 1, unequal numbers of runs, or a time of NaN.

    >>> seen = np.array([True, True])
    >>> train = Crossing(np.array([100.0, 100.0]), np.array([90.0, 90.0]), seen)
    >>> grokking_phase(train, Crossing(np.array([150.0, 9000.0]), np.array([140.0, 8990.0]), seen)).tolist()
    ['immediate', 'grokking']
    """
    check_range("immediate", immediate, low=1)
    delay = generalisation_delay(train, test)
    if np.isnan(train.time).any() or np.isnan(test.time).any():
        raise ConfigError("train or test holds a time of NaN; pass what time_to_threshold gives.")
    soon = test.observed & (~train.observed | (delay.time <= (immediate - 1.0) * train.time))
    known = [soon, test.observed, train.observed]
    return np.select(known, [IMMEDIATE, GROKKING, NO_GENERALISATION], NOT_FITTED)


def _first(
    steps: np.ndarray, values: np.ndarray, level: float, above: bool, hold: int, interpolate: bool
) -> tuple[float, float, bool]:
    """Time, the record before and whether observed, of one run."""
    known = np.isfinite(steps) & ~np.isnan(values)
    steps, values = steps[known], values[known]
    if np.any(np.diff(steps) <= 0):
        raise ConfigError("steps must ascend within every run; sort the records first.")
    inside = values >= level if above else values <= level
    # streak[i]: how many records from i on are inside, without a gap.
    streak = np.zeros(len(inside) + 1, int)
    for i in range(len(inside) - 1, -1, -1):
        streak[i] = streak[i + 1] + 1 if inside[i] else 0
    held = streak[:-1] >= hold
    if held.any():
        first = int(np.argmax(held))
        if first == 0:
            return float(steps[0]), -np.inf, True
        before, at = values[first - 1], values[first]
        share = (level - before) / (at - before) if interpolate and np.isfinite(at - before) else 1.0
        return float(steps[first - 1] + share * (steps[first] - steps[first - 1])), float(steps[first - 1]), True
    outside = np.flatnonzero(~inside)
    last = float(steps[outside[-1]]) if len(outside) else -np.inf
    return last, last, False
