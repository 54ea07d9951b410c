"""What the losses of this room share: the check of their arguments, and the width of their arithmetic."""

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def prepare(name: str, outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array, bool]:
    """Outputs in at least float32, targets, and whether the targets are classes rather than vectors.

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
    return outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32)), targets, are_classes
