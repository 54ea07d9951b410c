"""The measured interpolation threshold: the smallest width at which the median run fits its training set."""

from typing import NamedTuple

import numpy as np

from gendyn.core import check_range
from gendyn.core.errors import ConfigError

_DECADES = 16.0


class Threshold(NamedTuple):
    """Where a curve first reaches a level. Shapes: the error's, without its last axis."""

    value: np.ndarray
    """Smallest ``x`` at which the error is within tolerance; NaN where it never is (right-censored) or is unknown."""
    previous: np.ndarray
    """The grid point before it: the true threshold lies in ``(previous, value]``. NaN where the first point already
    fits (left-censored: the threshold is at most ``value``), or nothing is known; the last point where none does."""
    reached: np.ndarray
    """Whether any point is within tolerance."""


def interpolation_threshold(
    x: np.ndarray, train_error: np.ndarray, *, tolerance: float = 0.0, interpolate: bool = False
) -> Threshold:
    """Smallest ``x`` whose ``train_error <= tolerance``.

    To get that of the median run over seeds, pass ``np.median(errors, axis=<seed>)``. With ``interpolate`` the crossing
    is placed between the last point above and the first point within tolerance, linearly in error and in ``log x``; at
    tolerance 0 this is the grid point itself. Nothing is known of a curve whose error is NaN before the first point
    within tolerance, or anywhere if no point is.

    Args:
        x: ``[W]``, finite, ascending and positive: widths or parameter counts.
        train_error: ``[..., W]``, fractions in [0, 1] on the labels trained on; ``inf`` is not fitted.
        tolerance: fraction in [0, 1) that still counts as fitted.
        interpolate: see above.

    Raises:
        ConfigError: ``x`` not ascending, a length mismatch, or ``tolerance`` out of range.

    >>> found = interpolation_threshold(np.array([2, 4, 8]), np.array([[0.5, 0.0, 0.0], [0.5, 0.4, 0.1]]))
    >>> found.value, found.reached
    (array([ 4., nan]), array([ True, False]))

    Reference: Nakkiran et al. (2020), Deep Double Descent, section 2 (effective model complexity).
    """
    check_range("tolerance", tolerance, low=0, high=1, open_high=True)
    x = np.asarray(x, float)
    error = np.asarray(train_error, float)
    ascends = np.isfinite(x).all() and np.all(np.diff(x) > 0) and np.all(x > 0)
    if error.shape[-1:] != x.shape or not x.size or not ascends:
        raise ConfigError(
            f"x has shape {x.shape} and train_error {error.shape}; x must be positive, ascending and as long as the "
            "last axis of train_error. Sort the widths first."
        )
    # Where a point may already fit, later ones say nothing.
    within = (error <= tolerance) & ~np.logical_or.accumulate(np.isnan(error), axis=-1)
    reached = np.asarray(within.any(axis=-1))
    first = np.argmax(within, axis=-1)
    value = np.where(reached, x[first], np.nan)
    never = np.where(np.isnan(error).any(axis=-1), np.nan, x[-1])
    previous = np.where(reached, np.where(first > 0, x[np.maximum(first - 1, 0)], np.nan), never)
    if interpolate:
        above = np.take_along_axis(error, np.maximum(first - 1, 0)[..., None], -1)[..., 0]
        at = np.take_along_axis(error, first[..., None], -1)[..., 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            # Beside a point that is not fitted at all nothing lies between.
            share = np.where((above > at) & np.isfinite(above), (above - tolerance) / (above - at), 1.0)
            crossing = previous * (value / previous) ** share
        value = np.where(reached & (first > 0), crossing, value)
    return Threshold(value, previous, reached)


def censored_threshold(found: Threshold) -> np.ndarray:
    """The threshold with what is beyond the grid at the ends of the line, so that medians over runs are honest.

    ``inf`` where no point is within tolerance, 0 where the first one already is, NaN where nothing is known. The shape
    is that of its fields.

    >>> errors = np.array([[0.5, 0.0, 0.0], [0.5, 0.4, 0.1], [0.0, 0.0, 0.0]])
    >>> censored_threshold(interpolation_threshold(np.array([2, 4, 8]), errors)).tolist()
    [4.0, inf, 0.0]
    """
    open_end = np.isnan(found.previous)
    return np.where(found.reached, np.where(open_end, 0.0, found.value), np.where(open_end, np.nan, np.inf))


def decades(residual: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """A residual and its tolerance in decades, from 0 (rounding, 1e-16) to 1, for :func:`interpolation_threshold`.

    Crossings are then interpolated linearly in the logarithm of a residual that falls by powers of ten.

    Args:
        residual: shares of what there is to fit, at least 0, any shape; beyond 1 all is left.
        tolerance: in ``(1e-16, 1)``.

    Raises:
        ConfigError: a tolerance out of range.

    >>> decades(np.array([1.0, 1e-8, 0.0]), 1e-4)
    (array([1. , 0.5, 0. ]), 0.75)
    """
    check_range("tolerance", tolerance, low=1e-16, high=1, open_low=True, open_high=True)
    with np.errstate(divide="ignore"):
        scale = np.clip(1.0 + np.log10(residual) / _DECADES, 0.0, 1.0)
    return scale, 1.0 + float(np.log10(tolerance)) / _DECADES


def crossing_in_decades(x: np.ndarray, residual: np.ndarray, tolerance: float) -> np.ndarray:
    """The smallest ``x`` that leaves at most ``tolerance``, ``[...]``, between the points in both logarithms.

    ``inf``: none does. 0: the first already does. NaN: as for :func:`interpolation_threshold`.

    Args:
        x: ``[W]``, ascending and positive.
        residual: ``[..., W]``, in [0, 1]; falls by powers of ten.
        tolerance: in ``(1e-16, 1)``.

    Raises:
        ConfigError: ``x`` that does not ascend, a length mismatch, or a tolerance out of range.

    >>> residual = np.array([[1e-3, 1e-5], [1e-2, 1e-3], [1e-8, 1e-9]])
    >>> crossing_in_decades(np.array([10.0, 40.0]), residual, 1e-4).round(6).tolist()
    [20.0, inf, 0.0]
    """
    scale, level = decades(residual, tolerance)
    return censored_threshold(interpolation_threshold(x, scale, tolerance=level, interpolate=True))


def model_complexity(num_train: np.ndarray, residual: np.ndarray, tolerance: float) -> np.ndarray:
    """Effective model complexity: the largest number of examples that a model fits, ``[...]``.

    Between the numbers tried, it is interpolated in its logarithm and that of the residual. ``inf``: the largest is
    still fitted. 0: the smallest is not. NaN: a residual of NaN may be fitted.

    Args:
        num_train: ``[N]``, ascending and positive.
        residual: ``[..., N]``, in [0, 1]: of a model trained on so many examples.
        tolerance: in ``(1e-16, 1)``: the residual that still counts as fitted.

    Raises:
        ConfigError: numbers that do not ascend, a length mismatch, or a tolerance out of range.

    >>> residual = np.array([[1e-5, 1e-3], [1e-9, 1e-8], [0.1, 0.2]])
    >>> model_complexity(np.array([10.0, 40.0]), residual, 1e-4).round(6).tolist()
    [20.0, inf, 0.0]

    Reference: Nakkiran et al. (2020), Deep Double Descent, definition 1, with a residual in place of the error.
    """
    # The largest number first: its reciprocal ascends, and the first that is fitted is the answer.
    reciprocals = 1.0 / np.asarray(num_train, float)[::-1]
    with np.errstate(divide="ignore"):
        return 1.0 / crossing_in_decades(reciprocals, np.asarray(residual, float)[..., ::-1], tolerance)
