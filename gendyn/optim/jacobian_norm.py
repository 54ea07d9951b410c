"""The norm of a network's Jacobian with respect to its inputs: a penalty to add to the loss."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key
from gendyn.types import Array, PyTree


def jacobian_norm(
    apply: Callable[[PyTree, Array], Array],
    params: PyTree,
    x: Array,
    *,
    key: Array | None = None,
    num_probes: int = 1,
) -> Array:
    """The squared Frobenius norm of each example's input Jacobian, by an unbiased estimate or exactly.

    With ``f(x_b) [C]`` the outputs and ``v`` of independent signs ``+1`` or ``-1``::

        |J_b|_F^2 = sum_c |d f_c / d x_b|^2 = E_v |J_b^T v|^2

    An estimate averages ``num_probes`` draws of ``v`` per example; the standard deviation of one is at most
    ``sqrt(2) |J_b J_b^T|_F``. Costs one forward and ``num_probes`` backward passes, ``C`` backward passes if exact; all
    at once in memory. To train on it, take the gradient of ``loss.mean() + strength * jacobian_norm(…).mean()``.

    Args:
      apply: ``(params, x [B, ...]) -> [B, C]``, where no example sees another (no batch normalisation in training).
      params: any pytree.
      x: floating point ``[B, ...]``; for tokens, differentiate from their embeddings on.
      key: of the draws; a new one each step. Not needed if exact.
      num_probes: at least 1; or 0: exact.

    Returns:
      ``[B]``, squared units of outputs over inputs, in float32 at least.

    Raises:
      ConfigError: inputs that are not floating point, a number of probes below 0, or draws without a key.

    >>> matrix = jnp.array([[1.0, 2.0], [0.0, 3.0]])
    >>> print(jacobian_norm(lambda w, x: x @ w, matrix, jnp.ones((2, 2)), num_probes=0))
    [14. 14.]

    Reference: Hoffman, Roberts and Yaida, Robust learning with Jacobian regularization, 2019 (arXiv 1908.02729), eq. 9;
    GrokAlign, 2025 (arXiv 2506.12284).
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ConfigError(
            f"jacobian_norm: x {x.shape} {x.dtype} must be floating point: let apply start at the embeddings."
        )
    if isinstance(num_probes, bool) or not isinstance(num_probes, int) or num_probes < 0:
        raise ConfigError(f"jacobian_norm: num_probes = {num_probes!r} must be an integer of at least 0 (0: exact).")
    if key is not None:
        check_key("key", key)
    if num_probes and key is None:
        raise ConfigError(f"jacobian_norm: num_probes = {num_probes} needs key=...; num_probes=0 is exact without one.")
    outputs, pull_back = jax.vjp(lambda inputs: apply(params, inputs), x)
    size, count = outputs.shape
    if key is not None and num_probes:
        probes = jax.random.rademacher(key, (num_probes, size, count), outputs.dtype)
    else:
        probes = jnp.broadcast_to(jnp.eye(count, dtype=outputs.dtype)[:, None], (count, size, count))

    def squares(probe: Array) -> Array:
        (gradient,) = pull_back(probe)
        wide = gradient.astype(jnp.promote_types(gradient.dtype, jnp.float32))
        return jnp.sum(jnp.square(wide), axis=range(1, wide.ndim))

    norms = jax.vmap(squares)(probes)
    return norms.mean(0) if num_probes else norms.sum(0)
