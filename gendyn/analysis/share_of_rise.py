"""What share of a curve's rise to its peak is in one of its parts."""

import numpy as np

from gendyn.core import ConfigError


def share_of_rise(total: np.ndarray, part: np.ndarray, *, peak: int | None = None) -> np.ndarray:
    """``(part[peak] - part[-1]) / (total[peak] - total[-1])`` of each resample, ``[B]``; NaN where nothing rises, or
    to infinity.

    Args:
        total: curves ``[B, P]``, such as means over redraws.
        part: of them, ``[B, P]``.
        peak: its place; ``None``: where each total is largest.

    Raises:
        ConfigError: curves without a place, or that do not fit.

    >>> total, part = np.array([[1.0, 5.0, 1.0]]), np.array([[0.5, 3.5, 0.5]])
    >>> share_of_rise(total, part).tolist(), share_of_rise(total, part, peak=0).tolist()
    ([0.75], [nan])
    """
    if total.ndim != 2 or total.shape != part.shape or not total.shape[1]:
        raise ConfigError(f"total {total.shape} and part {part.shape} must both be [B, P] with at least one place.")
    rows, places = np.arange(len(total)), np.argmax(total, axis=-1) if peak is None else peak
    with np.errstate(invalid="ignore", divide="ignore"):
        rise = total[rows, places] - total[:, -1]
        return np.asarray(np.where((rise > 0) & np.isfinite(rise), (part[rows, places] - part[:, -1]) / rise, np.nan))
