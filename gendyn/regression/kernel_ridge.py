"""Kernel ridge regression on a given kernel matrix: by Cholesky with a penalty, by eigenvalues without one.

``(K + penalty I) a = y``; predictions are ``K(new, train) a``. It minimises ``||y - f||^2 + penalty ||f||_K^2``, the
same convention as :mod:`~gendyn.regression.least_squares`: with ``K = X X^T`` it is :func:`~gendyn.regression.ridge`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_range, cholesky, eigh, is_concrete, solve_triangular
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.types import Array, ArrayLike

_POWER_STEPS = 30
_METHODS = ("auto", "cholesky", "eigh")


class KernelRidge(NamedTuple):
    """Dual coefficients, and what it cost to invert."""

    dual_coefficients: Array
    """``a [n]``, or ``[n, k]`` for ``k`` outputs. NaN where not ``positive_definite``."""
    positive_definite: Array
    """bool scalar. Cholesky: the factor exists. Eigenvalues: none is below ``-n eps`` times the largest."""
    rank: Array
    """Eigenvalues of ``K + penalty I`` that were inverted, int32 scalar: ``n`` with a penalty; -1 for a traced kernel
    or penalty that is not finite, whose other numbers are NaN."""
    smallest_eigenvalue: Array
    """Of ``K + penalty I``, scalar; by Cholesky an estimate from above, by 30 inverse iterations."""
    condition_number: Array
    """Largest over smallest eigenvalue of ``K + penalty I``; by Cholesky an estimate from below. ``inf`` if not PD."""
    residual: Array
    """``||y - K a||`` on the training points, scalar or ``[k]``."""


@full_precision
def kernel_ridge(
    kernel: ArrayLike, y: ArrayLike, penalty: ArrayLike, *, method: str = "auto", rcond: float | None = None
) -> KernelRidge:
    """Solves ``(K + penalty I) a = y``; a penalty of 0 by eigenvalues is ridgeless regression of least norm.

    In float32 digits are gone at ``condition_number`` 1e7: smooth kernels on more than some ten points need float64.

    Cost: ``n^3 / 3`` by Cholesky, some 25 times that by eigenvalues.

    Args:
        kernel: ``K [n, n]``, symmetric and positive semi-definite.
        y: targets ``[n]`` or ``[n, k]``.
        penalty: not negative, scalar; may be traced (and is then not checked).
        method: ``"cholesky"``, ``"eigh"``, or ``"auto"``: eigenvalues for a penalty that is 0, Cholesky for one that is
            not or that is traced.
        rcond: for eigenvalues and a penalty of 0, the relative cut-off; by default ``n * eps`` of the dtype.

    Raises:
        ConfigError: a negative penalty, no data, shapes that do not fit, entries that are not finite, a kernel that is
            not symmetric; and, unless traced, one that is not positive (semi-)definite.

    >>> found = kernel_ridge(jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([3.0, 2.0]), 1.0)
    >>> found.dual_coefficients.round(4).tolist(), round(float(found.condition_number), 4)
    ([1.0, 1.0], 1.5)
    """
    check_choice("method", method, _METHODS)
    check_range("penalty", penalty, low=0)
    check_range("rcond", 0.0 if rcond is None else rcond, low=0)
    matrix, targets = _checked_kernel(kernel, y)
    strength = floating("penalty", penalty).astype(matrix.dtype)
    if strength.ndim:
        raise ConfigError(f"penalty {strength.shape} must be a scalar. Map over penalties with jax.vmap.")
    if method == "auto":
        method = "eigh" if is_concrete(strength) and float(strength) == 0 else "cholesky"
    if method == "cholesky":
        found = _by_cholesky(matrix, targets, strength)
    else:
        relative = len(matrix) * float(jnp.finfo(matrix.dtype).eps) if rcond is None else rcond
        found = _by_eigenvalues(matrix, targets, strength, jnp.asarray(relative, matrix.dtype))
    if is_concrete(found.positive_definite) and not bool(found.positive_definite):
        if method == "eigh":
            value = f"smallest eigenvalue {float(found.smallest_eigenvalue):.3g}"
        else:
            value = "no Cholesky factor"
        raise ConfigError(
            f"kernel {matrix.shape} with penalty {float(strength):g} is not positive definite in {matrix.dtype}: "
            f"{value}. Raise the penalty, enable float64 (jax.enable_x64), or, for a singular kernel and penalty 0, "
            "use method='eigh'."
        )
    if jnp.ndim(y) == 1:
        found = found._replace(dual_coefficients=found.dual_coefficients[:, 0], residual=found.residual[0])
    return found


def _checked_kernel(kernel: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    shape = jnp.shape(kernel)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ConfigError(f"kernel {shape} must be [n, n] with at least one example.")
    if jnp.shape(y)[:1] != shape[:1]:
        raise ConfigError(f"y {jnp.shape(y)} must be [n] or [n, k] with the {shape[0]} rows of kernel.")
    floating("kernel", kernel)
    matrix, targets = design_and_targets(kernel, y)
    if is_concrete(matrix):
        known = np.asarray(matrix)
        gap, size = np.abs(known - known.T).max(), np.abs(known).max()
        if gap > 100 * len(known) * jnp.finfo(matrix.dtype).eps * size:
            raise ConfigError(
                f"kernel {shape} must be symmetric; it differs from its transpose by up to {gap:.3g}, its entries are "
                f"up to {size:.3g}. Between train and test points it is for predictions, not for the fit."
            )
    return 0.5 * (matrix + matrix.T), targets


@jax.jit
def _by_cholesky(kernel: Array, y: Array, penalty: Array) -> KernelRidge:
    n = len(kernel)
    matrix = kernel + penalty * jnp.eye(n, dtype=kernel.dtype)
    factor = cholesky(matrix)
    definite = jnp.isfinite(factor).all()

    def inverse(right: Array) -> Array:
        return solve_triangular(factor, solve_triangular(factor, right, lower=True), lower=True, transposed=True)

    dual = inverse(y)
    # Neither constant nor alternating: no kernel on a grid has it for a null vector.
    start = jnp.cos(jnp.arange(n, dtype=kernel.dtype) ** 2 + 1)[:, None]
    largest = _power(lambda v: matrix @ v, start)
    # The residual once more through the factor: what one step of refinement takes off costs n^2.
    dual = dual + inverse(y - matrix @ dual)
    smallest = 1 / _power(inverse, start)
    unknown = ~jnp.isfinite(matrix).all()
    return KernelRidge(
        jnp.where(definite, dual, jnp.nan),
        definite,
        jnp.where(unknown, -1, jnp.where(definite, n, 0)).astype(jnp.int32),
        jnp.where(unknown, jnp.nan, jnp.where(definite, smallest, 0)),
        jnp.where(unknown, jnp.nan, jnp.where(definite, largest / smallest, jnp.inf)),
        jnp.linalg.norm(y - kernel @ dual, axis=0),
    )


def _power(product: Callable[[Array], Array], start: Array) -> Array:
    """The largest eigenvalue of a positive definite product, from below."""

    def step(_: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        moved = product(carry[0])
        length = jnp.linalg.norm(moved)
        return moved / length, length

    first = start / jnp.linalg.norm(start)
    _, value = jax.lax.fori_loop(0, _POWER_STEPS, step, (first, jnp.zeros((), start.dtype)))
    return value


@jax.jit
def _by_eigenvalues(kernel: Array, y: Array, penalty: Array, rcond: Array) -> KernelRidge:
    n = len(kernel)
    of_kernel, vectors = eigh(kernel)
    largest = jnp.max(jnp.abs(of_kernel))
    unknown = ~jnp.isfinite(largest + penalty)
    definite = (of_kernel[0] >= -n * jnp.finfo(kernel.dtype).eps * largest) & ~unknown
    # Rounding may leave an eigenvalue of a semi-definite kernel below 0: the penalty must not be eaten up by it.
    values = jnp.maximum(of_kernel, 0) + penalty
    keep = jnp.where(penalty > 0, values > 0, values > rcond * largest)
    dual = vectors @ (jnp.where(keep, 1 / jnp.where(keep, values, 1), 0)[:, None] * (vectors.T @ y))
    dual = jnp.where(unknown, jnp.nan, dual)
    condition = jnp.where(values[0] > 0, values[-1] / jnp.where(values[0] > 0, values[0], 1), jnp.inf)
    return KernelRidge(
        jnp.where(definite, dual, jnp.nan),
        definite,
        jnp.where(unknown, -1, jnp.sum(keep, dtype=jnp.int32)),
        of_kernel[0] + penalty,
        jnp.where(unknown, jnp.nan, jnp.where(definite, condition, jnp.inf)),
        jnp.linalg.norm(y - kernel @ dual, axis=0),
    )
