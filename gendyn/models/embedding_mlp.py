"""A perceptron on embedded tokens: the cheapest network that groks modular arithmetic."""

import flax.linen as nn

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.models._activations import ACTIVATIONS, activate, profile
from gendyn.models._checks import check_scales, check_widths
from gendyn.models._dense import Dense
from gendyn.models._initialisers import constant
from gendyn.models._tokens import Embedding
from gendyn.types import Array, ArrayLike, ModelExample

COMBINATIONS = ("sum", "concatenate")


class EmbeddingMLP(nn.Module):
    """See :func:`embedding_mlp`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    depth: int
    embedding_size: int
    vocab_size: int
    combine: str
    shared_embedding: bool
    activation: str
    use_bias: bool
    init_scale: ArrayLike = 1.0
    embedding_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: none."""
        return ()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of tokens ``x [B, L]``; sows the intermediates ``hidden_<layer> [B, width]``."""
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        summed = self.combine == "sum"
        direct = self.embedding_size == 0
        std = self.init_scale * self.embedding_scale * ((1.0 / x.shape[1]) ** 0.5 if summed else 1.0)
        features = self.width if direct else self.embedding_size
        x = Embedding(self.vocab_size, features, std, self.shared_embedding, summed, name="embedding")(x)
        x = x.reshape(x.shape[0], -1)
        fan_in: ArrayLike = x.shape[-1]
        gain = 1.0  # no activation has acted on the embeddings
        for layer in range(self.depth):
            if layer == 0 and direct:
                if self.use_bias:
                    x = x + self.param("bias", constant(0.0), (self.width,))
            else:
                layer_std = self.init_scale * (gain / fan_in) ** 0.5
                x = Dense(self.width, layer_std, use_bias=self.use_bias, name=f"dense_{layer}")(x, train=train)
            x = activate(self.activation, x, self.active_width)
            self.sow("intermediates", f"hidden_{layer}", x)
            fan_in, gain = true_width, profile(self.activation).gain
        readout_std = self.init_scale * (gain / fan_in) ** 0.5
        x = Dense(self.num_outputs, readout_std, use_bias=self.use_bias, name="readout")(x, train=train)
        return x * self.output_scale


def embedding_mlp(
    *,
    num_outputs: int,
    width: int = 128,
    depth: int = 1,
    embedding_size: int = 128,
    vocab_size: int = 0,
    combine: str = "sum",
    shared_embedding: bool = True,
    activation: str = "relu",
    use_bias: bool = True,
    init_scale: ArrayLike = 1.0,
    embedding_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> EmbeddingMLP:
    """``h_0 = E[x_1] + ... + E[x_L]`` (or side by side), ``h_l = act(h_{l-1} W_l + b_l)``, logits ``s (h_d W + b)``.

    Initial variances are such that ``h_0`` and all pre-activations have unit variance: ``1/L`` for embeddings that are
    summed and 1 for those side by side, ``1/fan_in`` for the layer after them, ``gain/fan_in`` beyond, with
    ``gain = 1 / E[act(z)^2]``; biases start at 0.

    Args:
      num_outputs: ``C``.
      width: units of each hidden layer, as stored: with ``active_width``, the bucket's width.
      depth: hidden layers, at least 1.
      embedding_size: length of an embedding. 0: embeddings are as long as the first hidden layer is wide, and their sum
        is its pre-activation, with no matrix between (the first layer of a perceptron on one-hot codes).
      vocab_size: tokens; 0: as many as outputs.
      combine: ``"sum"`` or ``"concatenate"``.
      shared_embedding: one table for all positions, so that with ``"sum"`` the network is symmetric in its tokens;
        otherwise one table for each.
      activation: any of :func:`gendyn.models.mlp`.
      use_bias: biases in every layer.
      init_scale: multiplies every initial parameter (the biases are 0). May be traced.
      embedding_scale: multiplies the initial embeddings once more. May be traced.
      output_scale: ``s``, multiplies the logits. May be traced.
      active_width: the run's own width when its parameters are zero-padded to ``width``; may be traced.

    Returns:
      A flax module; ``x [B, L]`` tokens, of any dtype that holds them. A token outside the vocabulary is a fault of the
      caller: it counts as zero or as NaN, whatever is cheaper.

    Raises:
      ConfigError: a size or scale out of range, an unknown combination or activation, or ``embedding_size = 0``
        with embeddings side by side.

    >>> import jax, jax.numpy as jnp
    >>> module = embedding_mlp(num_outputs=97, embedding_size=0)
    >>> variables = module.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))
    >>> variables["params"]["embedding"]["table"].shape, variables["params"]["readout"]["kernel"].shape
    ((97, 128), (128, 97))

    Reference: Gromov (2023), Grokking modular arithmetic, arXiv:2301.02679 (perceptrons on one-hot codes).
    """
    check_widths(num_outputs, width, active_width)
    check_positive_int("depth", depth)
    check_positive_int("embedding_size", embedding_size, low=0)
    check_positive_int("vocab_size", vocab_size, low=0)
    check_choice("combine", combine, COMBINATIONS)
    check_choice("activation", activation, ACTIVATIONS)
    check_scales(init_scale=init_scale, embedding_scale=embedding_scale, output_scale=output_scale)
    if embedding_size == 0 and combine != "sum":
        raise ConfigError(
            f"embedding_size = 0 must go with combine = 'sum', not {combine!r}: they are then pre-activations "
            "of one layer. Set embedding_size, such as 128."
        )
    return EmbeddingMLP(
        num_outputs=num_outputs,
        width=width,
        depth=depth,
        embedding_size=embedding_size,
        vocab_size=vocab_size or num_outputs,
        combine=combine,
        shared_embedding=shared_embedding,
        activation=activation,
        use_bias=use_bias,
        init_scale=init_scale,
        embedding_scale=embedding_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={"embedding_size": 4}, input_shape=(2,), input_dtype="int32")
