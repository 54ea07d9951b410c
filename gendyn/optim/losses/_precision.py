"""Softmax cross-entropy in a named precision of the loss alone: the parameters and the network keep theirs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.types import Array


def float64_cross_entropy(outputs: Array, targets: Array) -> Array:
    """``sum_c q_c (logsumexp(f) - f_c)`` with every operation in float64, whatever ``jax_enable_x64`` says.

    The switch is on while the operations are traced; types of traced operations are fixed, so that jit, grad and vmap
    of a program in float32 keep them.
    """
    # Conversions by lax, and reductions without a constant: what jnp makes outside of this scope would be float32.
    with jax.enable_x64(True):
        f, q = (jax.lax.convert_element_type(a, np.float64) for a in (outputs, targets))
        shifted = f - jax.lax.stop_gradient(jnp.max(f, axis=-1, keepdims=True))
        losses = jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True)) - shifted
        total = jnp.sum(q * losses, axis=-1)
        return jax.lax.convert_element_type(total, outputs.dtype)


def rounded(x: Array, exponent_bits: int, mantissa_bits: int) -> Array:
    """A float32 array rounded to the nearest number of a shorter type, subnormal ones included.

    Not ``astype`` there and back, which compilers may drop.

    >>> print(rounded(jnp.array([1.0004, 1.0005, 1e-7]), 5, 10))
    [1.0000000e+00 1.0009766e+00 1.1920929e-07]
    """
    smallest_normal = 2.0 ** (2 - 2 ** (exponent_bits - 1))
    if exponent_bits == 8:  # as in float32, whose subnormals XLA flushes anyhow
        return jax.lax.reduce_precision(x, exponent_bits, mantissa_bits)
    spacing = smallest_normal * 2.0**-mantissa_bits
    subnormal = jnp.round(x / spacing) * spacing
    return jnp.where(jnp.abs(x) < smallest_normal, subnormal, jax.lax.reduce_precision(x, exponent_bits, mantissa_bits))


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def rounded_cross_entropy(outputs: Array, targets: Array, exponent_bits: int, mantissa_bits: int) -> Array:
    """``sum_c q_c (log sum exp(f - max f) - (f_c - max f))``, rounded after every operation (sums once, at the end).

    The gradient is ``softmax - q``, the softmax and the difference rounded likewise.
    """
    logs = _log_softmax(outputs, exponent_bits, mantissa_bits)
    return rounded(jnp.sum(targets * -logs, axis=-1), exponent_bits, mantissa_bits)


def _log_softmax(outputs: Array, exponent_bits: int, mantissa_bits: int) -> Array:
    short = functools.partial(rounded, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits)
    f = short(outputs)
    shifted = short(f - jax.lax.stop_gradient(jnp.max(f, axis=-1, keepdims=True)))
    total = short(jnp.sum(short(jnp.exp(shifted)), axis=-1, keepdims=True))
    return short(shifted - short(jnp.log(total)))


@rounded_cross_entropy.defjvp
def _rounded_cross_entropy_jvp(
    exponent_bits: int, mantissa_bits: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    outputs, targets = primals
    short = functools.partial(rounded, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits)
    logs = _log_softmax(outputs, exponent_bits, mantissa_bits)
    gradient = short(short(jnp.exp(logs)) * jnp.sum(targets, axis=-1, keepdims=True) - targets)
    tangent = jnp.sum(gradient * tangents[0] - logs * tangents[1], axis=-1)
    return rounded_cross_entropy(outputs, targets, exponent_bits, mantissa_bits), tangent
