"""What the losses of this room share: the check of their arguments, and the width of their arithmetic."""

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def prepare(name: str, outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """Outputs in at least float32, and targets ``[B, C]``: classes become one-hot.

    One-hot also for cross-entropy: the gradient of an indexed logit is a scatter, which XLA runs element by element on
    a CPU.

    Raises:
      ConfigError: shapes or dtypes other than ``[B, C]`` with integers ``[B]`` or floats ``[B, C]``.
    """
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    are_classes = jnp.issubdtype(targets.dtype, jnp.integer)
    expected = outputs.shape[:1] if are_classes else outputs.shape
    if outputs.ndim != 2 or targets.shape != expected:
        raise ConfigError(
            f"{name}: outputs {outputs.shape} and targets {targets.shape} {targets.dtype} must be [B, C] with integer "
            "classes [B] or floating-point targets [B, C]; reshape one of them."
        )
    outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
    if are_classes:
        targets = jax.nn.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
    return outputs, targets


@jax.custom_jvp
def accurate_cross_entropy(logits: Array, targets: Array) -> Array:
    """``sum_c q_c (logsumexp(f) - f_c)`` over the last axis, with full relative accuracy however small.

    With ``a`` the largest logit and ``r = sum_(c != a) exp(f_c - f_a)``, the loss of ``a`` is ``log1p(r)`` and its
    gradient ``-r / (1 + r)``: neither is a difference of numbers near 1, which float32 rounds to exactly 0 from a
    margin of about 16 on.

    >>> logits, targets = jnp.array([40.0, 0.0]), jnp.array([1.0, 0.0])
    >>> print(accurate_cross_entropy(logits, targets), jax.grad(accurate_cross_entropy)(logits, targets))
    4.248354e-18 [-4.248354e-18  4.248354e-18]
    """
    shifted, _, rest = _around_largest(logits)
    return jnp.sum(targets * (jnp.log1p(rest) - shifted), axis=-1)


@accurate_cross_entropy.defjvp
def _accurate_cross_entropy_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    logits, targets = primals
    shifted, largest, rest = _around_largest(logits)
    others = jnp.exp(shifted) / (1.0 + rest)
    gradient = jnp.where(largest, (1.0 - targets) - rest / (1.0 + rest), others - targets)
    # Targets that sum to q weigh the logsumexp by q.
    losses = jnp.log1p(rest) - shifted
    total = jnp.sum(targets, axis=-1, keepdims=True)
    gradient = gradient + (total - 1.0) * jnp.where(largest, 1.0 / (1.0 + rest), others)
    tangent = jnp.sum(gradient * tangents[0] + losses * tangents[1], axis=-1)
    return accurate_cross_entropy(logits, targets), tangent


def _around_largest(logits: Array) -> tuple[Array, Array, Array]:
    """``f - max f``, which one is the largest, and ``r [..., 1]``."""
    largest = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=bool)
    shifted = logits - jnp.sum(jnp.where(largest, logits, 0.0), axis=-1, keepdims=True)
    return shifted, largest, jnp.sum(jnp.where(largest, 0.0, jnp.exp(shifted)), axis=-1, keepdims=True)
