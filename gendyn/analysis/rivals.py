"""How each of several rivals compares with the better of the others."""

import numpy as np

from gendyn.core import ConfigError


def ratio_to_best_other(errors: np.ndarray, axis: int) -> np.ndarray:
    """Of each entry along an axis to the smallest of the others: below 1 for the best alone.

    Args:
        errors: positive, smaller is better; any shape.
        axis: of the rivals, at least two.

    Raises:
        ConfigError: fewer than two rivals.

    >>> ratio_to_best_other(np.array([1.0, 2.0, 4.0]), axis=0).tolist()
    [0.5, 2.0, 4.0]
    """
    table = np.moveaxis(np.asarray(errors, float), axis, 0)
    if len(table) < 2:
        raise ConfigError(f"errors {np.shape(errors)} need at least two rivals on axis {axis}.")
    others = np.stack([np.delete(table, rival, axis=0).min(axis=0) for rival in range(len(table))])
    return np.moveaxis(table / others, 0, axis)
