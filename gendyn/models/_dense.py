"""The one dense layer of the room: ``multiplier * x W + b``, with the initial scale decided by the model."""

import flax.linen as nn
import jax

from gendyn.models._initialisers import constant, scaled_normal
from gendyn.types import Array, ArrayLike

NARROW = 32
"""Output sizes below it use :func:`narrow_product` on a CPU."""


@jax.custom_jvp
def narrow_product(x: Array, kernel: Array) -> Array:
    """``x @ kernel``, whose gradient in a kernel of few columns is fast on a CPU.

    XLA's CPU backend leaves ``x.T @ g`` out of its fast matrix products when it contracts over the batch; with both
    operands transposed behind barriers it takes a quarter of the time (128 x 10: 2.7 against 10 µs). The gain on whole
    steps is 20 to 40 %; on wide layers it is a loss.
    """
    return x @ kernel


@narrow_product.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, kernel), (dx, dkernel) = primals, tangents
    transposed = jax.lax.optimization_barrier(dkernel.T)
    moved = jax.lax.dot_general(transposed, x, (((1,), (1,)), ((), ())))
    return x @ kernel, dx @ kernel + jax.lax.optimization_barrier(moved).T


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
        narrow = self.features < NARROW and x.ndim == 2 and jax.default_backend() == "cpu"
        y = narrow_product(x, kernel) if narrow else x @ kernel
        # A Python 1.0 is the plain layer; a traced multiplier is always applied.
        if not (isinstance(self.multiplier, float) and self.multiplier == 1.0):
            y = y * self.multiplier
        if self.use_bias:
            y = y + self.param("bias", constant(0.0), (self.features,))
        return y
