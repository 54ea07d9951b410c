"""Minimum-norm least squares and ridge regression by singular values: whatever the rank, and nothing added in silence.

One convention in the whole room: ``||y - X w||^2 + penalty ||w||^2``, a **sum** over examples and no half. A paper's
``(1/n) ||y - X w||^2 + lam ||w||^2`` has ``penalty = n lam``. There is no intercept; append a column of ones.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, is_concrete, svd
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.types import Array, ArrayLike


class LeastSquares(NamedTuple):
    """A minimum-norm solution, and what it cost to invert."""

    coefficients: Array
    """``w [p]``, or ``[p, k]`` for ``k`` outputs."""
    rank: Array
    """Singular values above ``rcond * largest``, int32 scalar; -1 for a traced design that is not finite."""
    smallest_singular_value: Array
    """The ``min(n, p)``-th, scalar: also where it was cut."""
    condition_number: Array
    """Largest / smallest singular value; ``inf`` for a smallest of 0. At ``1 / eps`` no digit is left."""
    residual: Array
    """``||y - X w||``, scalar or ``[k]``."""


class Ridge(NamedTuple):
    """Ridge solutions for every penalty; ``...`` is the shape of ``penalty``."""

    coefficients: Array
    """``w [..., p]``, or ``[..., p, k]``."""
    effective_dimension: Array
    """``sum s^2 / (s^2 + penalty)``, the trace of the hat matrix, ``[...]``."""
    leave_one_out: Array
    """Mean squared error of predicting each example from the others, ``[...]`` or ``[..., k]``."""
    residual: Array
    """``||y - X w||``, ``[...]`` or ``[..., k]``."""
    rank: Array
    """Of the (scaled) design, scalar; -1 for a traced one that is not finite."""
    smallest_singular_value: Array
    """Of the (scaled) design, before any penalty, scalar."""
    condition_number: Array
    """Of the (scaled) design, before any penalty, scalar."""


@full_precision
def least_squares(x: ArrayLike, y: ArrayLike, *, rcond: float | None = None) -> LeastSquares:
    """The shortest of all ``w`` that minimise ``||y - X w||^2``.

    ``w = sum over s_i > rcond s_1 of v_i (u_i . y) / s_i``. It interpolates if the rank is ``n``. What is cut is
    reported by ``rank``; nothing else regularises. In float32 expect a relative error of ``condition_number * 1e-7``.

    Cost: ``O(n p min(n, p))``. Pure; under vmap on a CPU the decompositions run one by one.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]`` or ``[n, k]``. NumPy float64 becomes float32 unless ``jax.enable_x64`` is on.
        rcond: relative cut-off; by default ``max(n, p) * eps`` of the dtype, as in NumPy.

    Raises:
        ConfigError: no data, shapes that do not fit, entries that are not finite, a negative ``rcond``.

    >>> found = least_squares(jnp.array([[1.0, 1.0]]), jnp.array([2.0]))
    >>> found.coefficients.round(4).tolist(), int(found.rank)
    ([1.0, 1.0], 1)
    """
    design, targets = design_and_targets(x, y)
    solved = _solve(design, targets, _cutoff(design, rcond))
    if jnp.ndim(y) == 1:
        return solved._replace(coefficients=solved.coefficients[:, 0], residual=solved.residual[0])
    return solved


@full_precision
def ridge(
    x: ArrayLike, y: ArrayLike, penalty: ArrayLike, *, weights: ArrayLike | None = None, rcond: float | None = None
) -> Ridge:
    """Minimises ``||y - X w||^2 + penalty * sum_j weights_j w_j^2``, for every penalty from one decomposition.

    With ``X' = X / sqrt(weights) = U diag(s) V^T``: ``w = V diag(s / (s^2 + penalty)) U^T y / sqrt(weights)``. A
    penalty of exactly 0 is the limit: the least-squares solution of least ``sum_j weights_j w_j^2``, cut at ``rcond``
    as in :func:`least_squares`. Columns of weight 0 are not penalised (what they span is
    projected out of the others first). The leave-one-out error is exact, ``residual_i / (1 - hat_ii)``, also in
    the limit 0; it is ``inf`` where an example alone determines a coefficient, so that leaving it out is undefined.

    Cost: one SVD (two with a weight of 0, or with traced weights), then ``O((n + p) min(n, p))`` for each penalty.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]`` or ``[n, k]``.
        penalty: not negative, scalar or ``[L]``; may be traced (and is then not checked; NaN gives NaN).
        weights: ``[p]``, not negative, such as :func:`~gendyn.regression.order_penalty`; all ones if not given.
            Concrete NumPy weights may exceed the range of float32: only their square roots are used.
        rcond: relative cut-off for a penalty of 0.

    Raises:
        ConfigError: a negative penalty or weight, no data, shapes that do not fit, entries that are not finite.

    >>> found = ridge(jnp.array([[1.0], [1.0]]), jnp.array([1.0, 3.0]), jnp.array([0.0, 2.0]))
    >>> found.coefficients.ravel().round(4).tolist(), [f"{e:.4f}" for e in found.leave_one_out]
    ([2.0, 1.0], ['4.0000', '3.5556'])
    """
    design, targets = design_and_targets(x, y)
    check_range("penalty", penalty, low=0)
    penalties = floating("penalty", penalty).astype(design.dtype)
    if penalties.ndim > 1:
        raise ConfigError(f"penalty {penalties.shape} must be a scalar or [L]. Map over further axes with jax.vmap.")
    scale, free = _scales(weights, design)
    solved = _path(design, targets, jnp.atleast_1d(penalties), scale, free, _cutoff(design, rcond))
    if penalties.ndim == 0:
        every = {name: getattr(solved, name)[0] for name in solved._fields[:4]}
        solved = solved._replace(**every)
    if jnp.ndim(y) == 1:
        outputs = ("coefficients", "leave_one_out", "residual")
        solved = solved._replace(**{name: getattr(solved, name)[..., 0] for name in outputs})
    return solved


def _cutoff(design: Array, rcond: float | None) -> Array:
    if rcond is None:
        rcond = max(design.shape) * float(jnp.finfo(design.dtype).eps)
    check_range("rcond", rcond, low=0)
    return jnp.asarray(rcond, design.dtype)


def _scales(weights: ArrayLike | None, design: Array) -> tuple[Array | None, Array | None]:
    """``1 / sqrt(weights)``, 0 for a weight of 0; and the mask of those, or ``None`` where there is none."""
    if weights is None:
        return None, None
    shape = np.shape(weights)
    if shape != design.shape[1:]:
        raise ConfigError(f"weights {shape} must be [{design.shape[1]}], one for each column of x.")
    check_range("weights", weights, low=0)
    if is_concrete(weights):
        # On the host in float64: 2^150 is beyond float32, its square root is not.
        known = np.asarray(weights, np.float64)
        scale = np.divide(1.0, np.sqrt(known), out=np.zeros_like(known), where=known > 0)
        return jnp.asarray(scale, design.dtype), jnp.asarray(known == 0) if (known == 0).any() else None
    traced = jnp.asarray(weights, design.dtype)
    # Not by traced > 0, which would take a weight of NaN for one of 0.
    off = traced <= 0
    return jnp.where(off, 0, jax.lax.rsqrt(jnp.where(off, 1, traced))), traced == 0


def _spread(values: Array, cutoff: Array) -> tuple[Array, Array, Array]:
    """Which singular values count; the smallest; and the condition number."""
    smallest = values[-1]
    # Not "unless it is above 0": a design that is not finite would read as a singular one.
    singular = smallest == 0
    condition = jnp.where(singular, jnp.inf, values[0] / jnp.where(singular, 1, smallest))
    return values > cutoff * values[0], smallest, condition


def _rank(keep: Array, smallest: Array) -> Array:
    """How many singular values count; no whole number is NaN, and 0 would read as a design of zeros."""
    return jnp.where(jnp.isfinite(smallest), jnp.sum(keep, dtype=jnp.int32), -1)


def _inverse(values: Array, keep: Array) -> Array:
    return jnp.where(keep, 1 / jnp.where(keep, values, 1), 0)


@jax.jit
def _solve(x: Array, y: Array, cutoff: Array) -> LeastSquares:
    u, values, vt = svd(x)
    keep, smallest, condition = _spread(values, cutoff)
    w = vt.T @ (_inverse(values, keep)[:, None] * (u.T @ y))
    residual = jnp.linalg.norm(y - x @ w, axis=0)
    return LeastSquares(w, _rank(keep, smallest), smallest, condition, residual)


@jax.jit
def _path(x: Array, y: Array, penalty: Array, scale: Array | None, free: Array | None, cutoff: Array) -> Ridge:
    n, p = x.shape
    design, targets, taken, unpenalised = x, y, jnp.zeros(n, x.dtype), None
    if scale is not None:
        design = x * scale
    if free is not None:
        u0, values0, vt0 = svd(x * free)
        keep0, _, _ = _spread(values0, cutoff)
        span = u0 * keep0
        targets, design = y - span @ (span.T @ y), design - span @ (span.T @ design)
        taken = jnp.sum(span**2, axis=1)
        unpenalised = (vt0.T * _inverse(values0, keep0)) @ u0.T
    u, values, vt = svd(design)
    keep, smallest, condition = _spread(values, cutoff)
    ridged = ~(penalty[:, None] <= 0)  # also of NaN, which would read as no penalty
    # Without a penalty only what is above the cut-off counts; s / (s^2 + 0) is never formed for the others.
    solvable = keep | ridged
    shrink = jnp.where(solvable, values / jnp.where(solvable, values**2 + penalty[:, None], 1), 0)  # [L, r]
    projected = u.T @ targets  # [r, k]
    w = jnp.einsum("ri,lr,rk->lik", vt, shrink, projected)
    if scale is not None:
        w = w * scale[:, None]
    if unpenalised is not None:
        w = w + jnp.einsum("in,lnk->lik", unpenalised, y - jnp.einsum("ni,lik->lnk", x, w))
    residuals = y - jnp.einsum("ni,lik->lnk", x, w)

    # Leave one out: what of an example the fit does not take, g = penalty / (s^2 + penalty) in the basis U.
    left = jnp.where(solvable, jnp.where(ridged, penalty[:, None] / (values**2 + penalty[:, None]), 0), 1.0)
    if n <= p and free is None:
        # U is all of R^n. Where every direction is fitted exactly both sides tend to 0 like penalty / s^2.
        left = jnp.where(ridged | ~jnp.all(keep), left, _inverse(values, keep) ** 2)
        errors = jnp.einsum("nr,lr,rk->lnk", u, left, projected)
        uncovered = jnp.einsum("nr,lr->ln", u**2, left)
    else:
        inside = 1 - left
        errors = targets - jnp.einsum("nr,lr,rk->lnk", u, inside, projected)
        uncovered = 1 - taken - jnp.einsum("nr,lr->ln", u**2, inside)
        uncovered = jnp.where(uncovered > n * jnp.finfo(x.dtype).eps, uncovered, 0)
    sound = uncovered[..., None] > 0
    unseen = jnp.where(jnp.isfinite(smallest + penalty), jnp.inf, jnp.nan)[:, None, None]
    leave_one_out = jnp.mean(jnp.where(sound, errors / jnp.where(sound, uncovered[..., None], 1), unseen) ** 2, axis=1)
    effective = jnp.sum(values * shrink, axis=1) + jnp.sum(taken)
    rank = _rank(keep, smallest)
    return Ridge(w, effective, leave_one_out, jnp.linalg.norm(residuals, axis=1), rank, smallest, condition)
