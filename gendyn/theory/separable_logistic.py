"""Logistic regression on separable data at late times: the direction of largest margin, logarithmically slowly.

``dw/dt = -grad sum_i log(1 + exp(-z_i . w))`` with ``z_i = y_i x_i``; gradient descent at learning rate ``h`` on that
sum is near it at ``t = h * steps``. The loss has no minimum: ``w`` grows for ever.

Reference: Soudry, Hoffer, Nacson, Gunasekar & Srebro (2018), The implicit bias of gradient descent on separable data,
arXiv:1710.10345.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range


class MaxMarginPath(NamedTuple):
    """Where gradient flow on the logistic loss is at late times."""

    coefficients: np.ndarray
    """``w(t)``, ``[..., p]``: the shape of ``times`` and the features; float64."""
    complete: bool
    """Whether support vectors span all examples, so that ``coefficients`` lack nothing but a vanishing term. Else a
    constant vector orthogonal to them is missing, which depends on the whole path."""


def max_margin_path(times: ArrayLike, signed: ArrayLike, dual: ArrayLike) -> MaxMarginPath:
    """``w(t) = log(t) w^ + w~`` with ``w^ = sum_i dual_i z_i`` and ``z_i . w~ = -log dual_i`` on the support vectors.

    ``w^`` has margin 1, so ``exp(-z_i . w) = dual_i / t`` there: those gradients add up to ``w^ / t``, the
    derivative of ``log(t) w^``. The angle to ``w^`` is ``atan(|w~'| / (|w^| log t + w~ . w^ / |w^|))`` with ``w~'`` the
    part of ``w~`` orthogonal to ``w^``: it falls as ``1 / log t``, and its cotangent is linear in ``log t``.

    What is left out falls as a power of ``t`` (a small one where a dual variable is small).

    Args:
        times: positive, any shape.
        signed: ``z``, examples times their labels +-1, ``[n, p]``.
        dual: of the hard-margin problem ``min |w|^2`` with all ``z_i . w >= 1``, ``[n]``, as
            ``gendyn.regression.max_margin`` gives it: positive on the support vectors, 0 elsewhere.

    Raises:
        ConfigError: a time that is not positive, a negative dual, none that is positive, examples that are not finite,
            a support vector that is 0, or shapes that do not fit.

    >>> path = max_margin_path([1.0, np.e], [[0.5, 0.0]], [4.0])
    >>> path.coefficients.round(4).tolist(), path.complete
    ([[-2.7726, 0.0], [-0.7726, 0.0]], True)

    Reference: Soudry et al. (2018), theorem 3 with equation 6, and appendix B for the constant.
    """
    check_range("times", times, low=0, open_low=True)
    check_range("dual", dual, low=0)
    points, weights = np.asarray(signed, np.float64), np.asarray(dual, np.float64)
    if points.ndim != 2 or weights.shape != points.shape[:1] or not np.any(weights > 0):
        raise ConfigError(
            f"signed {points.shape} must be [n, p] and dual {weights.shape} its n variables, at least one of them "
            "positive. Pass the dual of gendyn.regression.max_margin."
        )
    check_range("signed", points)
    support = weights > 0
    if not points[support].any(axis=1).all():
        raise ConfigError("signed has a support vector of 0, which no direction separates; leave that example out.")
    constant = np.linalg.lstsq(points[support], -np.log(weights[support]), rcond=None)[0]
    complete = bool(np.linalg.matrix_rank(points[support]) == np.linalg.matrix_rank(points))
    late = np.log(np.asarray(times, np.float64))[..., None] * (points.T @ weights)
    return MaxMarginPath(late + constant, complete)
