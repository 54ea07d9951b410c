"""Softmax cross-entropy evaluated in float64."""

from gendyn.optim.losses._loss import prepare
from gendyn.optim.losses._precision import float64_cross_entropy
from gendyn.types import Array, LossExample

ROLE = "loss"
NEEDS_CLASSES = True


def cross_entropy_float64(outputs: Array, targets: Array) -> Array:
    """Softmax cross-entropy of each example, in nats, with the arithmetic of the loss alone in float64.

    As :func:`gendyn.optim.cross_entropy`, with the outputs cast to float64 and the result, and the gradient, cast back;
    ``jax_enable_x64`` may be off. In float32 a margin of about 16 over the other logits gives a loss and a gradient of
    the right class of exactly 0 (softmax collapse); here one of about 37 does. Float64 is slow on many accelerators;
    a TPU emulates it.

    Args:
      outputs: logits ``f``, floating point ``[B, C]``.
      targets: integer classes ``[B]`` in [0, C), not checked; or floating point ``[B, C]``, rows that sum to 1.

    Returns:
      ``[B]``, in nats, in float32 at least.

    Raises:
      ConfigError: other shapes.

    >>> import jax.numpy as jnp
    >>> print(cross_entropy_float64(jnp.array([[30.0, 0.0], [0.0, 30.0]]), jnp.array([0, 0])))
    [9.348078e-14 3.000000e+01]

    Reference: Prieto et al., Grokking at the edge of numerical stability, ICLR 2025 (arXiv 2501.04697), section 3
    (softmax collapse).
    """
    outputs, targets = prepare("cross_entropy_float64", outputs, targets)
    return float64_cross_entropy(outputs, targets)


def example() -> LossExample:
    return LossExample(num_outputs=5)
