"""Eigenvalues of ``X^T X / n`` for ``X [n, p]`` of independent entries of variance 1, in the limit ``p / n -> ratio``.

Entries of variance ``s`` multiply every eigenvalue by ``s``. All results are float64.

Reference: Marchenko & Pastur (1967); Bai & Silverstein (2010), Spectral Analysis of Large Dimensional Random Matrices,
section 3.1.
"""

import math

import numpy as np

from gendyn.core import check_positive_int, check_range


def marchenko_pastur_edges(ratio: float) -> tuple[float, float]:
    """Ends of the continuous part of the spectrum: ``(1 -+ sqrt(ratio))^2``.

    Args:
        ratio: ``p / n``, positive. Above 1 the spectrum also has an atom at 0, see :func:`marchenko_pastur_atom`.

    Raises:
        ConfigError: ``ratio`` is not positive.

    >>> marchenko_pastur_edges(0.25)
    (0.25, 2.25)
    """
    _check(ratio)
    return (1.0 - math.sqrt(ratio)) ** 2, (1.0 + math.sqrt(ratio)) ** 2


def marchenko_pastur_atom(ratio: float) -> float:
    """Fraction of the ``p`` eigenvalues that are exactly 0: ``max(0, 1 - 1 / ratio)``.

    Raises:
        ConfigError: ``ratio`` is not positive.

    >>> marchenko_pastur_atom(4.0), marchenko_pastur_atom(0.5)
    (0.75, 0.0)
    """
    _check(ratio)
    return max(0.0, 1.0 - 1.0 / ratio)


def marchenko_pastur_density(x: np.ndarray, ratio: float) -> np.ndarray:
    """``sqrt((b - x) (x - a)) / (2 pi ratio x)`` between the edges ``a`` and ``b``, 0 elsewhere.

    It integrates to ``1 - atom``: for ``ratio > 1`` the eigenvalues that are 0 are not in it. At ``ratio = 1`` it grows
    as ``x^(-1/2)`` toward 0.

    Args:
        x: eigenvalues, any shape.
        ratio: ``p / n``, positive.

    Returns:
        Eigenvalues per unit of ``x`` and per dimension, the shape of ``x``; NaN where ``x`` is.

    Raises:
        ConfigError: ``ratio`` is not positive.

    >>> marchenko_pastur_density(np.array([0.2, 1.0, 3.0]), 0.25).round(4).tolist()
    [0.0, 0.6164, 0.0]
    """
    low, high = marchenko_pastur_edges(ratio)
    x = np.asarray(x, np.float64)
    outside = (x <= low) | (x >= high)
    at = np.where(outside, high, x)
    density = np.sqrt(np.maximum((high - at) * (at - low), 0.0)) / (2.0 * np.pi * ratio * at)
    return np.where(outside, 0.0, density)


def singular_value_density(x: np.ndarray, ratio: float) -> np.ndarray:
    """Density of the singular values ``s`` of ``X / sqrt(n)`` that are not 0: ``2 s density(s^2) / (1 - atom)``.

    It integrates to 1.

    Args:
        x: singular values, at least 0, any shape.
        ratio: ``p / n``, positive.

    Returns:
        Per unit of ``s``, the shape of ``x``.

    Raises:
        ConfigError: ``ratio`` is not positive.

    >>> singular_value_density(np.array([0.2, 1.0, 1.9]), 1.0).round(4).tolist()
    [0.6334, 0.5513, 0.1988]
    """
    x = np.asarray(x, np.float64)
    return 2.0 * x * marchenko_pastur_density(x**2, ratio) / (1.0 - marchenko_pastur_atom(ratio))


def marchenko_pastur_moment(order: int, ratio: float) -> float:
    """Mean over all ``p`` eigenvalues of ``eigenvalue^order``, the atom included.

    ``sum over r < order of ratio^r C(order, r) C(order - 1, r) / (r + 1)``, so 1, ``1 + ratio``,
    ``1 + 3 ratio + ratio^2``, ...

    Raises:
        ConfigError: ``order`` is not an integer of at least 0, or ``ratio`` not positive.

    >>> marchenko_pastur_moment(2, 0.25)
    1.25
    """
    check_positive_int("order", order, low=0)
    _check(ratio)
    if order == 0:
        return 1.0
    return float(sum(ratio**r * math.comb(order, r) * math.comb(order - 1, r) / (r + 1) for r in range(order)))


def marchenko_pastur_stieltjes(z: np.ndarray, ratio: float) -> np.ndarray:
    """``m(z) = mean over eigenvalues of 1 / (eigenvalue - z)``, the atom included.

    The root of ``ratio z m^2 - (1 - ratio - z) m + 1 = 0`` that falls off as ``-1 / z``.

    Args:
        z: real or complex, any shape, outside the spectrum; a real ``z`` between the edges gives the limit from one
            side of the cut, whose imaginary part is ``+- pi`` times the density. ``z = 0`` is a pole if ``ratio > 1``.
        ratio: ``p / n``, positive.

    Returns:
        complex128, the shape of ``z``.

    Raises:
        ConfigError: ``ratio`` is not positive.

    >>> complex(marchenko_pastur_stieltjes(np.array(-1.0), 1.0)).real.__round__(6)
    0.618034
    """
    low, high = marchenko_pastur_edges(ratio)
    z = np.asarray(z, np.complex128)
    # The product of two principal roots, not the root of the product, is cut only between the edges.
    root = np.sqrt(z - low) * np.sqrt(z - high)
    linear = 1.0 - ratio - z
    # Both forms are the same root; each loses all digits where its sum cancels.
    stable = np.abs(linear - root) >= np.abs(linear + root)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(stable, 2.0 / (linear - root), (linear + root) / (2.0 * ratio * z))


def iid_effective_dimension(num_examples: int, dimension: int, alpha: float) -> float:
    """Effective dimension ``sum of l / (l + alpha)`` of ``X^T X / n`` for ``X [n, d]`` with iid entries of variance 1.

    ``d (1 - alpha m(-alpha))`` with the Stieltjes transform ``m`` at ``ratio = d / n``: the leading order for large
    ``n`` and ``d``, with a correction of order 1. It never exceeds ``min(n, d)``.

    Args:
        num_examples: ``n``.
        dimension: ``d``.
        alpha: regularisation, positive, in units of the eigenvalues.

    Raises:
        ConfigError: a size below 1, or ``alpha`` not positive.

    >>> round(iid_effective_dimension(1000, 100, 1e-9), 3), round(iid_effective_dimension(100, 1000, 1e-6), 1)
    (100.0, 100.0)

    Reference: Maddox, Benton & Wilson (2020), arXiv:2003.02139, section 3 (the definition).
    """
    check_positive_int("num_examples", num_examples)
    check_positive_int("dimension", dimension)
    check_range("alpha", alpha, low=0, open_low=True)
    transform = complex(marchenko_pastur_stieltjes(np.array(-float(alpha)), dimension / num_examples))
    return dimension * (1.0 - alpha * transform.real)


def _check(ratio: float) -> None:
    check_range("ratio", ratio, low=0, open_low=True)
