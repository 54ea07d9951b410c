"""2-d convolution in two exactly equivalent forms, with one kernel layout ``[height, width, in, out]``.

``native`` is XLA's convolution. ``patches`` gathers shifted slices and does one matrix product. On a CPU XLA falls
back to a slow convolution inside ``scan`` and ``while`` loops, where all training happens, and under ``vmap`` over
kernels it becomes a grouped convolution; the matrix product does neither, for ``height * width`` times the memory of
the input.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gendyn.models._initialisers import constant, scaled_normal
from gendyn.types import Array, ArrayLike

CONVOLUTIONS = ("auto", "native", "patches")


def _native(x: Array, kernel: Array, stride: int) -> Array:
    margins = tuple((size // 2, size // 2) for size in kernel.shape[:2])
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), margins, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _patches(x: Array, kernel: Array, stride: int) -> Array:
    rows, columns = kernel.shape[:2]
    margin_y, margin_x = rows // 2, columns // 2
    _, height, width, _ = x.shape
    out_height = (height + 2 * margin_y - rows) // stride + 1
    out_width = (width + 2 * margin_x - columns) // stride + 1
    padded = jnp.pad(x, ((0, 0), (margin_y, margin_y), (margin_x, margin_x), (0, 0)))
    shifted = [
        padded[:, i : i + (out_height - 1) * stride + 1 : stride, j : j + (out_width - 1) * stride + 1 : stride]
        for i in range(rows)
        for j in range(columns)
    ]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


_IMPLEMENTATIONS = {"native": _native, "patches": _patches}


def convolve(x: Array, kernel: Array, *, stride: int = 1, implementation: str = "auto") -> Array:
    """Cross-correlation with odd kernels and symmetric zero margins of half the kernel (PyTorch's padding 1 for 3x3).

    XLA's "SAME" is not used: at stride 2 it puts its margin on one side only, unlike the networks of the papers.

    Args:
      x: ``[B, H, W, in]``.
      kernel: ``[height, width, in, out]``, height and width odd.
      stride: along both spatial axes.
      implementation: ``"native"``, ``"patches"``, or ``"auto"``: patches on a CPU, native elsewhere, as it is traced.

    Returns:
      ``[B, ceil(H / stride), ceil(W / stride), out]``.
    """
    if implementation == "auto":
        implementation = "patches" if jax.default_backend() == "cpu" else "native"
    return _IMPLEMENTATIONS[implementation](x, kernel, stride)


class Convolution(nn.Module):
    """A ``size x size`` convolution, ``W [size, size, in, out] ~ init_scale^2 N(0, 2 / fan_in)`` (He et al. 2015)."""

    features: int
    size: int = 3
    stride: int = 1
    use_bias: bool = True
    init_scale: ArrayLike = 1.0
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        # `init` runs at the run's own width, so the shape's fan-in is the true one.
        fan_in = self.size * self.size * x.shape[-1]
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", scaled_normal((2.0 / fan_in) ** 0.5 * self.init_scale), shape)
        y = convolve(x, kernel, stride=self.stride, implementation=self.implementation)
        if self.use_bias:
            y = y + self.param("bias", constant(0.0), (self.features,))
        return y
