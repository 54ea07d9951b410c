"""When a measure of training is half way from where it turned to where it ends, and how far it moves on the way."""

import numpy as np

from gendyn.analysis.settled import settled
from gendyn.analysis.time_to_threshold import Crossing, time_to_threshold


def first_record(inside: np.ndarray) -> np.ndarray:
    """The first record at which a condition holds, ``[S, T] -> [S]``; -1 where there is none, also of no records.

    >>> first_record(np.array([[False, True, False], [False, False, False]])).tolist()
    [1, -1]
    """
    if not inside.shape[1]:
        return np.full(len(inside), -1)
    return np.where(inside.any(axis=1), np.argmax(inside, axis=1), -1)


def turning_point(values: np.ndarray, first: np.ndarray, *, last: int = 3) -> np.ndarray:
    """The record furthest from where a measure ends, ``[S, T] -> [S]``.

    A record of NaN counts as the furthest, so that the movement from there is NaN and half of it is never seen.

    Args:
        values: ``[S, T]``; a run's end is its median over the last records.
        first: int ``[S]``, the record from which on it is sought, such as that at which training has fitted.
        last: number of records that the end is the median of.

    Raises:
        ConfigError: no records, or ``last`` below 1.

    >>> turning_point(np.array([[9.0, 2.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1]))
    array([2])
    """
    distance = np.abs(values - settled(values, last=last)[:, None])
    return np.argmax(np.where(np.arange(values.shape[1]) >= first[:, None], distance, -1.0), axis=1)


def movement_to_end(values: np.ndarray, first: np.ndarray, *, last: int = 3) -> np.ndarray:
    """How far a measure moves from its turning point to its end, signed, ``[S]``. Arguments: :func:`turning_point`.

    >>> movement_to_end(np.array([[9.0, 2.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1]))
    array([2.])
    """
    return np.asarray(settled(values, last=last) - _at(values, turning_point(values, first, last=last)))


def half_way(steps: np.ndarray, values: np.ndarray, first: np.ndarray, *, hold: int = 2, last: int = 3) -> Crossing:
    """When a measure is half way from its turning point to its end; never where it ends where it turned.

    Args:
        steps: ``[T]``, ascending.
        values, first, last: as for :func:`turning_point`.
        hold: how many consecutive records must lie on the far side.

    >>> half_way(np.arange(6.0), np.array([[9.0, 1.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1])).time
    array([3.])
    """
    turn = turning_point(values, first, last=last)
    begin = _at(values, turn)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = (values - begin) / (settled(values, last=last)[:, None] - begin)
    known = np.arange(values.shape[1]) >= turn[:, None]
    # A measure that ends where it began is never half way: 0/0 is not a number, and x/0 no progress.
    return time_to_threshold(steps, np.where(known & np.isfinite(progress), progress, np.nan), 0.5, hold=hold)


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, place[:, None], axis=1)[:, 0]
