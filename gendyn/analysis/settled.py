"""Where a history has come to: medians of its last records, since one record alone may sit on a spike."""

import numpy as np

from gendyn.core import ConfigError, check_positive_int


def settled(values: np.ndarray, *, last: int = 3) -> np.ndarray:
    """Median of the last records, ``[..., T] -> [...]``.

    Args:
        values: of runs with equally many records.
        last: number of records; of fewer all are taken.

    Raises:
        ConfigError: no records, or ``last`` below 1.

    >>> settled(np.array([[9.0, 1.0, 5.0, 2.0]])).tolist()
    [2.0]
    """
    check_positive_int("last", last)
    values = np.asarray(values)
    if not values.shape[-1:] or not values.shape[-1]:
        raise ConfigError(f"values {values.shape} must be [..., T] with at least one record.")
    return np.asarray(np.median(values[..., -last:], axis=-1))


def settled_at(steps: np.ndarray, values: np.ndarray, step: np.ndarray | float, *, last: int = 3) -> np.ndarray:
    """Median of the last records up to a step, ``[..., T] -> [...]``; NaN where there is none up to it.

    Args:
        steps: ``[..., T]``, ascending; NaN past the end of a shorter run.
        values: ``[..., T]``.
        step: broadcasts to ``[..., 1]``.
        last: number of records; where there are fewer, the first is counted again.

    Raises:
        ConfigError: no records, shapes that do not fit, or ``last`` below 1.

    >>> settled_at(np.array([0.0, 1.0, 2.0, 3.0]), np.array([9.0, 1.0, 5.0, 2.0]), 2.0).tolist()
    5.0
    """
    check_positive_int("last", last)
    steps, values = np.asarray(steps, float), np.asarray(values, float)
    if steps.shape != values.shape or not values.shape[-1:] or not values.shape[-1]:
        raise ConfigError(f"steps has shape {steps.shape} and values {values.shape}; pass one step for each value.")
    count = np.sum(steps <= step, axis=-1)
    places = np.maximum(count[..., None] - 1 - np.arange(last), 0)
    medians = np.median(np.take_along_axis(values, places, axis=-1), axis=-1)
    return np.where(count > 0, medians, np.nan)
