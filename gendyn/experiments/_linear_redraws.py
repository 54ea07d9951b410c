"""What the experiments with redraws of linear models share: checks of sizes, tables of finished redraws, peaks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gendyn.analysis import Band, axis_values, interior_peak, mean_interval
from gendyn.core import ConfigError, check_positive_int
from gendyn.experiments._redraws import redraws_of

if TYPE_CHECKING:
    import xarray


def check_sizes(name: str, sizes: Sequence[int], *, high: int | None = None) -> tuple[int, ...]:
    """The sizes as a tuple.

    Raises:
        ConfigError: none, one that is no integer in ``[1, high]``, or an order that does not increase.
    """
    chosen = tuple(sizes)
    for size in chosen:
        check_positive_int(f"{name}: each", size)
        if high is not None and size > high:
            raise ConfigError(f"{name} holds {size}, but there are only {high} columns. Raise the dimension.")
    if not chosen or any(later <= earlier for earlier, later in pairwise(chosen)):
        raise ConfigError(f"{name} = {chosen} must hold at least one size, in increasing order.")
    return chosen


def finished_table(ds: "xarray.Dataset", name: str, axes: tuple[str, ...]) -> np.ndarray:
    """As :func:`gendyn.experiments._redraws.redraws_of`, with the redraws first: ``[S, *outer, ...]``."""
    return np.moveaxis(redraws_of(ds, axes, name)[1], len(axes) - 1, 0)


def outer_values(ds: "xarray.Dataset", axis: str) -> np.ndarray:
    """The values of an outer axis, ascending: those of the tables' rows."""
    return np.unique(axis_values(ds, axis).astype(float))


def peak_places(sizes: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Where the geometric mean over redraws peaks, from logarithms, ``[B, S, ..., P] -> [B, ...]``; NaN without a peak.

    The geometric mean exists next to an interpolation threshold, where the mean does not.
    """
    peak = interior_peak(np.exp(np.mean(logs, axis=1)))
    return np.where(peak.prominence > 1.0, sizes[peak.peak_index], np.nan)


def farthest(places: np.ndarray, target: np.ndarray | float) -> np.ndarray:
    """Largest ``|place / target - 1|`` of each resample, ``[B, ...] -> [B]``."""
    return np.asarray(np.max(np.abs(places / target - 1.0).reshape(len(places), -1), axis=1))


def largest_rise(rows: np.ndarray) -> np.ndarray:
    """Largest ``mean[p + 1] / mean[p] - 1``, of means over redraws, ``[B, S, ..., P] -> [B]``: below 0 if all fall."""
    means = rows.mean(axis=1)
    rises = means[..., 1:] / means[..., :-1] - 1.0
    return np.asarray(np.max(rises.reshape(len(rows), -1), axis=1))


def scatter(target: np.ndarray, by: np.ndarray, *, rising: bool = False) -> np.ndarray:
    """Root mean square of what the least-squares line in ``by`` leaves of ``target``; both ``[..., P]``, broadcast.

    Args:
        target: what is fitted along the last axis.
        by: not constant along it.
        rising: the slope is 0 where the best one is negative.

    >>> scatter(np.array([1.0, 2.0, 3.0]), np.array([[0.0, 2.0, 4.0], [4.0, 2.0, 0.0]]), rising=True).round(4).tolist()
    [0.0, 0.8165]
    """
    y, x = (values - values.mean(axis=-1, keepdims=True) for values in (target, by))
    slope = np.sum(x * y, axis=-1, keepdims=True) / np.sum(x**2, axis=-1, keepdims=True)
    left = y - (np.maximum(slope, 0.0) if rising else slope) * x
    return np.asarray(np.sqrt(np.mean(left**2, axis=-1)))


def geometric_interval(rows: np.ndarray, level: float) -> Band:
    """Geometric mean over redraws ``[S, P]`` and Student's interval of the mean logarithm: for heavy tails."""
    band = mean_interval(np.log(rows), level=level)
    return Band(np.exp(band.centre), np.exp(band.low), np.exp(band.high), level)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's correlation along the last axis, which has no ties; leading axes broadcast.

    >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([[0.1, 0.2, 0.3], [3.0, 2.0, 1.0]])).tolist()
    [1.0, -1.0]
    """
    ranks = [np.argsort(np.argsort(values, axis=-1), axis=-1).astype(float) for values in (a, b)]
    first, second = (values - values.mean(axis=-1, keepdims=True) for values in ranks)
    return np.asarray(np.sum(first * second, axis=-1) / np.sum(first**2, axis=-1))
