"""Softmax cross-entropy evaluated in IEEE half precision."""

from gendyn.optim.losses._loss import prepare
from gendyn.optim.losses._precision import rounded_cross_entropy
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = True


def cross_entropy_float16(outputs: Array, targets: Array) -> Array:
    """Softmax cross-entropy of each example, in nats, with the arithmetic of the loss alone in float16.

    As :func:`gendyn.optim.cross_entropy`, and as its gradient ``softmax - q``, with every result rounded to
    IEEE half precision; sums are rounded once, as by hardware that accumulates in float32. A margin of about 7.6
    over the other logits gives a loss of exactly 0, and logits beyond 65,504 overflow to NaN. The experiment on the
    precision of the loss uses it; it saves no time.

    Args:
      outputs: logits ``f``, floating point ``[B, C]``.
      targets: integer classes ``[B]`` in [0, C), not checked; or floating point ``[B, C]``, rows that sum to 1.

    Returns:
      ``[B]``, in nats, in float32 at least.

    Raises:
      ConfigError: other shapes.

    >>> import jax.numpy as jnp
    >>> print(cross_entropy_float16(jnp.array([[8.0, 0.0], [0.0, 8.0]]), jnp.array([0, 0])))
    [0. 8.]

    Reference: Prieto et al., Grokking at the edge of numerical stability, ICLR 2025 (arXiv 2501.04697), section 3
    (softmax collapse).
    """
    outputs, targets = prepare("cross_entropy_float16", outputs, targets)
    return rounded_cross_entropy(outputs, targets, 5, 10)


def example() -> LossExample:
    return LossExample(num_outputs=5)
