"""Layers on features-first arrays ``[features, L, B]``: what makes a transformer on short sequences fast on a CPU.

Sums over features (layer norms, scores) then run over whole vectors of examples, and attention of a few positions is
elementwise. A step of the two-layer, 128-wide network on 4 tokens and 512 examples took 35 ms of CPU time so; batch
first it took 47 ms or more, with attention as small matrix products or elementwise alike.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gendyn.models._initialisers import constant
from gendyn.models._normalisation import EPSILON
from gendyn.models._transformer_initial import ZERO, Draw, Draws, initialiser, ones
from gendyn.types import Array, ArrayLike


@jax.custom_jvp
def look_up(table: Array, tokens: Array) -> Array:
    """``table[tokens]``, ``[..., features]``, with a product of one-hot codes for a gradient.

    The gradient of indexing is a scatter, which XLA runs row by row on a CPU. Here no difference in a whole step stood
    out of the noise of a busy machine.
    """
    return table[tokens]


@look_up.defjvp
def _look_up_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    table, tokens = primals
    codes = jax.nn.one_hot(tokens, table.shape[0], dtype=table.dtype)
    return table[tokens], codes @ tangents[0]


class Table(nn.Module):
    """The rows ``table [count, features]``, to be looked up or used whole."""

    count: int
    features: int
    draw: Draw
    init_scale: ArrayLike

    @nn.compact
    def __call__(self) -> Array:
        return self.param("table", initialiser(self.draw, self.init_scale), (self.count, self.features))


class Linear(nn.Module):
    """``y[o] = sum_i kernel[i, o] x[i] + bias[o]`` on ``x [*inputs, ...]``, where ``i`` and ``o`` may be several axes.

    Heads and their size stay axes of their own, so that both can be zero-padded.
    """

    outputs: tuple[int, ...]
    draw: Draw
    init_scale: ArrayLike
    use_bias: bool
    bias_draw: Draw = ZERO
    input_axes: int = 1

    @nn.compact
    def __call__(self, x: Array, kernel: Array | None = None) -> Array:
        """``kernel``: one that belongs to another layer, in place of an own one."""
        inputs, rest = x.shape[: self.input_axes], x.shape[self.input_axes :]
        size = math.prod(inputs)
        if kernel is None:
            kernel = self.param("kernel", initialiser(self.draw, self.init_scale), (*inputs, *self.outputs))
        y = (kernel.reshape(size, -1).T @ x.reshape(size, -1)).reshape(*self.outputs, *rest)
        if self.use_bias:
            bias = self.param("bias", initialiser(self.bias_draw, self.init_scale), self.outputs)
            y = y + jax.lax.expand_dims(bias, range(bias.ndim, y.ndim))
        return y


class LayerNorm(nn.Module):
    """``scale * (x - mean) / sqrt(var + 1e-5) + bias``, the moments over the true features of ``x [features, ...]``.

    Reference: Ba, Kiros & Hinton (2016), arXiv:1607.06450, eq. 4.
    """

    init_scale: ArrayLike
    active_width: ArrayLike | None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        size = x.shape[0]
        shape = (size, *(1,) * (x.ndim - 1))
        scale = self.param("scale", ones(self.init_scale), (size,)).reshape(shape)
        bias = self.param("bias", constant(0.0), (size,)).reshape(shape)
        if self.active_width is None:
            centred = x - jnp.mean(x, axis=0)
            variance = jnp.mean(jnp.square(centred), axis=0)
        else:
            # Both masks are needed: the mean must neither see the padding nor send it a gradient.
            true = (np.arange(size) < self.active_width).reshape(shape)
            centred = jnp.where(true, x - jnp.sum(jnp.where(true, x, 0.0), axis=0) / self.active_width, 0.0)
            variance = jnp.sum(jnp.square(centred), axis=0) / self.active_width
        return centred * jax.lax.rsqrt(variance + EPSILON) * scale + bias


def attend(query: Array, key: Array, value: Array, scale: ArrayLike, *, causal: bool) -> tuple[Array, list[Array]]:
    """``sum_k softmax_k(scale q_i . k_k) v_k`` for the last ``Q`` of ``L`` positions.

    Args:
      query: ``[H, D, Q, B]``.
      key: ``[H, D, L, B]``.
      value: ``[H, D, L, B]``.
      scale: of the scores.
      causal: position ``i`` attends to positions up to ``i``; otherwise to all.

    Returns:
      ``[H, D, Q, B]``, and for each query its weights ``[H, keys, B]``.
    """
    length, queries = key.shape[2], query.shape[2]
    outputs, weights = [], []
    # A query at a time: nothing is computed and masked away, and no product [H, D, Q, L, B] is stored (48 to 35 ms).
    for place in range(queries):
        seen = length - queries + place + 1 if causal else length
        scores = scale * jnp.sum(query[:, :, place, None] * key[:, :, :seen], axis=1)
        weights.append(jax.nn.softmax(scores, axis=1))
        outputs.append(jnp.sum(weights[-1][:, None] * value[:, :, :seen], axis=2))
    return jnp.stack(outputs, axis=2), weights


class Attention(nn.Module):
    """Attention of ``num_heads`` heads, from and to ``[width, L, B]``.

    A padded head answers 0: its values are 0, and so are its rows of the output's kernel.
    """

    width: int
    num_heads: int
    head_size: int
    scale: ArrayLike
    """Of the scores, with the true head size in it."""
    draws: Draws
    init_scale: ArrayLike
    use_bias: bool
    causal: bool
    last_position: bool
    """Whether only the last position asks: one query, ``Q = 1``; else ``Q = L``."""

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """``[width, Q, B]``, and the last position's weights ``[H, L, B]``."""

        def project(name: str, x: Array) -> Array:
            heads = (self.num_heads, self.head_size)
            return Linear(heads, self.draws.attention_in, self.init_scale, self.use_bias, name=name)(x)

        query = project("query", x[:, -1:] if self.last_position else x)
        attended, weights = attend(query, project("key", x), project("value", x), self.scale, causal=self.causal)
        out = Linear((self.width,), self.draws.attention_out, self.init_scale, self.use_bias, input_axes=2, name="out")
        return out(attended), weights[-1]
