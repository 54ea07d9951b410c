"""The one dense layer of the room: ``multiplier * x W + b``, with the initial scale decided by the model."""

import flax.linen as nn

from gendyn.models._initialisers import constant, scaled_normal
from gendyn.types import Array, ArrayLike


class Dense(nn.Module):
    """``y = multiplier * (x W) + b``, with ``W [in, features] ~ N(0, std^2)`` and ``b = 0`` at the start.

    The multiplier acts on the product, not on ``W``: initialising then does no arithmetic but the draw.
    """

    features: int
    std: ArrayLike
    """Standard deviation of the initial weights; used by ``init`` alone."""
    multiplier: ArrayLike = 1.0
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", scaled_normal(self.std), (x.shape[-1], self.features))
        y = x @ kernel
        # A Python 1.0 is the plain layer; a traced multiplier is always applied.
        if not (isinstance(self.multiplier, float) and self.multiplier == 1.0):
            y = y * self.multiplier
        if self.use_bias:
            y = y + self.param("bias", constant(0.0), (self.features,))
        return y
