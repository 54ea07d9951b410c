"""The largest margin for the largest coordinate: the direction that sign descent and Adam favour on separable data."""

from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError
from gendyn.types import ArrayLike


class SupMargin(NamedTuple):
    """NumPy float64."""

    direction: np.ndarray
    """``[p]``, its largest coordinate of size 1; not always unique."""
    margin: float
    """``min_i y_i x_i . direction``, in units of ``x``."""


def max_sup_margin(x: ArrayLike, y: ArrayLike) -> SupMargin:
    """``max_w min_i y_i x_i . w`` over ``max_j |w_j| <= 1``, by linear programming on the host.

    The counterpart of :func:`~gendyn.regression.max_margin`, whose ball is that of the Euclidean norm.

    Args:
        x: ``[n, p]``.
        y: labels ``[n]``, each -1 or 1.

    Raises:
        ConfigError: shapes that do not fit, other labels, entries that are not finite, or data that no hyperplane
            through the origin separates.

    >>> found = max_sup_margin(np.array([[2.0, 1.0], [-1.0, 0.0]]), np.array([1.0, -1.0]))
    >>> round(float(found.direction[0]), 6), round(found.margin, 6)
    (1.0, 1.0)

    Reference: Zhang et al. (2024), The implicit bias of Adam on separable data, arXiv:2406.10650.
    """
    from scipy.optimize import linprog

    points, labels = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if points.ndim != 2 or 0 in points.shape or labels.shape != points.shape[:1]:
        raise ConfigError(f"x {points.shape} must be [n, p], n and p at least 1, and y {labels.shape} its n labels.")
    if not np.isfinite(points).all() or not np.isin(labels, (-1.0, 1.0)).all():
        raise ConfigError("x must be finite and each label of y -1 or 1. Drop other rows; map 0 and 1 by 2 y - 1.")
    n, p = points.shape
    goal = np.append(np.zeros(p), -1.0)
    rows = np.hstack([-labels[:, None] * points, np.ones((n, 1))])
    found = linprog(goal, A_ub=rows, b_ub=np.zeros(n), bounds=[(-1.0, 1.0)] * p + [(None, None)])
    margin = float(-found.fun)
    if margin <= 0:
        raise ConfigError(
            f"x {points.shape} is not separable by a hyperplane through the origin: no margin is positive. Append a "
            "column of ones for a bias, or drop the points."
        )
    return SupMargin(found.x[:p], margin)
