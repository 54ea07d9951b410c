"""Extreme eigenpairs of a symmetric operator, with error bounds and a stopping test: thick-restart Lanczos."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_basis, check_choice, check_key, check_positive_int, check_range
from gendyn.linalg._orthogonalise import dot, norm, orthogonalise
from gendyn.linalg._ritz import ritz
from gendyn.linalg.lanczos import BREAKDOWN
from gendyn.linalg.space import Matvec, Space, check_count, make_space
from gendyn.types import Array, ArrayLike, PyTree

CHECK_EVERY = 4
"""Lanczos steps between two stopping tests: each is an eigendecomposition of the small matrix."""
ROUNDING = 8.0
"""Machine epsilons of the operator's norm that a residual may keep: what matvecs and projections round away."""
ORDERS: dict[str, Callable[[Array], Array]] = {"largest": lambda t: t, "smallest": lambda t: -t, "magnitude": jnp.abs}
"""What to maximise."""


class Eigenpairs(NamedTuple):
    """``A v_j = lambda_j v_j``, in the order asked for, up to the residuals."""

    values: Array
    """``[k]``."""
    vectors: PyTree
    """Like the operator's argument with a leading axis ``k``; orthonormal as ravelled vectors; the sign is free."""
    residuals: Array
    """``[k]``: bounds on ``||A v - lambda v||``, so that an eigenvalue lies within each of its value."""
    num_matvecs: Array
    """int32 ``[]``: matrix-vector products spent."""
    converged: Array
    """bool ``[]``: whether the stopping test was met before ``max_steps``; never of values that are not finite."""


class _State(NamedTuple):
    basis: Array
    """``[m, D]``, the first ``filled`` rows orthonormal."""
    projected: Array
    """``Q A Q^T``, ``[m, m]``, zero beyond ``filled``."""
    vector: Array
    """The next basis vector, ``[D]``."""
    coupling: Array
    """``q_i^T A vector`` for the rows so far, ``[m]``."""
    filled: Array
    steps: Array
    since: Array
    """Steps since the last breakdown."""
    breakdowns: Array
    scale: Array
    """Largest ``||A q||`` seen: a lower bound of the operator's norm."""
    converged: Array
    residuals: Array
    """``[k]``."""


def top_eigenpairs(
    matvec: Matvec,
    like: PyTree,
    k: int,
    *,
    key: Array,
    tol: ArrayLike = 1e-3,
    max_steps: int = 500,
    which: str = "largest",
    mask: PyTree | None = None,
    max_basis: int | None = None,
    memory_limit: float | None = None,
) -> Eigenpairs:
    """The ``k`` extreme eigenpairs of a symmetric operator, computed until they are good enough.

    A Ritz pair ``(theta, Q^T s)`` of a Lanczos basis ``Q`` has ``||A v - theta v|| = beta_m |s_m|``. Every 4 steps that
    bound is compared with ``max(tol |theta|, 8 eps ||A||)`` for the ``k`` wanted pairs. The value's own error is
    smaller, at most ``residual^2 / gap``. Returned bounds have ``16 eps ||A||`` added, since the stored vectors round
    too (8.5 was seen where nothing else was left): a bound printed as zero would be false. When the basis is full it
    is compressed to its best Ritz vectors and goes on from there, so that memory is bounded. An invariant subspace is
    left by a fresh random vector: eigenvalues of multiplicity up to
    ``k`` are found where that happens (as for the identity); otherwise copies of a multiple eigenvalue beyond the
    first appear late, or not at all before the test is met.

    Cost: ``num_matvecs`` products, at most ``max_steps``; ``O(D m)`` multiply-adds a step; memory ``max_basis * D`` and
    while compressing ``max_basis * D / 2`` more. Jit-, vmap- and shard_map-safe; under vmap members run until the
    slowest has converged.

    Args:
        matvec: symmetric linear map of trees like ``like``.
        like: a tree of floating arrays or ``jax.ShapeDtypeStruct``.
        k: pairs wanted, at most the dimension.
        key: random key of the start vector (Gaussian).
        tol: relative residual at which to stop; about 1e-3 gives values to 1e-5 or better.
        max_steps: matvecs at most. Rounded up to a multiple of the 4 steps between tests.
        which: ``"largest"``, ``"smallest"`` (both algebraically) or ``"magnitude"``.
        mask: like ``like``, true at the real coordinates; the operator becomes ``P A P`` on them.
        max_basis: vectors held at most; default ``max(64, 4 k)``, or the dimension if smaller.
        memory_limit: bytes that the vectors may take; ``None``: what is free when this is called or traced.

    Raises:
        ConfigError: ``k`` above the dimension, ``max_steps`` or ``max_basis`` too small, an unknown ``which``, leaves
            that are not floating, a mask or matvec that does not fit, vectors beyond the limit.

    >>> import jax, jax.numpy as jnp
    >>> eigenvalues = jnp.array([3.0, -4.0, 1.0, 2.0])
    >>> found = top_eigenpairs(lambda v: eigenvalues * v, eigenvalues, 2, key=jax.random.key(0))
    >>> found.values.round(4).tolist(), bool(found.converged)
    ([3.0, 2.0], True)

    Reference: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000), thick restart; Parlett (1980), ch. 13.2.
    """
    check_key("key", key)
    check_positive_int("k", k)
    check_choice("which", which, ORDERS)
    check_range("tol", tol, low=0)
    space, operator = make_space(matvec, like, mask)
    check_count("k", k, space)
    check_positive_int("max_steps", max_steps, low=k)
    size = _basis_size(space.size, k, max_basis)
    if size < min(space.size, k + 2):
        raise ConfigError(f"max_basis = {max_basis} leaves no room to search for k = {k} pairs; pass at least {k + 2}.")
    check_basis(vectors_held(space.size, k, max_basis), space.row_bytes, memory_limit, lambda fit: _smaller(fit, k))
    order = ORDERS[which]
    # Half of the room for what is kept over a restart, but always room for a step.
    keep = max(k, min(k + (size - k) // 2, size - 1)) if size > k else k
    if size == space.size:
        keep = k  # never restarted before the whole space is spanned
    vector_key, restart_key = jax.random.split(key)
    start = space.normal(vector_key)
    state = _initial(start / norm(start), size, k)

    def test(state: _State) -> _State:
        values, vectors, real = ritz(state.projected, state.filled)
        best = _best(order(values), real, k)
        # The last vector's image left the basis by this much; the row of the next vector holds it.
        leaves = jnp.abs(state.coupling @ vectors[:, best])
        epsilon = jnp.finfo(values.dtype).eps
        norm_seen = jnp.maximum(jnp.max(jnp.abs(values)), state.scale)
        rounding = ROUNDING * epsilon * norm_seen
        good = jnp.all(leaves <= jnp.maximum(tol * jnp.abs(values[best]), rounding))
        # After s breakdowns each eigenvalue has been found with its multiplicity up to s.
        settled = (state.breakdowns == 0) | (state.breakdowns >= k) | (state.since >= 4 * CHECK_EVERY)
        spanned = state.filled.astype(space.dtype) >= space.dimension
        enough = (state.filled >= k) & (settled | spanned)
        return state._replace(converged=good & enough | spanned, residuals=leaves + 2 * rounding)

    def chunk(state: _State) -> _State:
        steps = jnp.minimum(CHECK_EVERY, size - state.filled)
        return test(jax.lax.fori_loop(0, steps, lambda _, s: _step(operator, space, restart_key, s), state))

    def searching(state: _State) -> Array:
        return ~state.converged & (state.steps < max_steps)

    def cycle(state: _State) -> _State:
        state = jax.lax.while_loop(lambda s: searching(s) & (s.filled < size), chunk, state)
        return _compress(state, order, keep)

    state = jax.lax.while_loop(searching, cycle, state)
    vectors = jax.vmap(space.unravel)(state.basis[:k])
    values = jnp.diag(state.projected)[:k]
    # The whole space counts as searched, whatever was found in it.
    converged = state.converged & jnp.all(jnp.isfinite(values))
    return Eigenpairs(values, vectors, state.residuals, state.steps, converged)


def _basis_size(dimension: int, k: int, max_basis: int | None) -> int:
    return min(dimension, max(64, 4 * k) if max_basis is None else max_basis)


def vectors_held(dimension: int, k: int, max_basis: int | None = None) -> int:
    """Vectors in memory at most: the basis, half of it again while it is compressed, and the result."""
    size = _basis_size(dimension, k, max_basis)
    return size + size // 2 + k


def _smaller(fit: int, k: int) -> str:
    """What to set where only ``fit`` vectors fit."""
    size = (fit - k) * 2 // 3
    return f"set max_basis to at most {size}" if size >= k + 2 else f"k = {k} pairs do not fit at all, set a smaller k"


def _initial(start: Array, size: int, k: int) -> _State:
    # Made from start, all vary over the mesh axes it varies over.
    zero = start[0] * 0
    none = zero.astype(jnp.int32)
    row = jnp.zeros(size, start.dtype) + zero
    return _State(
        basis=jnp.zeros((size, start.size), start.dtype) + zero,
        projected=row[:, None] + row,
        vector=start,
        coupling=row,
        filled=none,
        steps=none,
        since=none,
        breakdowns=none,
        scale=zero,
        converged=zero > 0,
        residuals=row[:k],
    )


def _step(operator: Callable[[Array], Array], space: Space, restart_key: Array, state: _State) -> _State:
    """Adds ``state.vector`` to the basis and finds the next one."""
    row = state.filled
    vector = state.vector
    basis = jax.lax.dynamic_update_slice(state.basis, vector[None], (row, jnp.zeros_like(row)))
    image = operator(vector)
    scale = jnp.maximum(state.scale, norm(image))
    alpha = dot(vector, image)
    projected = state.projected.at[row].set(state.coupling).at[:, row].set(state.coupling).at[row, row].set(alpha)
    # Subtract what is known first: the previous vector, or after a restart all that were kept. One pass then suffices.
    previous = jax.lax.dynamic_slice(basis, (jnp.maximum(row - 1, 0), jnp.zeros_like(row)), (1, vector.size))[0]
    remainder = image - alpha * vector - state.coupling[jnp.maximum(row - 1, 0)] * previous
    remainder, beta = orthogonalise(basis, row + 1, remainder)
    epsilon = jnp.finfo(vector.dtype).eps
    stuck = ~(beta > BREAKDOWN * epsilon * scale)

    def fresh(_: Array) -> Array:
        drawn = space.normal(jax.random.fold_in(restart_key, state.steps))
        drawn, length = orthogonalise(basis, row + 1, drawn / norm(drawn))
        # Where the whole space is spanned only rounding is left, and the test stops the search.
        return drawn / length

    following = jax.lax.cond(stuck, fresh, lambda w: w / jnp.where(stuck, 1, beta), remainder)
    coupling = jnp.zeros_like(state.coupling).at[row].set(jnp.where(stuck, 0, beta))
    return state._replace(
        basis=basis,
        projected=projected,
        vector=following,
        coupling=coupling,
        filled=row + 1,
        steps=state.steps + 1,
        since=jnp.where(stuck, 0, state.since + 1),
        breakdowns=state.breakdowns + stuck,
        scale=scale,
    )


def _best(scores: Array, real: Array, count: int) -> Array:
    """Indices of the ``count`` best real entries, best first."""
    return jax.lax.top_k(jnp.where(real, scores, -jnp.inf), count)[1]


def _compress(state: _State, order: Callable[[Array], Array], keep: int) -> _State:
    """Replaces the basis by its ``keep`` best Ritz vectors, best first (fewer where fewer are there)."""
    values, vectors, real = ritz(state.projected, state.filled)
    best = _best(order(values), real, keep)
    chosen = vectors[:, best] * real[best]
    kept = dot(chosen.T, state.basis)
    size = state.coupling.size
    there = jnp.arange(size) < keep
    basis = jnp.where(there[:, None], jax.lax.dynamic_update_slice(state.basis, kept, (0, 0)), 0)
    diagonal = jnp.zeros(size, values.dtype).at[:keep].set(values[best])
    coupling = jnp.zeros(size, values.dtype).at[:keep].set(state.coupling @ chosen)
    filled = jnp.minimum(state.filled, keep)
    return state._replace(basis=basis, projected=jnp.diag(diagonal), coupling=coupling, filled=filled)
