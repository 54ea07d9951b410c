"""The interior peak of a curve (valley, peak, descent): where it is, and how far it stands over both its valleys."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis.deviations import largest_error
from gendyn.core.errors import ConfigError


class Peak(NamedTuple):
    """The most prominent interior point of each curve. Shapes: the curve's, without its last axis."""

    peak_index: np.ndarray
    """Position on the last axis; -1 where no interior point is finite."""
    left_index: np.ndarray
    """Position of the lowest value before the peak: the first valley."""
    right_index: np.ndarray
    """Position of the lowest value after the peak: how far the second descent goes."""
    left_ratio: np.ndarray
    """Peak over first valley."""
    right_ratio: np.ndarray
    """Peak over the minimum after it."""
    prominence: np.ndarray
    """``min(left_ratio, right_ratio)``. There is a peak if and only if it exceeds 1; a monotone curve has at most 1."""


def interior_peak(curve: np.ndarray) -> Peak:
    """Finds the interior point that stands highest over *both* sides.

    For an interior position ``p``: ``left = curve[p] / min(curve[:p])``, ``right = curve[p] / min(curve[p+1:])``, and
    the peak is the ``p`` with the greatest ``min(left, right)``. On a curve with one valley and one peak this is the
    maximum beyond the first valley; unlike "the first valley" it is not fooled by a wiggle of the noise on the way
    down, nor by the high loss of the smallest widths. Points that are not finite (the median run diverged) are no peak
    and no valley.

    Args:
        curve: ``[..., W]`` positive values such as a loss, ``W >= 3``.

    Raises:
        ConfigError: fewer than three points, or values that are not positive.

    >>> peak = interior_peak(np.array([2.0, 1.0, 3.0, 0.5]))
    >>> int(peak.peak_index), float(peak.left_ratio), float(peak.right_ratio), float(peak.prominence)
    (2, 3.0, 6.0, 3.0)
    >>> float(interior_peak(np.array([4.0, 2.0, 1.0])).prominence)
    0.5
    """
    values = np.asarray(curve, float)
    if values.ndim == 0 or values.shape[-1] < 3:
        raise ConfigError(f"curve has shape {values.shape}; a peak needs at least 3 points. Sweep more widths.")
    if np.any(values <= 0):
        raise ConfigError(f"curve has the value {values.min():g}; ratios need positive values, such as a loss.")
    finite = np.where(np.isfinite(values), values, np.inf)
    before = np.minimum.accumulate(finite, axis=-1)[..., :-2]
    after = np.minimum.accumulate(finite[..., ::-1], axis=-1)[..., ::-1][..., 2:]
    inner = finite[..., 1:-1]
    usable = np.isfinite(inner) & np.isfinite(before) & np.isfinite(after)
    top = np.where(usable, inner, 0.0)
    with np.errstate(invalid="ignore"):
        prominence = np.minimum(top / before, top / after)
    best = np.argmax(np.where(usable, prominence, -1.0), axis=-1)
    exists = np.take_along_axis(usable, best[..., None], -1)[..., 0]

    position = np.arange(values.shape[-1])
    index = best + 1
    left_index = np.argmin(np.where(position < index[..., None], finite, np.inf), axis=-1)
    right_index = np.argmin(np.where(position > index[..., None], finite, np.inf), axis=-1)
    left, right = ratios_at(finite, index, left_index, right_index)
    left, right = (np.where(exists, ratio, np.nan) for ratio in (left, right))
    index = np.where(exists, index, -1)
    return Peak(index, left_index, right_index, left, right, np.minimum(left, right))


def ratios_at(
    curve: np.ndarray, index: np.ndarray, left_index: np.ndarray, right_index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``(curve[index] / curve[left_index], curve[index] / curve[right_index])`` along the last axis."""

    def at(i: np.ndarray) -> np.ndarray:
        return np.take_along_axis(curve, np.asarray(i)[..., None], -1)[..., 0]

    with np.errstate(invalid="ignore"):
        return at(index) / at(left_index), at(index) / at(right_index)


def peak_centre(x: np.ndarray, curve: np.ndarray, *, min_prominence: float = 1.0) -> np.ndarray:
    """Where the peak of each curve is: the centre, in log x, of the interval in which it is above half its height.

    With the peak of :func:`interior_peak`, of height ``h`` over the higher valley ``v``, the flanks are the nearest
    crossings of ``(h + v) / 2`` on both sides, interpolated linearly in (log x, curve), and the centre is the
    geometric mean of the two. The maximum itself is a poor estimate of place: on a broad peak it jumps between grid
    points by noise, while the flanks are steep and average over the peak.

    Args:
        x: ``[W]``, finite, positive and increasing.
        curve: ``[..., W]`` positive values.
        min_prominence: below it there is no peak.

    Returns:
        ``[...]``; NaN where there is no peak.

    Raises:
        ConfigError: ``x`` that is not so, or as there.

    >>> peak_centre(np.array([1, 4, 16, 64, 256]), np.array([[1.0, 1.0, 3.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]]))
    array([16., nan])
    """
    places, values = np.asarray(x, float), np.asarray(curve, float)
    increases = np.isfinite(places).all() and np.all(places > 0) and np.all(np.diff(places) > 0)
    if places.shape != values.shape[-1:] or not increases:
        raise ConfigError(
            f"x has shape {places.shape} and curve {values.shape}; x must be finite, positive, increasing and as long "
            "as the last axis of curve. Sort the widths first."
        )
    grid = np.log(places)
    peak = interior_peak(values)
    flat = values.reshape(-1, values.shape[-1])
    centres = np.full(len(flat), np.nan)
    for row, (line, top, left, right, prominence) in enumerate(
        zip(flat, *(np.ravel(field) for field in peak[:3]), np.ravel(peak.prominence), strict=True)
    ):
        if not prominence > min_prominence:
            continue
        half = (line[top] + max(line[left], line[right])) / 2
        centres[row] = np.exp((_crossing(grid, line, top, -1, half) + _crossing(grid, line, top, 1, half)) / 2)
    return centres.reshape(values.shape[:-1])


def peak_places(sizes: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Where the geometric mean over redraws peaks, from logarithms, ``[B, S, ..., P] -> [B, ...]``; NaN without a peak.

    The geometric mean exists next to an interpolation threshold, where the mean does not. On a fine grid this is the
    place; on a coarse one see :func:`peak_centre`.

    Args:
        sizes: ``[P]``.
        logs: logarithms of positive values.

    >>> peak_places(np.array([10, 20, 40]), np.log([[[1.0, 3.0, 1.0]], [[3.0, 2.0, 1.0]]])).tolist()
    [20.0, nan]
    """
    peak = interior_peak(np.exp(np.mean(logs, axis=1)))
    return np.where(peak.prominence > 1.0, sizes[peak.peak_index], np.nan)


def largest_peak_error(sizes: np.ndarray, logs: np.ndarray, place: np.ndarray | float) -> np.ndarray:
    """Largest ``|peak / place - 1|`` of the peaks of :func:`peak_places`, ``[B, S, ..., P] -> [B]``.

    Args:
        sizes: ``[P]``.
        logs: logarithms of positive values.
        place: where the peak should be; broadcasts against the peaks, ``[B, ...]``.

    >>> float(largest_peak_error(np.array([10, 20, 40]), np.log([[[1.0, 3.0, 1.0]]]), 25)[0])
    0.19999999999999996
    """
    return largest_error(peak_places(sizes, logs), place)


def _crossing(grid: np.ndarray, line: np.ndarray, top: int, direction: int, level: float) -> float:
    """Going from ``top`` in ``direction``, where ``line`` first falls to ``level``; a valley below it is on the way."""
    i = top
    while line[i + direction] > level:
        i += direction
    inside, outside = line[i], line[i + direction]
    share = (inside - level) / (inside - outside) if np.isfinite(inside) else 1.0
    return float(grid[i] + share * (grid[i + direction] - grid[i]))


def held_out_ratios(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peak ratios free of the bias of having looked: one seed is measured where all *other* seeds place the peak.

    The largest of many noisy values is too large, so the peak of a noisy monotone curve always seems to be there. Here
    the peak and both valleys are located on the median of the other seeds and the ratios are read off the seed left
    out; for a monotone truth one of the two is then centred at or below 1. The price: where seeds disagree about the
    place, the ratios come out lower than those of the true curve, so they are a conservative measure of a weak peak.

    Args:
        curves: ``[S, W]``, one row per seed, ``S >= 2``.

    Returns:
        ``(left [S], right [S])``: peak over first valley, and peak over the minimum after it, for each seed; NaN where
        the other seeds place no peak or the seed itself diverged there.

    Raises:
        ConfigError: fewer than two seeds or three widths.

    >>> left, right = held_out_ratios(np.array([[2.0, 1.0, 3.0, 0.5], [2.0, 1.0, 4.0, 1.0]]))
    >>> left.tolist(), right.tolist()
    ([3.0, 4.0], [6.0, 4.0])
    """
    left, top, right = _held_out_places(curves)
    with np.errstate(invalid="ignore"):
        left_ratio, right_ratio = top / left, top / right
    known = np.isfinite(left_ratio) & np.isfinite(right_ratio)
    return np.where(known, left_ratio, np.nan), np.where(known, right_ratio, np.nan)


def held_out_first_valley(curves: np.ndarray, *, level: float = np.inf) -> np.ndarray:
    """How far the first valley of each seed lies below all that it should lie below, placed by the other seeds.

    ``min(first, level, peak) / valley``, with ``first`` the value at the smallest size: above 1 if and only if the
    curve first falls, below a given level too, and rises again. A curve that only rises, and a hump that starts at the
    level, have no first descent; one that only falls has no valley. The peak alone, as :func:`held_out_ratios` measures
    it, stands on all but the last.

    Args:
        curves: ``[S, W]``, one row per seed, ``S >= 2``.
        level: positive, such as the loss of a constant predictor.

    Returns:
        ``[S]``; NaN where the other seeds place no peak or the seed itself diverged at its valley.

    Raises:
        ConfigError: fewer than two seeds or three widths.

    >>> held_out_first_valley(np.array([[2.0, 1.0, 3.0, 0.5], [2.0, 1.0, 4.0, 1.0]]), level=1.5).tolist()
    [1.5, 1.5]
    >>> held_out_first_valley(np.array([[0.9, 1.0, 1.4, 0.5], [0.9, 1.1, 1.5, 0.5]])).tolist()
    [1.0, 1.0]
    """
    valley, top, _ = _held_out_places(curves)
    lowest = np.minimum(np.minimum(np.asarray(curves, float)[:, 0], level), top)
    return np.where(np.isfinite(valley), lowest / valley, np.nan)


def _held_out_places(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each seed at the first valley, the peak and the second valley of the median of the others; NaN without a peak."""
    curves = np.asarray(curves, float)
    num_seeds = len(curves)
    if num_seeds < 2:
        raise ConfigError(f"curves has {num_seeds} seeds; leaving one out needs at least 2. Add values to the axis.")
    others = np.stack([np.median(np.delete(curves, i, axis=0), axis=0) for i in range(num_seeds)])
    peak = interior_peak(others)

    def at(index: np.ndarray) -> np.ndarray:
        return np.where(peak.peak_index >= 0, np.take_along_axis(curves, index[:, None], -1)[:, 0], np.nan)

    return at(peak.left_index), at(peak.peak_index), at(peak.right_index)
