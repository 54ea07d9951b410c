"""A convolution's input as patches, and a convolution whose derivative in its input is fast on a CPU.

XLA's CPU backend hands a convolution to its fast kernels only in the layout ``[batch, ..., channel]`` with a kernel
``[..., in, out]``. The derivative that JAX takes has the kernel's two channel axes exchanged by name; inside a loop
that is left to a kernel some forty times slower. :func:`convolve` exchanges them in memory, behind a barrier.
"""

from itertools import product
from typing import Any

import jax
import jax.numpy as jnp

from gendyn.types import Array


def _dilated(size: int, dilation: int) -> int:
    return 1 + dilation * (size - 1) if size else 0


def convolve(lhs: Array, kernel: Array, options: dict[str, Any]) -> Array:
    """``conv_general_dilated(lhs, kernel, **options)`` without groups, with the same derivatives."""

    def plain(lhs: Array, kernel: Array) -> Array:
        return jax.lax.conv_general_dilated_p.bind(lhs, kernel, **options)

    @jax.custom_vjp
    def fast(lhs: Array, kernel: Array) -> Array:
        return plain(lhs, kernel)

    def forward(lhs: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
        return plain(lhs, kernel), (lhs, kernel)

    def backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
        lhs, kernel = saved
        (kernel_gradient,) = jax.vjp(lambda value: plain(lhs, value), kernel)[1](cotangent)
        return _input_gradient(lhs, kernel, cotangent, options), kernel_gradient

    fast.defvjp(forward, backward)
    return fast(lhs, kernel)


def _input_gradient(lhs: Array, kernel: Array, cotangent: Array, options: dict[str, Any]) -> Array:
    numbers = options["dimension_numbers"]
    features_out, features_in, *space = numbers.rhs_spec
    turned = jnp.flip(kernel.transpose(*space, features_out, features_in), tuple(range(len(space))))
    turned = jax.lax.optimization_barrier(turned)
    rank = len(space)
    padding = []
    for axis in range(rank):
        size = _dilated(kernel.shape[space[axis]], options["rhs_dilation"][axis])
        before = size - options["padding"][axis][0] - 1
        out = _dilated(cotangent.shape[numbers.out_spec[axis + 2]], options["window_strides"][axis])
        whole = _dilated(lhs.shape[numbers.lhs_spec[axis + 2]], options["lhs_dilation"][axis])
        padding.append((before, whole + size - 1 - out - before))
    return jax.lax.conv_general_dilated(
        cotangent,
        turned,
        window_strides=options["lhs_dilation"],
        padding=padding,
        lhs_dilation=options["window_strides"],
        rhs_dilation=options["rhs_dilation"],
        dimension_numbers=jax.lax.ConvDimensionNumbers(
            numbers.out_spec, (rank + 1, rank, *range(rank)), numbers.lhs_spec
        ),
        precision=options["precision"],
        preferred_element_type=options["preferred_element_type"],
    )


def patches(
    activation: Array, kernel_shape: tuple[int, ...], out_shape: tuple[int, ...], options: dict[str, Any]
) -> Array:
    """What each position of the output sees: ``[positions, kernel size * in]``, positions in the order batch, space."""
    numbers = options["dimension_numbers"]
    batch, channel, *space = numbers.lhs_spec
    activation = activation.transpose(batch, *space, channel)
    dilated = zip(options["padding"], options["lhs_dilation"], strict=True)
    margins = [(low, high, dilation - 1) for (low, high), dilation in dilated]
    zero = jnp.zeros((), activation.dtype)
    padded = jax.lax.pad(activation, zero, [(0, 0, 0), *margins, (0, 0, 0)])
    strides, sizes = options["window_strides"], [out_shape[axis] for axis in numbers.out_spec[2:]]
    spans = [(size - 1) * stride + 1 for size, stride in zip(sizes, strides, strict=True)]
    shifted = []
    for offset in product(*(range(kernel_shape[axis]) for axis in numbers.rhs_spec[2:])):
        start = [step * dilation for step, dilation in zip(offset, options["rhs_dilation"], strict=True)]
        stop = [first + span for first, span in zip(start, spans, strict=True)]
        bounds = (0, *start, 0), (padded.shape[0], *stop, padded.shape[-1])
        shifted.append(jax.lax.slice(padded, *bounds, (1, *strides, 1)))
    joined = jnp.concatenate(shifted, axis=-1)
    return joined.reshape(-1, joined.shape[-1])
