"""The one dense layer of the room: ``multiplier * x W + b``, with the initial scale decided by the model."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from gendyn.models._initialisers import constant, scaled_normal
from gendyn.types import Array, ArrayLike

NARROW = 32
"""Output sizes below it train with :func:`narrow_product` on a CPU."""


@jax.custom_jvp
def narrow_product(x: Array, kernel: Array) -> Array:
    """``x @ kernel``, whose gradient in a kernel of few columns is fast on a CPU.

    XLA's CPU backend leaves ``x.T @ g`` out of its fast matrix products when it contracts over the batch; with both
    operands transposed behind barriers it takes a quarter of the time (128 x 10: 2.7 against 10 µs). The gain on whole
    steps is 20 to 40 %; on wide layers it is a loss.

    For training only. Behind a barrier a constant cotangent of one element (a gradient of one output for one input)
    stays a constant, and XLA's fused reductions read such a constant wrongly: see BUILD_NOTES, "Narrow layers".
    """
    return x @ kernel


def _narrow_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = x @ kernel
    dy = jnp.zeros_like(y)
    if not isinstance(dkernel, SymbolicZero):
        transposed = jax.lax.optimization_barrier(dkernel.T)
        moved = jax.lax.dot_general(transposed, x, (((1,), (1,)), ((), ())))
        dy += jax.lax.optimization_barrier(moved).T
    if not isinstance(dx, SymbolicZero):  # the data: no product is spent on their gradient
        dy += dx @ kernel
    return y, dy


narrow_product.defjvp(_narrow_jvp, symbolic_zeros=True)


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
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        kernel = self.param("kernel", scaled_normal(self.std), (x.shape[-1], self.features))
        narrow = train and self.features < NARROW and x.ndim == 2 and jax.default_backend() == "cpu"
        y = narrow_product(x, kernel) if narrow else x @ kernel
        # A Python 1.0 is the plain layer; a traced multiplier is always applied.
        if not (isinstance(self.multiplier, float) and self.multiplier == 1.0):
            y = y * self.multiplier
        if self.use_bias:
            y = y + self.param("bias", constant(0.0), (self.features,))
        return y
