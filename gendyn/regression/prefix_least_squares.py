"""Minimum-norm and ridge solutions on the first ``d`` columns, for many ``d`` at the price of a few decompositions.

Three facts share the work between neighbouring ``d``. Up to ``d = n`` the triangle ``R`` of ``X = Q R`` starts with the
triangle of every prefix. Beyond, the minimum-norm solution on ``d`` columns is the one on all ``D``, moved within
the null space of ``X`` until its last ``k = D - d`` coordinates vanish: with an orthonormal basis ``C`` of that space
whose column ``i`` (from 0) is 0 on the last ``i`` coordinates, ``w_d = w_D - C[:, :k] u[:k]``, and one triangular solve
gives ``u``. And the triangle of ``[X; sqrt(penalty) I]`` holds the ridge solutions of all prefixes. No Gram matrix is
formed, so no condition number is squared.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, is_concrete, qr, qr_triangle, solve_triangular
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.types import Array, ArrayLike


class PrefixLeastSquares(NamedTuple):
    """``S`` solutions, ``D`` the largest size."""

    coefficients: Array
    """``[S, D]`` or ``[S, D, k]``: row ``i`` is 0 from column ``sizes[i]`` on. NaN where not ``full_rank``."""
    full_rank: Array
    """``[S]`` bool: the first ``d`` columns have rank ``min(n, d)`` to working precision."""


class PrefixRidge(NamedTuple):
    """``S`` solutions, ``D`` the largest size."""

    coefficients: Array
    """``[S, D]`` or ``[S, D, k]``: row ``i`` is 0 from column ``sizes[i]`` on."""
    effective_dimension: Array
    """``sum s^2 / (s^2 + penalty)`` over the singular values of the first ``d`` columns, ``[S]``."""


@full_precision
def prefix_least_squares(x: ArrayLike, y: ArrayLike, sizes: Sequence[int]) -> PrefixLeastSquares:
    """Minimum-norm least squares on ``x[:, :d]`` for every ``d`` of ``sizes``.

    The same as :func:`~gendyn.regression.least_squares` on each, for designs of full rank, which those with a density
    are. The relative error is about ``condition number * eps`` of the dtype: near ``d = n`` float32 keeps few digits.

    Cost: ``O(n^2 D + D^2 (D - n))`` in all, and ``O(n D)`` for each size.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]`` or ``[n, k]``.
        sizes: static integers in ``[1, p]``, in any order.

    Raises:
        ConfigError: a bad size, no data, shapes that do not fit, entries that are not finite; and, unless traced, a
            prefix that is not of full rank (traced, ``full_rank`` says so).

    >>> x = jnp.array([[1.0, 1.0, 2.0]])
    >>> prefix_least_squares(x, jnp.array([6.0]), (1, 2, 3)).coefficients.round(4).tolist()
    [[6.0, 0.0, 0.0], [3.0, 3.0, 0.0], [1.0, 1.0, 2.0]]
    """
    design, targets = design_and_targets(x, y)
    chosen = _checked_sizes(sizes, design.shape[1])
    found = _prefixes(design[:, : max(chosen)], targets, chosen)
    if is_concrete(found.full_rank) and not np.asarray(found.full_rank).all():
        first = min(d for d, full in zip(chosen, np.asarray(found.full_rank), strict=True) if not full)
        raise ConfigError(
            f"sizes has {first}, but the first {first} columns of x {design.shape} are not of full rank in "
            f"{design.dtype}. Use least_squares(x[:, :{first}], y), which cuts and reports the rank, or prefix_ridge."
        )
    return found._replace(coefficients=found.coefficients[..., 0]) if jnp.ndim(y) == 1 else found


@full_precision
def prefix_ridge(x: ArrayLike, y: ArrayLike, penalty: ArrayLike, sizes: Sequence[int]) -> PrefixRidge:
    """Ridge on ``x[:, :d]`` for every ``d`` of ``sizes``, minimising ``||y - X w||^2 + penalty ||w||^2``.

    Also the cheapest way to the effective dimension of every prefix. Any rank will do, since the penalty is positive.

    Cost: ``O((n + D) D^2)`` in all, and ``O(D^2)`` for each size.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]`` or ``[n, k]``.
        penalty: positive scalar; may be traced (and is then not checked).
        sizes: static integers in ``[1, p]``, in any order.

    Raises:
        ConfigError: a bad size or penalty, no data, shapes that do not fit, entries that are not finite.

    >>> found = prefix_ridge(jnp.array([[1.0, 1.0]]), jnp.array([6.0]), 1.0, (1, 2))
    >>> found.coefficients.round(4).tolist(), [f"{value:.4f}" for value in found.effective_dimension]
    ([[3.0, 0.0], [2.0, 2.0]], ['0.5000', '0.6667'])
    """
    design, targets = design_and_targets(x, y)
    chosen = _checked_sizes(sizes, design.shape[1])
    check_range("penalty", penalty, low=0, open_low=True)
    strength = floating("penalty", penalty).astype(design.dtype)
    if strength.ndim:
        raise ConfigError(f"penalty {strength.shape} must be a scalar. Map over penalties with jax.vmap.")
    found = _ridges(design[:, : max(chosen)], targets, strength, chosen)
    return found._replace(coefficients=found.coefficients[..., 0]) if jnp.ndim(y) == 1 else found


def _checked_sizes(sizes: Sequence[int], columns: int) -> tuple[int, ...]:
    chosen = tuple(int(d) for d in sizes)
    bad = [d for d in chosen if not 1 <= d <= columns]
    if bad or not chosen:
        raise ConfigError(f"sizes = {bad or chosen} must be one or more integers from 1 to the {columns} columns of x.")
    return chosen


def _leading(triangle: Array, right: Array, sizes: tuple[int, ...]) -> Array:
    """``R_d^-1 z_d`` for the leading blocks of an upper triangle ``[m, m]`` and of ``z [m, k]``: ``[S, m, k]``.

    Zeros below row ``d`` on the right stay zeros, so that one triangular solve serves all sizes.
    """
    rows = jnp.arange(len(triangle)) < jnp.asarray(sizes)[:, None]
    rights = (rows[:, :, None] * right).transpose(1, 0, 2)
    solved = solve_triangular(triangle, rights.reshape(len(triangle), -1))
    return solved.reshape(rights.shape).transpose(1, 0, 2)


def _sound(triangle: Array, count: int) -> Array:
    """Whether the leading ``i + 1`` columns of a triangle are independent to working precision, ``[m]``."""
    pivots = jnp.abs(jnp.diagonal(triangle))
    lengths = jnp.linalg.norm(triangle, axis=0)
    large = pivots > count * jnp.finfo(triangle.dtype).eps * jax.lax.cummax(lengths)
    return jnp.cumprod(large).astype(bool)


def _nonsingular(triangle: Array, sound: Array) -> Array:
    """The triangle with ones for pivots that do not count: what they solve for is thrown away, and stays finite."""
    return triangle + jnp.diag(jnp.where(sound, 0, 1 - jnp.diagonal(triangle)))


@jax.jit(static_argnums=2)
def _prefixes(x: Array, y: Array, sizes: tuple[int, ...]) -> PrefixLeastSquares:
    (n, most), m = x.shape, min(x.shape)
    tall = tuple(d for d in sizes if d <= n)
    wide = tuple(d for d in sizes if d > n)
    parts, full = [], []
    if tall:
        # With y as last column its triangle holds Q^T y: Q is never formed.
        triangle = qr_triangle(jnp.concatenate([x[:, :m], y], axis=1))[:m]
        sound = _sound(triangle[:, :m], max(n, m))
        solved = _leading(_nonsingular(triangle[:, :m], sound), triangle[:, m:], tall)
        parts.append(jnp.pad(solved, ((0, 0), (0, most - m), (0, 0))))
        full.append(sound[jnp.asarray(tall) - 1])
    if wide:
        orthogonal, triangle = qr(x.T, complete=True)
        rows = _sound(triangle[:n], most)
        span, null = orthogonal[:, :n], orthogonal[:, n:]
        longest = span @ solve_triangular(_nonsingular(triangle[:n], rows), y, transposed=True)
        # Rotate the null space until its column i vanishes on the last i coordinates.
        rotation, upper = qr(null[n:][::-1].T)
        basis, lower = null @ rotation, upper.T
        pivots = jnp.abs(jnp.diagonal(lower)) > most * jnp.finfo(x.dtype).eps
        sound = jnp.cumprod(pivots).astype(bool)
        u = solve_triangular(_nonsingular(lower, sound), longest[n:][::-1], lower=True)
        removed = most - jnp.asarray(wide)
        taken = (jnp.arange(most - n) < removed[:, None])[:, :, None] * u
        solved = longest - jnp.einsum("ij,sjk->sik", basis, taken)
        # Exact zeros where the algebra says so.
        parts.append(solved * (jnp.arange(most) < jnp.asarray(wide)[:, None])[:, :, None])
        full.append(jnp.all(rows) & jnp.concatenate([jnp.ones(1, bool), sound])[removed])
    order = np.argsort(np.argsort(np.asarray([d > n for d in sizes]), kind="stable"))
    coefficients, full_rank = jnp.concatenate(parts)[order], jnp.concatenate(full)[order]
    return PrefixLeastSquares(jnp.where(full_rank[:, None, None], coefficients, jnp.nan), full_rank)


@jax.jit(static_argnums=3)
def _ridges(x: Array, y: Array, penalty: Array, sizes: tuple[int, ...]) -> PrefixRidge:
    most = x.shape[1]
    zeros = jnp.zeros((most, y.shape[1]), x.dtype)
    augmented = jnp.block([[x, y], [jnp.sqrt(penalty) * jnp.eye(most, dtype=x.dtype), zeros]])
    triangle = qr_triangle(augmented)[:most]
    square = triangle[:, :most]
    # X R^-1 is the upper part of Q; squares of its columns add up, so that nothing cancels.
    upper = solve_triangular(square, x.T, transposed=True)
    dimension = jnp.cumsum(jnp.sum(upper**2, axis=1))
    return PrefixRidge(_leading(square, triangle[:, most:], sizes), dimension[jnp.asarray(sizes) - 1])
