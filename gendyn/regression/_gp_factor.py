"""Cholesky factors of covariance matrices: blocked, with a jitter that is reported, and what follows from a factor.

The recursion leaves all but blocks of 256 rows to matrix products, which XLA runs on every core; only the small blocks
go to LAPACK. Panels are solved, never multiplied by an explicit inverse: that loses
digits in proportion to the condition number.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

from gendyn.core import cholesky, solve_triangular
from gendyn.types import Array, ArrayLike, PyTree

BLOCK = 256
"""Rows of the largest matrix that LAPACK factorises. Smaller blocks are no faster, and the program grows with their
number: at n = 2000 compiling would take longer than many evidences."""
GROWTH = 10.0
"""From one jitter to the next."""


class Factor(NamedTuple):
    """``L L^T = A + jitter I``."""

    lower: Array
    """``L``, ``[n, n]``; NaN where no jitter allowed made the matrix positive definite."""
    jitter: Array
    """``[]``, in the units of the matrix; 0 where none was needed, NaN where none helped."""
    positive_definite: Array
    """bool ``[]``: whether a factor was found."""


def factorise(matrix: Array, max_jitter: ArrayLike) -> Factor:
    """Cholesky factor with the smallest of the jitters ``0, eps, 10 eps, ...`` (times the mean variance) that works.

    A pivot below ``eps`` times the largest variance is rounding noise: the matrix counts as singular there, although
    LAPACK went through. ``max_jitter`` bounds the jitter relative to the mean variance.
    """
    epsilon = jnp.finfo(matrix.dtype).eps
    variances = jnp.diagonal(matrix)
    scale = jnp.mean(variances)
    limit = jnp.asarray(max_jitter, matrix.dtype) * scale

    def sound(lower: Array) -> Array:
        pivots = jnp.diagonal(lower)
        return jnp.all(jnp.isfinite(pivots)) & (jnp.min(pivots) ** 2 > epsilon * jnp.max(variances))

    def attempt(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        _, _, following = state
        lower = blocked_cholesky(matrix + following * jnp.eye(matrix.shape[0], dtype=matrix.dtype))
        return lower, following, jnp.where(following > 0, GROWTH * following, epsilon * scale)

    def goes_on(state: tuple[Array, Array, Array]) -> Array:
        lower, _, following = state
        # Infinite variances allow an infinite jitter, which never grows beyond them.
        return (following == 0) | (~sound(lower) & (following <= limit) & jnp.isfinite(limit))

    start = (jnp.full_like(matrix, jnp.nan), jnp.zeros_like(scale), jnp.zeros_like(scale))
    lower, jitter, _ = jax.lax.while_loop(goes_on, attempt, start)
    found = sound(lower)
    return Factor(jnp.where(found, lower, jnp.nan), jnp.where(found, jitter, jnp.nan), found)


def blocked_cholesky(matrix: Array) -> Array:
    """Lower factor of a symmetric ``[n, n]`` of which the lower triangle is read; not finite if there is none."""
    size = matrix.shape[0]
    if size <= BLOCK:
        return cholesky(matrix)
    half = _half(size, BLOCK)
    top = blocked_cholesky(matrix[:half, :half])
    panel = solve_lower(top, matrix[half:, :half].T).T
    bottom = blocked_cholesky(matrix[half:, half:] - panel @ panel.T)
    return _triangular(top, panel, bottom)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _solve_lower(lower: Array, right: Array, transpose: bool) -> Array:
    size = lower.shape[0]
    if size <= BLOCK:
        return solve_triangular(lower, right, lower=True, transposed=transpose)
    half = _half(size, BLOCK)
    top, panel, bottom = lower[:half, :half], lower[half:, :half], lower[half:, half:]
    if transpose:
        last = _solve_lower(bottom, right[half:], True)
        return jnp.concatenate([_solve_lower(top, right[:half] - panel.T @ last, True), last])
    first = _solve_lower(top, right[:half], False)
    return jnp.concatenate([first, _solve_lower(bottom, right[half:] - panel @ first, False)])


def _solve_forward(lower: Array, right: Array, transpose: bool) -> tuple[Array, tuple[Array, Array]]:
    solved = _solve_lower(lower, right, transpose)
    return solved, (lower, solved)


def _solve_backward(transpose: bool, kept: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    lower, solved = kept
    by_right = _solve_lower(lower, cotangent, not transpose)
    outer = solved @ by_right.T if transpose else by_right @ solved.T
    return -jnp.tril(outer), by_right


# Whole, and not of the blocks: one product for the factor in place of one for each pair of them.
_solve_lower.defvjp(_solve_forward, _solve_backward)


def solve_lower(lower: Array, right: Array, *, transpose: bool = False) -> Array:
    """``L^-1 B``, or ``L^-T B``, for ``B [n, m]``; differentiable in reverse mode."""
    return _solve_lower(lower, right, transpose)


def inverse_lower(lower: Array, block: int | None = None) -> Array:
    """``L^-1`` in ``2 n^3 / 3`` operations."""
    size, block = lower.shape[0], block or _product_block(lower.shape[0])
    if size <= block:
        return solve_triangular(lower, jnp.eye(size, dtype=lower.dtype), lower=True)
    half = _half(size, block)
    top, bottom = inverse_lower(lower[:half, :half], block), inverse_lower(lower[half:, half:], block)
    return _triangular(top, -bottom @ (lower[half:, :half] @ top), bottom)


def gram_of_lower(triangle: Array, block: int | None = None) -> Array:
    """``T^T T`` of a lower triangle: with ``T = L^-1`` the inverse of ``L L^T``. Half-empty products are not made."""
    size, block = triangle.shape[0], block or _product_block(triangle.shape[0])
    if size <= block:
        return triangle.T @ triangle
    half = _half(size, block)
    panel, bottom = triangle[half:, :half], triangle[half:, half:]
    corner = panel.T @ bottom
    top = gram_of_lower(triangle[:half, :half], block) + panel.T @ panel
    return jnp.block([[top, corner], [corner.T, gram_of_lower(bottom, block)]])


def _half(size: int, block: int) -> int:
    """A multiple of the block, so that few shapes occur."""
    return block * max(size // (2 * block), 1)


def _product_block(size: int) -> int:
    """Smaller where the matrix is small: products with the empty half are two fifths of an inverse at n = 200, and none
    of a program to compile."""
    return BLOCK // 2 if size <= BLOCK else BLOCK


def _triangular(top: Array, panel: Array, bottom: Array) -> Array:
    empty = jnp.zeros((top.shape[0], bottom.shape[0]), top.dtype)
    return jnp.block([[top, empty], [panel, bottom]])


class Solution(NamedTuple):
    """What a Gaussian ``N(0, A + jitter I)`` says of targets."""

    log_density: Array
    """``[]``, summed over the columns of targets; natural logarithm."""
    weights: Array
    """``(A + jitter I)^-1 Y``, ``[n, C]``."""
    lower: Array
    jitter: Array
    positive_definite: Array


def _each_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """Under vmap on a CPU one member after another: no member waits for the jitters of another, LAPACK is called one by
    one in any case (see gendyn.core.decompositions), and one member's matrices stay in the cache where a stack of them
    would go through memory at every operation."""
    return sequential_vmap(function) if jax.default_backend() == "cpu" else function


def _solve(matrix: Array, targets: Array, max_jitter: Array) -> Solution:
    factor = factorise(matrix, max_jitter)
    half_solved = solve_lower(factor.lower, targets)
    weights = solve_lower(factor.lower, half_solved, transpose=True)
    size, outputs = targets.shape
    log_root = jnp.sum(jnp.log(jnp.diagonal(factor.lower))) + 0.5 * size * jnp.log(2 * jnp.pi)
    density = -0.5 * jnp.sum(half_solved**2) - outputs * log_root
    return Solution(density, weights, factor.lower, factor.jitter, factor.positive_definite)


def _pull_back(lower: Array, weights: Array, cotangents: dict[str, Array]) -> tuple[Array, Array]:
    """Cotangents of the matrix and of the targets from those of the solution's fields that have any.

    The density's gradient needs the inverse once, some ``4 n^3 / 3`` operations by products; differentiating through
    the factorisation takes three solves with n right-hand sides.
    """
    by_matrix, by_targets = jnp.zeros_like(lower), jnp.zeros_like(weights)
    if "log_density" in cotangents:
        inverse = gram_of_lower(inverse_lower(lower))
        by_matrix = cotangents["log_density"] * 0.5 * (weights @ weights.T - weights.shape[1] * inverse)
        by_targets = -cotangents["log_density"] * weights
    if "weights" in cotangents:
        half_solved = solve_lower(lower, cotangents["weights"])
        pulled = solve_lower(lower, half_solved, transpose=True)
        by_matrix = by_matrix - 0.5 * (pulled @ weights.T + weights @ pulled.T)
        by_targets = by_targets + pulled
    if "lower" in cotangents:
        inner = jnp.tril(lower.T @ cotangents["lower"])
        inner = inner - 0.5 * jnp.diag(jnp.diagonal(inner))
        pulled = solve_lower(lower, solve_lower(lower, inner, transpose=True).T, transpose=True)
        by_matrix = by_matrix + 0.5 * (pulled + pulled.T)
    return by_matrix, by_targets


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _solution(build: Callable[[Any], Array], inputs: PyTree, targets: Array, max_jitter: Array) -> Solution:
    found: Solution = _each_alone(lambda i, t, j: _solve(build(i), t, j))(inputs, targets, max_jitter)
    return found


def _forward(build: Callable[[Any], Array], inputs: Any, targets: Any, max_jitter: Any) -> tuple[Solution, Any]:
    # What is kept has one structure whatever is differentiated: JAX keeps the structure once for a compiled program
    # that several gradients share. A gradient that nobody asked for is dead code.
    values = jax.tree.map(lambda leaf: leaf.value, inputs, is_leaf=lambda leaf: hasattr(leaf, "perturbed"))
    found = _solution(build, values, targets.value, max_jitter.value)
    return found, (values, found.lower, found.weights)


def _backward(build: Callable[[Any], Array], kept: Any, cotangents: Solution) -> tuple[Any, Array, None]:
    given = {name: value for name, value in cotangents._asdict().items() if not _is_zero(value)}

    def pull(inputs: Any, lower: Array, weights: Array, given: dict[str, Array]) -> tuple[Any, Array]:
        by_matrix, by_targets = _pull_back(lower, weights, given)
        return *jax.vjp(build, inputs)[1](by_matrix), by_targets

    return *_each_alone(pull)(*kept, given), None


def _is_zero(cotangent: object) -> bool:
    return isinstance(cotangent, jax.custom_derivatives.SymbolicZero)


_solution.defvjp(_forward, _backward, symbolic_zeros=True)


@partial(jax.jit, static_argnums=0)
def solution(build: Callable[[Any], Array], inputs: PyTree, targets: Array, max_jitter: Array) -> Solution:
    """``log N(Y; 0, A)`` with ``A = build(inputs)``, symmetric, and what belongs to it; differentiable in inputs and
    ``targets``. ``build`` is part of the compiled program: pass one that compares equal where it is the same."""
    return _solution(build, inputs, targets, max_jitter)
