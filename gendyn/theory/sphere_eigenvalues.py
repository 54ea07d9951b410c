"""Eigenvalues of kernels that depend on the angle between two points of a sphere.

For ``x, x'`` uniform on the unit sphere of ``R^d`` the eigenfunctions of ``k(x . x')`` are the spherical harmonics; all
harmonics of one degree share their eigenvalue. Results are float64.

Reference: Atkinson & Han (2012), Spherical Harmonics and Approximations on the Unit Sphere, chapter 2;
Bach (2017), Breaking the curse of dimensionality with convex neural networks, arXiv:1412.8690 (ReLU kernels).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_positive_int


def sphere_eigenvalues(
    kernel: Callable[[np.ndarray], np.ndarray], dimension: int, degrees: ArrayLike, *, num_nodes: int | None = None
) -> np.ndarray:
    """Eigenvalues ``l_k = E[k(u) P_k(u)]``, ``u`` the first coordinate of a uniform point (Funk-Hecke).

    ``P_k`` is the Gegenbauer polynomial of the sphere, ``P_k(1) = 1``, and the density of ``u`` a constant times
    ``(1 - u^2)^((d - 3) / 2)``. Times :func:`sphere_multiplicities` the ``l_k`` sum to ``k(1)``. The integral is
    taken in the angle, by a Gauss-Legendre rule: kernels of ReLU networks are analytic in the angle but not at
    ``u = +-1``, where a Gauss-Jacobi rule in ``u`` converges as a power only.

    Errors are absolute, some 1e-14 of ``k(1)`` (1e-10 for kernels that take ``arccos u`` at ``d = 2``): eigenvalues
    below that are rounding, as they are at high degree in high dimension.

    Args:
        kernel: ``k(u)`` of an array of cosines.
        dimension: ``d``, of the space around the sphere; 2 is the circle.
        degrees: ``k``, whole, not negative, any shape.
        num_nodes: of the quadrature; ``None``: what degrees and dimension need and a kernel smooth in the angle.

    Returns:
        The shape of ``degrees``.

    Raises:
        ConfigError: a dimension below 2, or degrees that are not integers from 0 on.

    >>> sphere_eigenvalues(lambda u: u, 5, [1]).round(12).tolist()
    [0.2]

    Reference: Atkinson & Han (2012), the Funk-Hecke formula of chapter 2.
    """
    wanted = _check(dimension, degrees)
    highest = int(wanted.max(initial=0))
    count = 200 + 2 * highest + 8 * int(np.sqrt(dimension)) if num_nodes is None else num_nodes
    check_positive_int("num_nodes", count)
    nodes, weights = np.polynomial.legendre.leggauss(count)
    angle = 0.5 * np.pi * (1.0 + nodes)
    cosine = np.cos(angle)
    weights = weights * np.sin(angle) ** (dimension - 2)
    weighted = np.asarray(kernel(cosine), np.float64) * weights / weights.sum()
    found = np.empty(highest + 1)
    before, now = np.zeros_like(cosine), np.ones_like(cosine)
    for k in range(highest + 1):
        found[k] = weighted @ now
        # (k + d - 2) P_(k+1) = (2 k + d - 2) u P_k - k P_(k-1); P_1 = u, also for d = 2 where that reads 0 = 0.
        after = cosine if k == 0 else ((2 * k + dimension - 2) * cosine * now - k * before) / (k + dimension - 2)
        before, now = now, after
    return found[wanted]


def sphere_multiplicities(dimension: int, degrees: ArrayLike) -> np.ndarray:
    """Number of harmonics of each degree: ``(2 k + d - 2) / k * binomial(k + d - 3, k - 1)``, 1 for ``k = 0``.

    Args:
        dimension: ``d``, of the space around the sphere.
        degrees: ``k``, whole, not negative, any shape.

    Returns:
        float64 (they soon exceed integers), the shape of ``degrees``.

    Raises:
        ConfigError: a dimension below 2, or degrees that are not integers from 0 on.

    >>> sphere_multiplicities(3, [0, 1, 2, 3]).tolist(), sphere_multiplicities(2, [0, 5]).tolist()
    ([1.0, 3.0, 5.0, 7.0], [1.0, 2.0])

    Reference: Atkinson & Han (2012), chapter 2.
    """
    from scipy.special import binom

    k = _check(dimension, degrees).astype(np.float64)
    some = np.maximum(k, 1.0)
    return np.where(k > 0, (2 * some + dimension - 2) / some * binom(some + dimension - 3, some - 1), 1.0)


def _check(dimension: int, degrees: ArrayLike) -> np.ndarray:
    check_positive_int("dimension", dimension, low=2)
    wanted = np.asarray(degrees)
    if not np.issubdtype(wanted.dtype, np.integer) or np.any(wanted < 0):
        raise ConfigError(f"degrees = {wanted} must be integers of at least 0. Pass np.arange(...).")
    return wanted
