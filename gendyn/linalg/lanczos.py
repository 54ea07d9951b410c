"""Lanczos tridiagonalisation with full reorthogonalisation, which stops exactly at an invariant subspace."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_basis, check_positive_int, is_concrete
from gendyn.linalg._orthogonalise import dot, norm, orthogonalise
from gendyn.linalg.space import Matvec, make_space
from gendyn.types import Array, PyTree

BREAKDOWN = 10.0
"""A remainder below this many machine epsilons of the operator's seen norm is rounding: the subspace is invariant."""


class Lanczos(NamedTuple):
    """``A Q^T = Q^T T + betas[-1] residual e_m^T``, with ``T`` tridiagonal. All is zero after ``rank``."""

    alphas: Array
    """Diagonal of ``T``, ``[m]``."""
    betas: Array
    """``[m]``: off-diagonal ``betas[:-1]``; the last one is the length of the remainder."""
    basis: Array
    """``Q``, orthonormal rows ``[m, D]`` of ravelled vectors; the first is ``v0`` normalised."""
    rank: Array
    """int32 ``[]``: Lanczos vectors found. Fewer than ``m``: they span an invariant subspace, ``T``'s leading block
    is exact."""
    residual: Array
    """The next Lanczos vector, ``[D]``: of length one, or zero where there is none."""

    def tridiagonal(self) -> Array:
        """``T`` as a dense matrix ``[m, m]``."""
        return jnp.diag(self.alphas) + jnp.diag(self.betas[:-1], 1) + jnp.diag(self.betas[:-1], -1)


def lanczos(
    matvec: Matvec,
    v0: PyTree,
    num_steps: int,
    *,
    mask: PyTree | None = None,
    reorthogonalise: bool = True,
    memory_limit: float | None = None,
) -> Lanczos:
    """An orthonormal basis of the Krylov space of a symmetric operator, and the operator in it.

    ``A q_i = beta_{i-1} q_{i-1} + alpha_i q_i + beta_i q_{i+1}``, each ``q_{i+1}`` made orthogonal to all earlier
    ones to working precision (block Gram-Schmidt; a second pass where the first one cancelled). Arithmetic is in the
    leaves' common type, at least float32.

    Cost: ``num_steps`` matvecs; ``2 D num_steps^2`` multiply-adds and, read in blocks, half the traffic of a basis
    padded with zeros; memory ``num_steps * D``. Jit-, vmap- and shard_map-safe.

    Args:
        matvec: symmetric linear map of trees like ``v0``.
        v0: start vector, any pytree of floating arrays; its length does not matter.
        num_steps: matvecs ``m``; may exceed the dimension, all is zero after ``rank`` then.
        mask: like ``v0``, arrays that broadcast to its leaves; the operator becomes ``P A P`` on the coordinates
            where it is true.
        reorthogonalise: ``False`` leaves the bare three-term recurrence, which in floating point soon returns copies
            ("ghosts") of converged eigenvalues. For teaching and tests.
        memory_limit: bytes that the basis may take; ``None``: what is free when this is called or traced.

    Returns:
        :class:`Lanczos`. A non-finite matvec makes its ``alphas`` non-finite, as does a non-finite ``v0`` under
        ``jit``; nothing else does.

    Raises:
        ConfigError: ``num_steps`` < 1, leaves that are not floating, a ``v0`` that is zero or not finite, a matvec
            that changes shapes, a mask that does not fit, a basis beyond the limit.

    >>> import jax.numpy as jnp
    >>> found = lanczos(lambda v: jnp.array([1.0, 2.0, 5.0]) * v, jnp.ones(3), 5)
    >>> int(found.rank), jnp.linalg.eigvalsh(found.tridiagonal()[:3, :3]).round(3).tolist()
    (3, [1.0, 2.0, 5.0])

    Reference: Paige, J. Inst. Math. Appl. 10 (1972); Parlett, The Symmetric Eigenvalue Problem (1980), ch. 6.9, 13.
    """
    check_positive_int("num_steps", num_steps)
    space, operator = make_space(matvec, v0, mask)
    check_basis(num_steps, space.row_bytes, memory_limit, lambda fit: f"set num_steps to at most {fit}")
    start = space.project(space.ravel(v0))
    length = norm(start)
    if is_concrete(length):
        if not np.isfinite(length):
            raise ConfigError("v0 has entries that are not finite: pass a finite start vector.")
        if length == 0:
            raise ConfigError("v0 = 0 on the real coordinates spans no Krylov space: pass a random vector.")
    # Not by length > 0, which would take a traced start of NaN for one of 0.
    start = space.constant(jnp.where(length == 0, 0, start / jnp.where(length == 0, 1, length)))
    return flat_lanczos(operator, start, num_steps, space.dimension, reorthogonalise=reorthogonalise)


def flat_lanczos(
    operator: Callable[[Array], Array],
    start: Array,
    num_steps: int,
    dimension: Array,
    *,
    reorthogonalise: bool = True,
) -> Lanczos:
    """The same for a flat operator and a start vector ``[D]`` of length one (or zero: rank 0)."""
    epsilon = jnp.finfo(start.dtype).eps
    # Made from start, these vary over the mesh axes it varies over.
    zero = start[0] * 0
    basis = jnp.zeros((num_steps, start.size), start.dtype) + zero
    scalars = jnp.zeros(num_steps, start.dtype) + zero

    def step(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        basis, alphas, betas, vector, previous, beta, scale, known = state
        alive = known == i + 1
        basis = jax.lax.dynamic_update_slice(basis, vector[None], (i, jnp.zeros_like(i)))
        image = operator(vector)
        scale = jnp.maximum(scale, norm(image))
        alpha = dot(vector, image)
        remainder = image - alpha * vector - beta * previous
        if reorthogonalise:
            remainder, beta = orthogonalise(basis, i + 1, remainder)
            # In exact arithmetic no more vectors fit; what is left is rounding.
            grows = alive & ((i + 1).astype(start.dtype) < dimension)
        else:
            beta, grows = norm(remainder), alive
        grows = grows & (beta > BREAKDOWN * epsilon * scale)
        beta = jnp.where(grows, beta, 0)
        after = jnp.where(grows, remainder / jnp.where(grows, beta, 1), 0)
        alphas = alphas.at[i].set(jnp.where(alive, alpha, 0))
        return basis, alphas, betas.at[i].set(beta), after, vector, beta, scale, known + grows

    known = jnp.any(start != 0).astype(jnp.int32)
    state = (basis, scalars, scalars, start, start * 0, zero, zero, known)
    basis, alphas, betas, residual, _, _, _, known = jax.lax.fori_loop(0, num_steps, step, state)
    return Lanczos(alphas, betas, basis, jnp.minimum(known, num_steps), residual)
