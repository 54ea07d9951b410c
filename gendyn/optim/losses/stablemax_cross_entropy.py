"""StableMax cross-entropy: a softmax that grows linearly, so that small terms survive its sums."""

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.optim.losses._loss import accurate_cross_entropy, prepare
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = True


def stablemax_cross_entropy(outputs: Array, targets: Array) -> Array:
    """StableMax cross-entropy of each example, in nats.

    ``log sum_c s(f_c) - log s(f_y)`` with ``s(x) = x + 1`` for ``x >= 0`` and ``1 / (1 - x)`` for ``x < 0``; for a
    distribution ``q``, ``sum_c q_c (log sum_b s(f_b) - log s(f_c))``. Since ``log s(x) = sign(x) log(1 + |x|)`` this
    is the softmax cross-entropy of logits on a logarithmic scale: it falls like a power of the logits, not
    exponentially. In float32 at least, without a cancellation at small losses (the authors' code uses float64).

    Args:
      outputs: logits ``f``, floating point ``[B, C]``.
      targets: integer classes ``[B]`` in [0, C), not checked; or floating point ``[B, C]``, rows that sum to 1.

    Returns:
      ``[B]``, in nats.

    Raises:
      ConfigError: other shapes.

    >>> print(stablemax_cross_entropy(jnp.array([[1.0, 1.0], [0.0, 1.0]]), jnp.array([0, 0])).round(4))
    [0.6931 1.0986]

    Reference: Prieto et al., Grokking at the edge of numerical stability, ICLR 2025 (arXiv 2501.04697).
    """
    outputs, targets = prepare("stablemax_cross_entropy", outputs, targets)
    return accurate_cross_entropy(_log_s(outputs), targets)


def stablemax_cross_entropy_with_integer_labels(logits: Array, labels: Array) -> Array:
    """:func:`stablemax_cross_entropy` of integer classes, for any leading axes, by optax's convention.

    Args:
      logits: floating point ``[..., C]``.
      labels: integers ``[...]`` in [0, C), not checked.

    Returns:
      ``[...]``, in nats.

    Raises:
      ConfigError: other shapes or dtypes.

    >>> print(stablemax_cross_entropy_with_integer_labels(jnp.array([1.0, 0.0, 0.0]), jnp.array(0)).round(4))
    0.6931
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    floating, integer = (jnp.issubdtype(a.dtype, k) for a, k in ((logits, jnp.floating), (labels, jnp.integer)))
    if not (floating and integer) or logits.shape[:-1] != labels.shape or logits.ndim == 0:
        raise ConfigError(
            f"stablemax_cross_entropy_with_integer_labels: logits {logits.shape} {logits.dtype} and labels "
            f"{labels.shape} {labels.dtype} must be floating point [..., C] and integers [...]."
        )
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    return accurate_cross_entropy(_log_s(logits), jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype))


def _log_s(x: Array) -> Array:
    """``sign(x) log(1 + |x|)``; its derivative ``1 / (1 + |x|)`` is 1 at 0, where the formula's own would be 0."""
    positive = x >= 0
    up, down = jnp.where(positive, x, 0.0), jnp.where(positive, 0.0, -x)
    return jnp.where(positive, jnp.log1p(up), -jnp.log1p(down))


def example() -> LossExample:
    return LossExample(num_outputs=5)
