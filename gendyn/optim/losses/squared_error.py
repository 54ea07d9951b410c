"""The squared error, summed over outputs."""

import jax.numpy as jnp

from gendyn.optim.losses._loss import prepare
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = False


def squared_error(outputs: Array, targets: Array) -> Array:
    """Squared error of each example, summed over outputs: ``sum_c (f_c - y_c)^2``.

    No factor 1/2 and no mean over outputs: a network that answers 0 has loss 1 on one-hot classes, whatever ``C``.
    Computed in float32 at least.

    Args:
      outputs: ``f``, floating point ``[B, C]``.
      targets: ``y``, floating point ``[B, C]``; or integer classes ``[B]`` in [0, C), not checked, which stand for
        their one-hot vectors.

    Returns:
      ``[B]``, in squared units of the targets.

    Raises:
      ConfigError: other shapes.

    >>> print(squared_error(jnp.array([[0.0, 0.0], [1.0, 3.0]]), jnp.array([1, 0])))
    [1. 9.]
    """
    outputs, targets = prepare("squared_error", outputs, targets)
    return jnp.sum(jnp.square(outputs - targets), axis=1)


def example() -> LossExample:
    return LossExample(num_outputs=5)
