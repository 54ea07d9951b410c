"""Softmax cross-entropy evaluated in bfloat16."""

from gendyn.optim.losses._loss import prepare
from gendyn.optim.losses._precision import rounded_cross_entropy
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = True


def cross_entropy_bfloat16(outputs: Array, targets: Array) -> Array:
    """Softmax cross-entropy of each example, in nats, with the arithmetic of the loss alone in bfloat16.

    As :func:`gendyn.optim.cross_entropy`, and as its gradient ``softmax - q``, with every result rounded to
    bfloat16; sums are rounded once, as by hardware that accumulates in float32. A margin of about 5.5
    over the other logits gives a loss of exactly 0. The experiment on the precision of the loss uses it; it saves
    no time.

    Args:
      outputs: logits ``f``, floating point ``[B, C]``.
      targets: integer classes ``[B]`` in [0, C), not checked; or floating point ``[B, C]``, rows that sum to 1.

    Returns:
      ``[B]``, in nats, in float32 at least.

    Raises:
      ConfigError: other shapes.

    >>> import jax.numpy as jnp
    >>> print(cross_entropy_bfloat16(jnp.array([[6.0, 0.0], [0.0, 6.0]]), jnp.array([0, 0])))
    [0. 6.]

    Reference: Prieto et al., Grokking at the edge of numerical stability, ICLR 2025 (arXiv 2501.04697), section 3
    (softmax collapse).
    """
    outputs, targets = prepare("cross_entropy_bfloat16", outputs, targets)
    return rounded_cross_entropy(outputs, targets, 8, 7)


def example() -> LossExample:
    return LossExample(num_outputs=5)
