"""A stack of LSTM layers that reads a sequence of tokens or of vectors and answers at its end."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gendyn.core import check_choice, check_positive_int
from gendyn.models._checks import check_scales, check_widths
from gendyn.models._dense import Dense
from gendyn.models._initialisers import constant, scaled_normal
from gendyn.models._tokens import INPUTS, Embedding
from gendyn.types import Array, ArrayLike, ModelExample


class LSTMLayer(nn.Module):
    """The cell of flax's ``LSTMCell``, with the four gates (input, forget, candidate, output) on an axis of their own.

    So zero-padding reaches the end of each gate, the inputs of all times take one product outside the loop, and the
    state has the parameters' dtype. A padded unit needs no mask: its candidate is ``tanh(0) = 0``, so its cell and its
    output stay 0 though its gates stand at 1/2.
    """

    features: int
    kernel_std: ArrayLike
    recurrent_std: ArrayLike

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """``[B, T, features]`` of ``x [B, T, in]``; cell and output start at 0."""
        kernel = self.param("kernel", scaled_normal(self.kernel_std), (x.shape[-1], 4, self.features))
        recurrent = self.param("recurrent_kernel", scaled_normal(self.recurrent_std), (self.features, 4, self.features))
        bias = self.param("bias", constant(0.0), (4, self.features))

        def step(state: tuple[Array, Array], z: Array) -> tuple[tuple[Array, Array], Array]:
            cell, output = state
            z = z + jnp.einsum("bm,mgn->bgn", output, recurrent)
            write, keep, candidate, show = (z[:, gate] for gate in range(4))
            cell = jax.nn.sigmoid(keep) * cell + jax.nn.sigmoid(write) * jnp.tanh(candidate)
            output = jax.nn.sigmoid(show) * jnp.tanh(cell)
            return (cell, output), output

        driven = jnp.einsum("bti,ign->tbgn", x, kernel) + bias
        start = jnp.zeros((x.shape[0], self.features), driven.dtype)
        _, outputs = jax.lax.scan(step, (start, start), driven)
        return jnp.swapaxes(outputs, 0, 1)


class LSTM(nn.Module):
    """See :func:`lstm`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    depth: int
    inputs: str
    embedding_size: int
    vocab_size: int
    init_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: none."""
        return ()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of ``x [B, T]`` or ``[B, T, ...]``; sows ``hidden_<layer> [B, T, width]``."""
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        if self.inputs == "tokens":
            x = Embedding(self.vocab_size, self.embedding_size, self.init_scale, name="embedding")(x)
        else:
            x = x.reshape(*x.shape[:2], -1)
        fan_in: ArrayLike = x.shape[-1]
        recurrent_std = self.init_scale * (1.0 / true_width) ** 0.5
        for layer in range(self.depth):
            kernel_std = self.init_scale * (1.0 / fan_in) ** 0.5
            x = LSTMLayer(self.width, kernel_std, recurrent_std, name=f"lstm_{layer}")(x)
            self.sow("intermediates", f"hidden_{layer}", x)
            fan_in = true_width
        return Dense(self.num_outputs, recurrent_std, name="readout")(x[:, -1], train=train) * self.output_scale


def lstm(
    *,
    num_outputs: int,
    width: int = 256,
    depth: int = 2,
    inputs: str = "tokens",
    embedding_size: int = 64,
    vocab_size: int = 0,
    init_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> LSTM:
    """LSTM layers on a sequence, and a linear readout of the last layer's output at the last time.

    With ``i, f, g, o = z_t`` the four gates' pre-activations ``z_t = x_t W + h_{t-1} R + b``:

        c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),        h_t = sigmoid(o) tanh(c_t),        c_0 = h_0 = 0.

    Weights start as N(0, 1 / fan_in), embeddings as N(0, 1), biases at 0.

    Args:
      num_outputs: ``C``.
      width: units of each layer, as stored: with ``active_width``, the bucket's width.
      depth: LSTM layers, at least 1.
      inputs: ``"tokens"`` (``x [B, T]``) or ``"vectors"`` (``x [B, T, ...]``, one vector a time step; an image is read
        row by row).
      embedding_size: length of a token's embedding. Unused for vectors.
      vocab_size: tokens; 0: as many as outputs. Unused for vectors.
      init_scale: multiplies every initial parameter (the biases are 0). May be traced.
      output_scale: multiplies the logits. May be traced.
      active_width: the run's own width when its parameters are zero-padded to ``width``; may be traced.

    Returns:
      A flax module.

    Raises:
      ConfigError: a size or scale out of range, an unknown kind of inputs.

    >>> module = lstm(num_outputs=2, width=8, depth=1, vocab_size=1000, embedding_size=4)
    >>> variables = module.init(jax.random.key(0), jnp.zeros((1, 20), jnp.int32))
    >>> jax.tree.map(jnp.shape, variables["params"]["lstm_0"])
    {'bias': (4, 8), 'kernel': (4, 4, 8), 'recurrent_kernel': (8, 4, 8)}

    Reference: Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9; with forget gates, Gers,
    Schmidhuber and Cummins (2000), Learning to forget, Neural Computation 12.
    """
    check_widths(num_outputs, width, active_width)
    check_positive_int("depth", depth)
    check_choice("inputs", inputs, INPUTS)
    check_positive_int("embedding_size", embedding_size)
    check_positive_int("vocab_size", vocab_size, low=0)
    check_scales(init_scale=init_scale, output_scale=output_scale)
    return LSTM(
        num_outputs=num_outputs,
        width=width,
        depth=depth,
        inputs=inputs,
        embedding_size=embedding_size,
        vocab_size=vocab_size or num_outputs,
        init_scale=init_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={"depth": 1, "embedding_size": 3}, input_shape=(2,), input_dtype="int32")
