"""Softmax cross-entropy."""

import optax

from gendyn.optim.losses._loss import prepare
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = True


def cross_entropy(outputs: Array, targets: Array) -> Array:
    """Softmax cross-entropy of each example, in nats.

    ``logsumexp_c(f_c) - f_y`` for a class ``y``, and ``sum_c q_c (logsumexp(f) - f_c)`` for a distribution ``q``; no
    mean over the batch, no smoothing. Computed in float32 at least, without an overflow for large outputs.

    Args:
      outputs: logits ``f``, floating point ``[B, C]``.
      targets: integer classes ``[B]`` in [0, C), not checked; or floating point ``[B, C]``, rows that sum to 1.

    Returns:
      ``[B]``, in nats.

    Raises:
      ConfigError: other shapes.

    >>> import jax.numpy as jnp
    >>> print(cross_entropy(jnp.array([[0.0, 0.0], [1e4, -1e4]]), jnp.array([0, 0])).round(4) + 0.0)
    [0.6931 0.    ]
    """
    outputs, targets = prepare("cross_entropy", outputs, targets)
    return optax.softmax_cross_entropy(outputs, targets)


def example() -> LossExample:
    return LossExample(num_outputs=5)
