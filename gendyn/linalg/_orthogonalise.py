"""Projection of a vector off the filled rows of a basis, reading no other row."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.types import Array

BLOCK_ELEMENTS = 2**21
"""Elements of the basis handled at once: 8 MB of float32, which a last-level cache holds between its two readings."""
_HIGHEST = jax.lax.Precision.HIGHEST
"""Accelerators round matrix products to fewer bits by default, which would cost the orthogonality."""


def block_rows(basis: Array) -> int:
    """Rows of one block: 8 to 32, by the length of a row."""
    rows, size = basis.shape
    return min(rows, max(8, min(32, BLOCK_ELEMENTS // size)))


def dot(a: Array, b: Array) -> Array:
    return jnp.dot(a, b, precision=_HIGHEST)


def norm(vector: Array) -> Array:
    return jnp.sqrt(dot(vector, vector))


def _blocks(basis: Array, filled: Array | int, body: Callable[[Array, Array, Array], Array], start: Array) -> Array:
    """Folds ``body(value, block [r, D], first row)`` over the blocks that hold the first ``filled`` rows."""
    rows, size = basis.shape
    height = block_rows(basis)

    def step(index: Array, value: Array) -> Array:
        # The last block is moved up to fit: some rows are seen twice, and a second projection changes nothing.
        row = jnp.minimum(index * height, rows - height)
        return body(value, jax.lax.dynamic_slice(basis, (row, jnp.zeros_like(row)), (height, size)), row)

    return jax.lax.fori_loop(0, (jnp.asarray(filled, jnp.int32) + height - 1) // height, step, start)


def project_out(basis: Array, filled: Array | int, vector: Array) -> Array:
    """One pass of block Gram-Schmidt: ``v - Q_b^T (Q_b v)`` for one block ``Q_b`` of rows after another."""
    return _blocks(basis, filled, lambda v, block, _: v - dot(dot(block, v), block), vector)


def inner_products(basis: Array, filled: Array | int, vector: Array) -> Array:
    """``Q v``, shape ``[rows]``; zero beyond the blocks that hold filled rows."""

    def body(products: Array, block: Array, row: Array) -> Array:
        return jax.lax.dynamic_update_slice(products, dot(block, vector), (row,))

    return _blocks(basis, filled, body, basis[:, 0] * 0 + vector[0] * 0)


def orthogonalise(basis: Array, filled: Array | int, vector: Array, *, passes: int = 3) -> tuple[Array, Array]:
    """The vector's part orthogonal to the filled rows to working precision, and that part's norm.

    A pass is repeated while it shortened the vector by more than ``1/√2``: only then can rounding have left a
    component worth removing (Kahan's and Parlett's "twice is enough"). The rows must be orthonormal, unfilled ones 0.
    """

    def again(state: tuple[Array, Array, Array, Array]) -> Array:
        _, before, after, count = state
        return (count < passes) & (after * 2**0.5 < before)

    def one_pass(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        w, _, length, count = state
        w = project_out(basis, filled, w)
        return w, length, norm(w), count + 1

    # The first pass always runs; the loop's body is the only copy of the code.
    first = one_pass((vector, norm(vector), norm(vector), jnp.zeros((), jnp.int32)))
    vector, _, length, _ = jax.lax.while_loop(again, one_pass, first)
    return vector, length


def orthonormalise(rows: Array, fill: Callable[[Array], Array], tolerance: float) -> tuple[Array, Array, Array]:
    """Gram-Schmidt of vectors that are made one at a time: ``fill(i) = sum_j R[j, i] Q[j]``.

    Args:
        rows: zeros ``[m, D]``, overwritten by the basis.
        fill: index -> vector ``[D]``.
        tolerance: a remainder below ``tolerance`` times the longest vector so far counts as zero.

    Returns:
        ``Q`` ``[m, D]`` with orthonormal or zero rows, ``R`` ``[m, m]`` upper triangular, the rank. A diagonal of ``R``
        is not finite where a vector is not.
    """
    count = rows.shape[0]

    def step(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        basis, upper, scale, rank = state
        vector = fill(i)
        scale = jnp.maximum(scale, norm(vector))
        remainder, length = orthogonalise(basis, i, vector)
        keep = length > tolerance * scale
        unit = jnp.where(keep, remainder / jnp.where(keep, length, 1), 0)
        # A vector that is not finite adds no row, but is no vector of zeros: R says so.
        column = inner_products(basis, i, vector).at[i].set(jnp.where(keep | ~jnp.isfinite(length), length, 0))
        basis = jax.lax.dynamic_update_slice(basis, unit[None], (i, jnp.zeros_like(i)))
        return basis, upper.at[:, i].set(column), scale, rank + keep

    nothing = rows[0, 0]
    upper = jnp.zeros((count, count), rows.dtype) + nothing
    rank = jnp.zeros((), jnp.int32) + nothing.astype(jnp.int32)
    basis, upper, _, rank = jax.lax.fori_loop(0, count, step, (rows, upper, nothing, rank))
    return basis, upper, rank
