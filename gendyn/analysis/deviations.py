"""The worst of many places: from ``[B, ...]`` (statistics at every place, for ``B`` resamples) to ``[B]``.

The largest of several noisy errors is biased upwards: against a claim that all are small. These are for estimates. For
an interval see :func:`gendyn.analysis.worst_place`: percentiles of resamples of the largest have that bias twice. One
NaN makes it NaN, and no place at all is refused.
"""

import numpy as np

from gendyn.core import ConfigError, check_range


def largest(values: np.ndarray) -> np.ndarray:
    """Largest entry of each resample, ``[B, ...] -> [B]``; NaN where one is.

    >>> largest(np.array([[[1.0, 5.0], [2.0, 3.0]]])).tolist()
    [5.0]
    """
    return np.asarray(np.max(_flat(values), axis=1))


def smallest(values: np.ndarray) -> np.ndarray:
    """Smallest entry of each resample, ``[B, ...] -> [B]``; NaN where one is.

    >>> smallest(np.array([[[1.0, 5.0], [2.0, 3.0]]])).tolist()
    [1.0]
    """
    return np.asarray(np.min(_flat(values), axis=1))


def largest_distance(values: np.ndarray, centre: np.ndarray | float = 0.0) -> np.ndarray:
    """Largest ``|value - centre|`` of each resample, ``[B, ...] -> [B]``.

    >>> largest_distance(np.array([[0.5, -2.0], [1.0, 1.5]]), 1.0).tolist()
    [3.0, 0.5]
    """
    return largest(np.abs(np.asarray(values) - centre))


def largest_error(values: np.ndarray, exact: np.ndarray | float) -> np.ndarray:
    """Largest relative error ``|value / exact - 1|`` of each resample, ``[B, ...] -> [B]``.

    Args:
        values: ``[B, ...]``.
        exact: broadcasts to it; not 0. Of one that is not finite the error is NaN.

    >>> largest_error(np.array([[9.0, 20.0], [10.0, 22.0]]), np.array([10.0, 20.0])).round(12).tolist()
    [0.1, 0.1]
    """
    known = np.where(np.isfinite(exact), exact, np.nan)
    return largest(np.abs(np.asarray(values) / known - 1.0))


def furthest(values: np.ndarray, centre: float, *, by_ratio: bool = False) -> np.ndarray:
    """The entry of each resample that is furthest from ``centre``, ``[B, P] -> [B]``: signed, unlike the distance.

    Args:
        values: ``[B, P]``.
        centre: finite; positive if ``by_ratio``.
        by_ratio: the furthest by ``|log(value / centre)|``, so that 1 / 2 is as far from 1 as 2; values of at least 0.

    Raises:
        ConfigError: a centre out of range, or no value.

    >>> furthest(np.array([[9.0, 10.5], [8.0, 13.0]]), 10.0).tolist()
    [9.0, 13.0]
    >>> furthest(np.array([[0.4, 2.0]]), 1.0).tolist(), furthest(np.array([[0.4, 2.0]]), 1.0, by_ratio=True).tolist()
    ([2.0], [0.4])
    """
    check_range("centre", centre, low=0.0 if by_ratio else -np.inf, open_low=True)
    values = _flat(values)
    with np.errstate(divide="ignore"):
        distance = np.log(values) - np.log(centre) if by_ratio else values - centre
    worst = np.argmax(np.abs(distance), axis=1)
    return np.asarray(np.take_along_axis(values, worst[:, None], axis=1)[:, 0])


def largest_rise(curves: np.ndarray, *, relative: bool = True) -> np.ndarray:
    """Largest rise between neighbours along the last axis, ``[B, ..., P] -> [B]``: below 0 where every curve falls.

    Args:
        curves: ``[B, ..., P]``, such as means over redraws; positive if ``relative``.
        relative: ``curve[p + 1] / curve[p] - 1``, else ``curve[p + 1] - curve[p]``.

    >>> falls, rises = [4.0, 2.0, 1.0], [4.0, 5.0, 1.0]
    >>> largest_rise(np.array([falls, rises])).tolist(), largest_rise(np.array([rises]), relative=False).tolist()
    ([-0.5, 0.25], [1.0])
    """
    if relative:
        return largest(curves[..., 1:] / curves[..., :-1] - 1.0)
    return largest(np.diff(curves, axis=-1))


def _flat(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if not values.ndim or not values.size:
        raise ConfigError(f"values {values.shape} must be [B, ...] with at least one resample and one place.")
    return values.reshape(len(values), -1)
