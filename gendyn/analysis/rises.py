"""How far an error rises again along training and falls a second time, free of the bias of having looked."""

from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError

FLOOR = 1e-3
"""Valleys are found by ratios, which an error of 0 would not have."""


def held_out_rises(errors: np.ndarray, *, floor: float = FLOOR) -> tuple[np.ndarray, np.ndarray]:
    """How far each seed's error rises to, and falls from, the peak that the median of the other seeds has.

    As :func:`gendyn.analysis.held_out_ratios`, with differences in place of ratios and a peak that may be the last
    record: on a curve that falls everywhere the rise is 0.

    Args:
        errors: ``[..., S, T]`` in [0, 1].
        floor: errors below it are raised to it where places are sought.

    Returns:
        ``(rise, fall)``, each ``[..., S]``: peak minus the valley before it, peak minus the lowest after it. The peak
        is where the ratio to the lowest before is largest. NaN with fewer than two seeds, and where the others have no
        record.

    Raises:
        ConfigError: no records.

    >>> curve = np.array([0.9, 0.1, 0.3, 0.2])
    >>> rise, fall = held_out_rises(np.stack([curve, curve + 0.05]))
    >>> rise.round(3).tolist(), fall.round(3).tolist()
    ([0.2, 0.2], [0.1, 0.1])
    """
    places = _places(errors, floor)
    if places is None:
        return np.full(errors.shape[:-1], np.nan), np.full(errors.shape[:-1], np.nan)
    left, top, right = (np.take_along_axis(errors, place, axis=-1)[..., 0] for place in places[:3])
    return np.where(places.found, top - left, np.nan), np.where(places.found, top - right, np.nan)


def held_out_first_falls(errors: np.ndarray, *, floor: float = FLOOR) -> np.ndarray:
    """How far each seed's error falls from its first record to the valley that the median of the other seeds has.

    What a rise "again" presupposes: a hump that begins with the training has no first descent.

    Args:
        errors, floor: as for :func:`held_out_rises`, by whose rule the valley is found.

    Returns:
        ``[..., S]``; NaN with fewer than two seeds, and where the others have no record.

    Raises:
        ConfigError: no records.

    >>> curve = np.array([0.9, 0.1, 0.3, 0.2])
    >>> held_out_first_falls(np.stack([curve, curve + 0.05])).round(3).tolist()
    [0.8, 0.8]
    """
    places = _places(errors, floor)
    if places is None:
        return np.full(errors.shape[:-1], np.nan)
    fall = errors[..., 0] - np.take_along_axis(errors, places.valley, axis=-1)[..., 0]
    return np.where(places.found, fall, np.nan)


class _Places(NamedTuple):
    """Records ``[..., S, 1]`` on the median curve of the other seeds."""

    valley: np.ndarray
    peak: np.ndarray
    lowest: np.ndarray
    found: np.ndarray
    """bool ``[..., S]``: whether the others have any record."""


def _places(errors: np.ndarray, floor: float) -> _Places | None:
    """By the other seeds; of one seed ``None``."""
    if errors.ndim < 2 or not errors.shape[-1]:
        raise ConfigError(f"errors {errors.shape} must be [..., S, T] with at least one record.")
    count, length = errors.shape[-2:]
    if count < 2:
        return None
    others = np.stack([np.median(np.delete(errors, i, axis=-2), axis=-2) for i in range(count)], axis=-2)
    known = np.isfinite(others)
    others = np.where(known, np.maximum(others, floor), np.inf)
    before = np.minimum.accumulate(others, axis=-1)
    # By ratio, so that a lucky guess of the first records is not the valley; an absent record is never the peak.
    peak = np.argmax(np.where(known, others, 0.0) / before, axis=-1)[..., None]
    position = np.arange(length)
    valley = np.argmin(np.where(position <= peak, others, np.inf), axis=-1)[..., None]
    lowest = np.argmin(np.where(position >= peak, others, np.inf), axis=-1)[..., None]
    return _Places(valley, peak, lowest, known.any(axis=-1))
