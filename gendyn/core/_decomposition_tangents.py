"""How a decomposition moves when its matrix does: linear in the motion, so that it serves forward and reverse mode.

The formulas are those of JAX (Giles, 2008; Townsend, 2016; Murray, 2016). There they are joined to the decomposition
itself, which then cannot be a loop of single calls.
"""

import functools
from collections.abc import Callable

import jax.numpy as jnp

from gendyn.types import Array

_product = functools.partial(jnp.matmul, precision="highest")
Solve = Callable[[Array, Array, bool, bool], Array]
"""``(triangle, right, lower, transposed) -> T^-1 B`` or ``T^-T B``."""


def _turned(matrix: Array) -> Array:
    return jnp.swapaxes(matrix, -2, -1)


def _inverse(differences: Array) -> Array:
    """``1 / d``, but 0 on the diagonal, where they are 0; infinite at others that are."""
    one = jnp.eye(differences.shape[-1], dtype=differences.dtype)
    return 1 / (differences + one) - one


def eigh_tangents(found: tuple[Array, Array], moved: Array) -> tuple[Array, Array]:
    """``dw = diag(V^T dA V)`` and ``dV = V (F * V^T dA V)``, ``F_ij = 1 / (w_j - w_i)``, ``dA`` made symmetric."""
    values, vectors = found
    inner = _product(_product(_turned(vectors), (moved + _turned(moved)) / 2), vectors)
    factors = _inverse(values[..., None, :] - values[..., :, None])
    return jnp.diagonal(inner, axis1=-2, axis2=-1), _product(vectors, factors * inner)


def svd_tangents(found: tuple[Array, Array, Array], moved: Array) -> tuple[Array, Array, Array]:
    """Of the thin decomposition ``U S V^T``: ``dU``, ``ds = diag(U^T dA V)``, ``dV^T``."""
    u, values, vt = found
    ut, v = _turned(u), _turned(vt)
    inner = _product(_product(ut, moved), v)
    row, column = values[..., None, :], values[..., :, None]
    factors = _inverse((row + column) * (row - column))
    right, left = row * inner, column * inner
    du = _product(u, factors * (right + _turned(right)))
    dv = _product(v, factors * (left + _turned(left)))
    rows, columns = moved.shape[-2:]
    if rows > columns:
        beside = _product(moved, v)
        du = du + (beside - _product(u, _product(ut, beside))) / row
    if columns > rows:
        beside = _product(_turned(moved), u)
        dv = dv + (beside - _product(v, _product(vt, beside))) / row
    return du, jnp.diagonal(inner, axis1=-2, axis2=-1), _turned(dv)


def qr_tangents(found: tuple[Array, Array], matrix: Array, moved: Array, solve: Solve) -> tuple[Array, Array]:
    """Of the thin decomposition: ``dQ`` and ``dR``; right of the square part of a wide matrix, ``R`` is ``Q^T A``."""
    q, r = found
    size = q.shape[-1]
    square, moved_square = r[..., :size], moved[..., :size]
    step = _turned(solve(square, _turned(moved_square), False, True))  # dA R^-1
    inner = _product(_turned(q), step)
    below = jnp.tril(inner, -1)
    skew = below - _turned(below)
    dq = _product(q, skew - inner) + step
    dr = _product(inner - skew, square)
    if r.shape[-1] > size:
        beside = _product(_turned(dq), matrix[..., size:]) + _product(_turned(q), moved[..., size:])
        dr = jnp.concatenate([dr, beside], axis=-1)
    return dq, dr


def cholesky_tangent(lower: Array, moved: Array, solve: Solve) -> Array:
    """``dL = L phi(L^-1 dA L^-T)``, ``phi`` the lower triangle with half its diagonal; of ``dA`` the lower triangle."""
    symmetric = jnp.tril(moved) + _turned(jnp.tril(moved, -1))
    inner = solve(lower, _turned(solve(lower, symmetric, True, False)), True, False)
    halves = jnp.tril(inner) * (1 - jnp.eye(lower.shape[-1], dtype=lower.dtype) / 2)
    return _product(lower, halves)
