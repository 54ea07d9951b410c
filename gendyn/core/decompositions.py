"""Dense decompositions that are safe under ``vmap`` on a CPU with several devices.

LAPACK calls on a batch share XLA's thread pool and wait in it: with two host devices, each in such a call, both wait
for ever (jaxlib 0.10.2: a sweep whose probe decomposed under vmap over two devices never returned), and on hosts of
many cores batched ``eigh`` has been reported to corrupt memory (jax issue 39292). Here a batch on a CPU is a loop of
single calls.

All have derivatives in forward and reverse mode, under ``vmap`` and ``jit`` and of any order, as those of
``jax.numpy.linalg``. Only a complete ``qr`` of a matrix with more rows than columns has none in reverse mode on a CPU:
JAX raises "Linearization failed to produce known values". The derivative of what is not finite is NaN throughout.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

from gendyn.core._decomposition_tangents import cholesky_tangent, eigh_tangents, qr_tangents, svd_tangents
from gendyn.types import Array


def _one_by_one(decompose: Callable[..., Any]) -> Callable[..., Any]:
    return sequential_vmap(decompose) if jax.default_backend() == "cpu" else decompose


def _with_tangents(decompose: Callable[[Array], Any], tangents: Callable[[Any, Array, Array], Any]) -> Any:
    """``decompose``, one by one, with ``tangents(found, matrix, motion)`` as its derivative.

    A loop of single calls has a derivative in forward mode alone: so the formula stands outside.
    """

    @jax.custom_jvp
    def found(matrix: Array) -> Any:
        return _one_by_one(decompose)(matrix)

    @found.defjvp
    def _(primals: tuple[Array], moved: tuple[Array]) -> tuple[Any, Any]:
        here = found(*primals)
        return here, tangents(here, *primals, *moved)

    return found


def _part(decompose: Callable[[Array], Array], whole: Callable[[Array], Any], place: int) -> Any:
    """``whole(matrix)[place]``, computed by ``decompose`` where no derivative is asked for."""

    @jax.custom_jvp
    def found(matrix: Array) -> Array:
        alone: Array = _one_by_one(decompose)(matrix)
        return alone

    @found.defjvp
    def _(primals: tuple[Array], moved: tuple[Array]) -> tuple[Array, Array]:
        here, there = jax.jvp(whole, primals, moved)
        return here[place], there[place]

    return found


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)  # or every eager call would trace three functions
def _solve(triangle: Array, right: Array, lower: bool, transposed: bool) -> Array:
    """A linear solve to JAX, which then differentiates the product with the triangle, never the loop of solves."""

    def multiply(x: Array) -> Array:
        read = jnp.tril(triangle) if lower else jnp.triu(triangle)
        return jnp.matmul(jnp.swapaxes(read, -2, -1) if transposed else read, x, precision="highest")

    def solving(turned: bool) -> Callable[[Any, Array], Any]:
        def solve(t: Array, b: Array) -> Array:
            return jax.scipy.linalg.solve_triangular(t, b, lower=lower, trans=int(turned))

        return lambda _, b: _one_by_one(solve)(triangle, b)

    found: Array = jax.lax.custom_linear_solve(multiply, right, solving(transposed), solving(not transposed))
    return found


_eigh = _with_tangents(lambda m: tuple(jnp.linalg.eigh(m)), lambda found, _, moved: eigh_tangents(found, moved))
_eigvalsh = _part(lambda m: jnp.linalg.eigvalsh(m), _eigh, 0)
_svd = _with_tangents(
    lambda m: tuple(jnp.linalg.svd(m, full_matrices=False)), lambda found, _, moved: svd_tangents(found, moved)
)
_singular_values = _part(lambda m: jnp.linalg.svd(m, compute_uv=False), _svd, 1)
_qr = _with_tangents(
    lambda m: tuple(jnp.linalg.qr(m)),
    lambda found, matrix, moved: qr_tangents(found, matrix, moved, _solve),
)
_qr_triangle = _part(lambda m: jnp.linalg.qr(m, mode="r"), _qr, 1)
_cholesky = _with_tangents(
    lambda m: jax.lax.linalg.cholesky(m, symmetrize_input=False),
    lambda found, _, moved: cholesky_tangent(found, moved, _solve),
)


def _complete_qr(matrix: Array) -> Any:
    return _one_by_one(lambda m: tuple(jnp.linalg.qr(m, mode="complete")))(matrix)


@jax.custom_jvp
def _chosen(value: Array, finite: Array, other: Array) -> Array:
    """``value`` where ``finite``, else ``other``: whose derivative is NaN, where that of a plain ``where`` is 0."""
    return jnp.where(finite, value, other)


@_chosen.defjvp
def _chosen_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    value, finite, other = primals
    # A product, so that it is NaN in reverse mode too.
    return _chosen(value, finite, other), tangents[0] * jnp.where(finite, 1, jnp.nan).astype(value.dtype)


def _of_finite(decompose: Callable[..., Any], matrix: Array, *others: Array, read: Array | None = None) -> Any:
    """``decompose(matrix, *others)``; NaN where ``read``, the part of the matrix that LAPACK reads, is not finite."""
    finite = jnp.isfinite(matrix if read is None else read).all(axis=(-2, -1))

    def across(array: Array) -> Array:
        return jnp.expand_dims(finite, range(finite.ndim, array.ndim))

    identity = jnp.eye(matrix.shape[-2], matrix.shape[-1], dtype=matrix.dtype)
    sound = _chosen(matrix, across(matrix), jnp.broadcast_to(identity, matrix.shape))
    found = decompose(sound, *others)
    return jax.tree.map(lambda array: _chosen(array, across(array), jnp.full_like(array, jnp.nan)), found)


def _mirrored(matrix: Array) -> Array:
    """What the symmetric part is half of: it may overflow where the matrix does not."""
    return matrix + jnp.swapaxes(matrix, -2, -1)


def eigh(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues ``[m]``, ascending, and eigenvectors ``[m, m]`` in columns, of a symmetric ``[m, m]``.

    >>> values, vectors = jax.vmap(eigh)(jnp.stack([jnp.diag(jnp.array([2.0, 1.0])), jnp.eye(2)]))
    >>> values.tolist()
    [[1.0, 2.0], [1.0, 1.0]]
    """
    found: tuple[Array, Array] = _of_finite(_eigh, matrix, read=_mirrored(matrix))
    return found


def eigvalsh(matrix: Array) -> Array:
    """Eigenvalues ``[m]`` of a symmetric ``[m, m]``, ascending."""
    found: Array = _of_finite(_eigvalsh, matrix, read=_mirrored(matrix))
    return found


def singular_values(matrix: Array) -> Array:
    """Singular values of ``[p, q]``, descending, ``[min(p, q)]``."""
    found: Array = _of_finite(_singular_values, matrix)
    return found


def svd(matrix: Array) -> tuple[Array, Array, Array]:
    """Thin singular value decomposition of ``[p, q]``: ``U [p, r]``, values ``[r]``, descending, ``V^T [r, q]``.

    ``r = min(p, q)``.

    >>> u, values, vt = svd(jnp.array([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]))
    >>> u.shape, values.tolist(), vt.shape
    ((3, 2), [2.0, 1.0], (2, 2))
    """
    found: tuple[Array, Array, Array] = _of_finite(_svd, matrix)
    return found


def qr(matrix: Array, *, complete: bool = False) -> tuple[Array, Array]:
    """``Q R`` of ``[p, q]``: ``Q [p, r]`` orthonormal, ``R [r, q]`` upper triangular, ``r = min(p, q)``.

    With ``complete``, ``Q`` is ``[p, p]`` and ``R`` ``[p, q]``: the last columns of ``Q`` span what the matrix does not
    reach. Signs of the diagonal of ``R`` are LAPACK's.

    >>> q, r = qr(jnp.array([[3.0], [4.0]]), complete=True)
    >>> q.shape, jnp.abs(r).tolist()
    ((2, 2), [[5.0], [0.0]])
    """
    completed = complete and matrix.shape[-2] > matrix.shape[-1]
    found: tuple[Array, Array] = _of_finite(_complete_qr if completed else _qr, matrix)
    return found


def qr_triangle(matrix: Array) -> Array:
    """``R`` alone of :func:`qr`, ``[min(p, q), q]``: half the work, since ``Q`` is never formed."""
    found: Array = _of_finite(_qr_triangle, matrix)
    return found


def solve_triangular(triangle: Array, right: Array, *, lower: bool = False, transposed: bool = False) -> Array:
    """``T^-1 B`` for triangular ``T [m, m]`` and ``B [m, k]`` or ``[m]``, or ``T^-T B`` if ``transposed``.

    A column of ``B`` that is not finite spoils its own solution and no other. Both are taken to their common dtype.

    >>> solve_triangular(jnp.array([[2.0, 1.0], [0.0, 4.0]]), jnp.array([[4.0], [8.0]])).ravel().tolist()
    [1.0, 2.0]
    """
    triangle, right = jnp.asarray(triangle), jnp.asarray(right)
    dtype = jnp.result_type(triangle, right)
    if not jnp.issubdtype(dtype, jnp.inexact):
        dtype = jnp.promote_types(dtype, jnp.float32)
    vector = right.ndim == triangle.ndim - 1

    def solve(t: Array, b: Array) -> Array:
        return _solve(t, b, lower, transposed)

    columns = (right[..., None] if vector else right).astype(dtype)
    read = (jnp.tril if lower else jnp.triu)(triangle)
    found: Array = _of_finite(solve, triangle.astype(dtype), columns, read=read)
    return found[..., 0] if vector else found


def cholesky(matrix: Array) -> Array:
    """Lower factor ``[m, m]`` of a symmetric ``[m, m]`` of which the lower triangle is read; NaN if there is none."""
    found: Array = _of_finite(_cholesky, matrix, read=jnp.tril(matrix))
    return found
