"""Where on a grid a curve crosses a level for the last time, and intervals of such places with censoring.

For the first record at a level along training see :func:`gendyn.analysis.time_to_threshold`, for the smallest size that
fits :func:`gendyn.analysis.interpolation_threshold`.
"""

from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis.bootstrap import Interval, bootstrap, spanning
from gendyn.analysis.statistics import median_over_seeds, ratio_of_medians
from gendyn.core import ConfigError, check_choice


class Places(NamedTuple):
    """Where curves cross a level, ``[...]`` each: where that is not on the grid, ``low < high`` are what is known."""

    low: np.ndarray
    high: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """The place, NaN where it is not on the grid."""
        return np.where(self.low == self.high, self.low, np.nan)

    def at(self, index: Any) -> "Places":
        """A part, such as ``at(np.s_[:, 0])``."""
        return Places(self.low[index], self.high[index])


def last_crossing(
    x: np.ndarray,
    values: np.ndarray,
    level: float,
    *,
    direction: str = "rising",
    logarithmic: bool = False,
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> Places:
    """The last crossing of ``level`` along the last axis, interpolated linearly between two neighbours.

    A curve that is on the far side of the level everywhere crosses it between ``ends[0]`` and ``x[0]``, one that is on
    the near side at the last point between ``x[-1]`` and ``ends[1]``.

    Args:
        x: ``[P]``, ascending, ``P >= 2``; positive if ``logarithmic``.
        values: ``[..., P]``. For a crossing on a scale of logarithms pass logarithms, and that of the level.
        level: a value equal to it counts as above.
        direction: ``"rising"`` (from below to above as ``x`` grows) or ``"falling"``.
        logarithmic: interpolate in ``log x``.
        ends: the smallest and the largest place there can be.

    Raises:
        ConfigError: ``x`` not ascending or too short, unequal lengths, or another direction.

    >>> found = last_crossing(np.array([0.1, 0.2, 0.4]), np.array([[0.0, 0.25, 0.75], [0.0, 0.1, 0.2]]), 0.5)
    >>> found.low.round(3).tolist(), found.high.round(3).tolist(), found.known.round(3).tolist()
    ([0.3, 0.4], [0.3, inf], [0.3, nan])
    """
    check_choice("direction", direction, ("rising", "falling"))
    x, values = np.asarray(x, float), np.asarray(values, float)
    if values.shape[-1:] != x.shape or len(x) < 2 or np.any(np.diff(x) <= 0) or (logarithmic and x[0] <= 0):
        raise ConfigError(
            f"x has shape {x.shape} and values {values.shape}; x must hold two or more ascending places, positive on a "
            "logarithmic scale, and be as long as the last axis of values."
        )
    near = values < level if direction == "rising" else values >= level
    last = len(x) - 1 - np.argmax(near[..., ::-1], axis=-1)
    left = np.minimum(last, len(x) - 2)
    first, second = (np.take_along_axis(values, place[..., None], axis=-1)[..., 0] for place in (left, left + 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = (level - first) / (second - first)
        if logarithmic:
            at = np.exp(np.log(x)[left] + share * np.log(x[left + 1] / x[left]))
        else:
            at = x[left] + share * (x[left + 1] - x[left])
    none, all_near = ~near.any(axis=-1), near[..., -1]
    low = np.select([none, all_near], [ends[0], x[-1]], at)
    high = np.select([none, all_near], [x[0], ends[1]], at)
    return Places(low, high)


def median_place(found: Places, *, level: float = 0.9) -> Interval:
    """Median place over seeds, ``[S]``; both extremes of what is censored enter the interval.

    The estimate is the middle of the medians of both ends.

    Args:
        found: of one curve a seed.
        level: in (0, 1).

    >>> places = np.array([0.2, 0.21, 0.22, 0.23, 0.24, 0.25, 0.26])
    >>> known = median_place(Places(places, places))
    >>> known.estimate, known.low < 0.23 < known.high
    (0.23, True)
    """
    low, high = (median_over_seeds(side, level=level) for side in found)
    return spanning(low, high, estimate=(low.estimate + high.estimate) / 2.0)


def ratio_of_places(above: Places, below: Places, *, level: float = 0.9) -> Interval:
    """Ratio of the median places ``[S]`` of two arms, paired over seeds; what is censored widens it.

    The estimate is that of the middles of what is known.

    Args:
        above, below: of the same seeds.
        level: in (0, 1).

    >>> places = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])
    >>> ratio_of_places(Places(2.0 * places, 2.0 * places), Places(places, places))[:3]
    (2.0, 2.0, 2.0)
    """
    smallest = bootstrap(ratio_of_medians, above.low, below.high, level=level)
    largest = bootstrap(ratio_of_medians, above.high, below.low, level=level)
    if not len(above.low):
        return smallest
    middle = ratio_of_medians(*((np.add(*ends) / 2.0)[None] for ends in (above, below)))[0]
    return spanning(smallest, largest, estimate=float(middle))
