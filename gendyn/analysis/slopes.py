"""Least-squares lines along the last axis: their slopes, powers, and what they leave."""

import numpy as np

from gendyn.core import ConfigError


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slope of the least-squares line of ``y`` on ``x``: ``sum (x - mean x) y / sum (x - mean x)^2``.

    Args:
        x: ``[P]``, not all equal; else NaN.
        y: ``[..., P]``; NaN gives NaN.

    Returns:
        ``[...]``.

    Raises:
        ConfigError: no value, or unequal lengths.

    >>> slope(np.array([0.0, 1.0, 2.0]), np.array([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]])).tolist()
    [2.0, 0.0]
    """
    _check(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = x - x.mean()
        return np.asarray(y @ centred / (centred @ centred))


def power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The exponent ``a`` of ``y ~ x^a``: the slope of ``log y`` on ``log x``.

    Args:
        x: ``[P]``, positive, not all equal.
        y: ``[..., P]``; one that is not positive, or infinite (censored), gives NaN.

    Returns:
        ``[...]``.

    Raises:
        ConfigError: no value, or unequal lengths.

    >>> sizes = np.array([[3.0, 12.0, 48.0], [1.0, 2.0, np.inf], [0.0, 1.0, 2.0]])
    >>> power(np.array([1.0, 2.0, 4.0]), sizes).round(9).tolist()
    [2.0, nan, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs, places = np.log(np.where(y > 0, y, np.nan)), np.log(x)
    return slope(places, np.where(np.isinf(logs), np.nan, logs))


def scatter(target: np.ndarray, by: np.ndarray, *, rising: bool = False) -> np.ndarray:
    """Root mean square of what the least-squares line in ``by`` leaves of ``target``; both ``[..., P]``, broadcast.

    Args:
        target: what is fitted along the last axis.
        by: not constant along it; else NaN.
        rising: the slope is 0 where the best one is negative.

    Raises:
        ConfigError: no value, or unequal lengths.

    >>> scatter(np.array([1.0, 2.0, 3.0]), np.array([[0.0, 2.0, 4.0], [4.0, 2.0, 0.0]]), rising=True).round(4).tolist()
    [0.0, 0.8165]
    """
    _check(target, by)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, x = (values - values.mean(axis=-1, keepdims=True) for values in (target, by))
        steepness = np.sum(x * y, axis=-1, keepdims=True) / np.sum(x**2, axis=-1, keepdims=True)
        left = y - (np.maximum(steepness, 0.0) if rising else steepness) * x
    return np.asarray(np.sqrt(np.mean(left**2, axis=-1)))


def scatter_ratio(target: np.ndarray, by: np.ndarray, reference: np.ndarray, *, rising: bool = False) -> np.ndarray:
    """:func:`scatter` about a line in ``by`` over that about a line in ``reference``: below 1 if ``by`` says more.

    Not finite where the reference leaves nothing to explain.

    Args:
        target, by, reference: ``[..., P]``, broadcast.
        rising: of the line in ``by`` alone, as there.

    >>> y, by = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.5])
    >>> round(float(scatter_ratio(y, by, np.array([1.0, 2.0, 3.0]))), 4)
    0.2774
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(scatter(target, by, rising=rising) / scatter(target, reference))


def _check(first: np.ndarray, second: np.ndarray) -> None:
    one, other = np.shape(first), np.shape(second)
    if not one or one[-1:] != other[-1:] or not one[-1]:
        raise ConfigError(f"last axes of {one} and {other} must be equally long, of one value or more.")
