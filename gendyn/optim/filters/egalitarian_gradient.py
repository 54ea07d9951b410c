"""The gradient of a matrix with all its singular values made equal."""

import math

import jax.numpy as jnp
import optax

from gendyn.core import check_range, svd
from gendyn.optim._filter import map_leaves, widen
from gendyn.types import Array, ArrayLike, PyTree, TransformExample

ROLE = "filter"
PAD_SAFE = True


def egalitarian_gradient(relative_tolerance: ArrayLike = 1e-6) -> optax.GradientTransformation:
    """Replaces the gradient of each matrix by its polar factor: learning at one speed along all singular directions.

    With a matrix ``G = U S V^T``::

        g_hat = sum_i u_i v_i^T over the i with s_i > relative_tolerance * max_j s_j

    so a singular value of zero gives zero, not an arbitrary direction; ``g_hat`` does not grow with ``G``, and a
    gradient of 0 gives 0. Vectors and scalars (biases, scales of a normalisation) pass as they are: they keep their
    size, while matrices lose theirs. A tensor of more axes counts as the matrix ``[all but the last axis, last axis]``,
    which suits Flax's convolutions (fan-in by fan-out). No state. Costs one exact singular value decomposition of every
    matrix a step, ``O(m n min(m, n))``, on a CPU one after another under vmap: small networks only;
    :func:`gendyn.optim.muon` does about the same to the momentum by matrix products. XLA gathers a sharded matrix for
    it; on a mesh of explicit axes JAX wants that said: ``jax.sharding.reshard`` the gradients before.

    Args:
      relative_tolerance: in [0, 1); singular values below this share of the largest are zero. At 0 rounding decides.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a concrete tolerance outside its interval.

    >>> transform = egalitarian_gradient()
    >>> gradient = jnp.array([[3.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
    >>> updates, _ = transform.update(gradient, transform.init(gradient))
    >>> print(jnp.abs(updates).round(5))
    [[1. 0.]
     [0. 1.]
     [0. 0.]]

    Reference: Egalitarian gradient descent, ICLR 2026 (arXiv 2510.04930).
    """
    check_range("relative_tolerance", relative_tolerance, low=0, high=1, open_high=True)

    def update(
        updates: PyTree, state: optax.EmptyState, params: PyTree | None = None
    ) -> tuple[PyTree, optax.EmptyState]:
        del params
        (equalised,) = map_leaves(lambda gradient: (_equalise(gradient, relative_tolerance),), updates)
        return equalised, state

    return optax.GradientTransformation(optax.init_empty_state, update)


def _equalise(gradient: Array, relative_tolerance: ArrayLike) -> Array:
    if gradient.ndim < 2 or gradient.size == 0:
        return gradient
    matrix = widen(gradient).reshape(math.prod(gradient.shape[:-1]), gradient.shape[-1])
    left, values, right = svd(matrix)
    kept = values > relative_tolerance * values[0]
    # Of infinity LAPACK makes singular values that are NaN, and none is kept: the answer would be a silent 0.
    polar = jnp.where(jnp.isfinite(matrix).all(), (left * kept) @ right, jnp.nan)
    # A row or column of zeros has a polar factor of exact zeros, which LAPACK gives up to rounding: padding stays zero.
    nonzero = matrix != 0
    polar = jnp.where(nonzero.any(1, keepdims=True) & nonzero.any(0, keepdims=True), polar, 0.0)
    return polar.reshape(gradient.shape).astype(gradient.dtype)


def example() -> TransformExample:
    return TransformExample(kwargs={}, sweeps={"relative_tolerance": (1e-6, 0.5)})
