"""A decoder transformer for short token sequences, of which the last position answers."""

import functools

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int, is_concrete
from gendyn.models._activations import ACTIVATIONS, profile
from gendyn.models._attention import Attention, LayerNorm, Linear, Table, look_up
from gendyn.models._checks import check_scales, check_widths
from gendyn.models._transformer_initial import INITIALISATIONS, Draws, Sizes
from gendyn.types import Array, ArrayLike, ModelExample

NORMALISATIONS = ("none", "pre", "post", "overwriting")


class MLP(nn.Module):
    """``act(x W + b) V + c`` on each position of ``[width, Q, B]``."""

    width: int
    mlp_width: int
    activation: str
    draws: Draws
    init_scale: ArrayLike
    use_bias: bool
    active_mlp_width: ArrayLike | None

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """``[width, Q, B]``, and the hidden units ``[mlp_width, Q, B]``."""
        draws, scale, bias = self.draws, self.init_scale, self.use_bias
        hidden = Linear((self.mlp_width,), draws.mlp_in, scale, bias, draws.mlp_in_bias, name="in")(x)
        hidden = ACTIVATIONS[self.activation](hidden)
        if self.active_mlp_width is not None and profile(self.activation).at_zero != 0.0:
            true = np.arange(self.mlp_width) < self.active_mlp_width
            hidden = jnp.where(true[:, None, None], hidden, 0.0)
        return Linear((self.width,), draws.mlp_out, scale, bias, draws.mlp_out_bias, name="out")(hidden), hidden


class Transformer(nn.Module):
    """See :func:`transformer`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    depth: int
    num_heads: int
    head_size: int
    mlp_width: int
    vocab_size: int
    num_positions: int
    activation: str
    normalisation: str
    final_norm: bool
    attention_bias: bool
    mlp_bias: bool
    head_bias: bool
    tied_head: bool
    causal: bool
    initialisation: str
    init_scale: ArrayLike = 1.0
    attention_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None
    active_num_heads: ArrayLike | None = None
    active_head_size: ArrayLike | None = None
    active_mlp_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: a key's bias adds the same to all its scores."""
        return tuple(f"attention_{layer}/key/bias" for layer in range(self.depth) if self.attention_bias)

    @nn.nowrap
    def _sizes(self) -> Sizes:
        def true(name: str) -> ArrayLike:
            active: ArrayLike | None = getattr(self, f"active_{name}")
            return getattr(self, name) if active is None else active

        return Sizes(
            width=true("width"),
            num_heads=true("num_heads"),
            head_size=true("head_size"),
            mlp_width=true("mlp_width"),
            num_outputs=self.num_outputs,
            mlp_gain=profile(self.activation).gain,
        )

    @nn.nowrap
    def _norm(self, name: str, h: Array) -> Array:
        return LayerNorm(self.init_scale, self.active_width, name=name)(h)

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of tokens ``x [B, L]``.

        Sows the last position's intermediates of each layer: ``attention_weights_<layer> [B, num_heads, L]`` and
        ``hidden_<layer> [B, mlp_width]`` (after the activation).
        """
        del train
        draws = INITIALISATIONS[self.initialisation](self._sizes())
        table = Table(self.vocab_size, self.width, draws.tokens, self.init_scale, name="embedding")()
        positions = Table(self.num_positions, self.width, draws.positions, self.init_scale, name="positions")()
        tokens = x.astype(jnp.int32).T
        h = look_up(table, tokens) + positions[: len(tokens), None]
        # Features first, [width, L, B], from here to the logits: see _attention.py.
        h = jnp.moveaxis(h, 2, 0)
        for layer in range(self.depth):
            h = self._block(layer, h, draws)
        h = h[:, -1]
        if self.final_norm:
            h = self._norm("final_norm", h)
        shape, scale = (self.num_outputs,), self.init_scale
        readout = Linear(shape, draws.readout, scale, self.head_bias, draws.readout_bias, name="readout")
        logits = readout(h, table.T if self.tied_head else None)
        return logits.T * self.output_scale

    @nn.nowrap
    def _block(self, layer: int, h: Array, draws: Draws) -> Array:
        """Attention and MLP, each added to the residual stream: ``[width, L, B]`` to ``[width, Q, B]``.

        In the last layer only the last position is wanted (``Q = 1``, else ``L``): keys and values are those of all,
        everything else is its own.
        """
        kind, last = self.normalisation, layer == self.depth - 1
        norm_1, norm_2 = (functools.partial(self._norm, f"norm_{layer}_{place}") for place in (1, 2))
        attention = Attention(
            width=self.width,
            num_heads=self.num_heads,
            head_size=self.head_size,
            scale=self.attention_scale / self._sizes().head_size ** 0.5,
            draws=draws,
            init_scale=self.init_scale,
            use_bias=self.attention_bias,
            causal=self.causal,
            last_position=last,
            name=f"attention_{layer}",
        )
        mlp = MLP(
            width=self.width,
            mlp_width=self.mlp_width,
            activation=self.activation,
            draws=draws,
            init_scale=self.init_scale,
            use_bias=self.mlp_bias,
            active_mlp_width=self.active_mlp_width,
            name=f"mlp_{layer}",
        )
        if kind == "overwriting":
            h = norm_1(h)
        attended, weights = attention(norm_1(h) if kind == "pre" else h)
        h = (h[:, -1:] if last else h) + attended
        if kind == "post":
            h = norm_1(h)
        update, hidden = mlp(norm_2(h) if kind in ("pre", "overwriting") else h)
        h = h + update
        if kind == "post":
            h = norm_2(h)
        self.sow("intermediates", f"attention_weights_{layer}", jnp.moveaxis(weights, 2, 0))
        self.sow("intermediates", f"hidden_{layer}", hidden[:, -1].T)
        return h


def transformer(
    *,
    num_outputs: int,
    input_shape: tuple[int, ...],
    width: int = 128,
    depth: int = 2,
    num_heads: int = 4,
    head_size: int = 32,
    mlp_width: int = 512,
    activation: str = "exact_gelu",
    normalisation: str = "pre",
    final_norm: bool = True,
    attention_bias: bool = True,
    mlp_bias: bool = True,
    head_bias: bool = False,
    tied_head: bool = False,
    causal: bool = True,
    vocab_size: int = 0,
    num_positions: int = 0,
    initialisation: str = "standard",
    init_scale: ArrayLike = 1.0,
    attention_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
    active_num_heads: ArrayLike | None = None,
    active_head_size: ArrayLike | None = None,
    active_mlp_width: ArrayLike | None = None,
) -> Transformer:
    """A decoder transformer: the logits of the last of ``L`` positions, ``s (E[x_L] + P_L + ...) W``.

    Token embeddings ``E`` and learned positions ``P`` add to the residual stream ``h [L, width]``, to which every layer
    adds attention and an MLP. Head ``a`` of ``H`` adds ``sum_j softmax_j(t q_i . k_j / sqrt(head_size)) v_j O_a``, with
    ``q, k, v`` linear in its input and ``j <= i`` if causal; the MLP adds ``act(h U + b) V + c``.

    ===============  =============================================================================
    normalisation    one layer; ``n1, n2`` are layer norms with scale and bias
    ===============  =============================================================================
    ``none``         ``h += attention(h)``, ``h += mlp(h)``
    ``pre``          ``h += attention(n1(h))``, ``h += mlp(n2(h))``
    ``post``         ``h = n1(h + attention(h))``, ``h = n2(h + mlp(h))``
    ``overwriting``  ``h = n1(h)``, ``h += attention(h)``, ``h += mlp(n2(h))``: n1 replaces the residual
    ===============  =============================================================================

    Published networks, beside the defaults:

    ==================  ============================================  ===========================================
    ..                  grokfast (97, 4 tokens: 422,784 parameters)   Nanda et al. (113, 3 tokens: 226,816)
    ==================  ============================================  ===========================================
    num_outputs         99                                            114
    depth               2                                             1
    activation          ``"exact_gelu"``                              ``"relu"``
    normalisation       ``"overwriting"``                             ``"none"``
    final_norm          True                                          False
    attention_bias      True                                          False
    num_positions       5 (the last is never used)                    3
    initialisation      ``"reference"``                               ``"nanda"``
    ==================  ============================================  ===========================================

    ==================  =================================  ==================================  ====================
    initialisation      standard                           reference (PyTorch's defaults)      nanda
    ==================  =================================  ==================================  ====================
    embeddings          N(0, 1/2)                          N(0, 1)                             N(0, 1/width)
    positions           N(0, 1/2)                          N(0, 1)                             N(0, 1/width)
    query, key, value   N(0, 1/width)                      U(6 / (width + 3 inner))            N(0, 1/width)
    attention out       N(0, 1/inner)                      U(1/inner)                          N(0, 1/width)
    MLP in              N(0, 1/width)                      U(1/width)                          N(0, 1/width)
    MLP out             N(0, gain/mlp_width)               U(1/mlp_width)                      N(0, 1/width)
    readout             N(0, 1/width)                      U(1/width)                          N(0, 1/num_outputs)
    MLP, readout bias   0                                  U(1/fan_in)                         0
    ==================  =================================  ==================================  ====================

    ``N(0, v)`` has variance ``v``; ``U(s)`` is uniform between ``-sqrt(s)`` and ``sqrt(s)``;
    ``inner = num_heads * head_size``; ``gain = 1 / E[act(z)^2]``. Attention's biases start at 0, norms at scale 1.

    Cost: all positions in all layers but the last, where only the last position's query, output and MLP are computed.

    Args:
      num_outputs: ``C``.
      input_shape: ``(L,)``, at least 2 positions.
      width: of the residual stream, as stored: with ``active_width``, the bucket's width. So with the other sizes.
      depth: layers, at least 1.
      num_heads: ``H``.
      head_size: of queries, keys and values; usually ``width // num_heads``, which it does not follow by itself.
      mlp_width: hidden units of an MLP; usually ``4 * width``, which it does not follow by itself.
      activation: any of :func:`gendyn.models.mlp`; PyTorch's GELU is ``"exact_gelu"``.
      normalisation: ``"none"``, ``"pre"``, ``"post"`` or ``"overwriting"``.
      final_norm: a layer norm before the readout.
      attention_bias: biases of query, key, value and attention's output. The key's is without effect, and so is its
        gradient 0.
      mlp_bias: biases in the MLPs.
      head_bias: a bias of the readout.
      tied_head: the readout is the embedding table, transposed; the vocabulary must be as large as the outputs.
      causal: positions attend to earlier ones alone. The last one attends to all, so in one layer it makes no
        difference.
      vocab_size: tokens; 0: as many as outputs.
      num_positions: rows of the table of positions, at least ``L``; 0: ``L``.
      initialisation: ``"standard"``, ``"reference"`` or ``"nanda"``.
      init_scale: multiplies every initial parameter, scales of norms included (Omnigrok's alpha). May be traced.
      attention_scale: ``t``, multiplies the scores. May be traced.
      output_scale: ``s``, multiplies the logits. May be traced.
      active_width, active_num_heads, active_head_size, active_mlp_width: the run's own sizes when its parameters are
        zero-padded at the end of each axis; may be traced.

    Returns:
      A flax module; ``x [B, L]`` tokens, of any dtype that holds them. A token outside the vocabulary is a fault of the
      caller.

    Raises:
      ConfigError: a size or scale out of range, an unknown name, an input that is not one sequence, too few positions,
        or a tied head with a vocabulary of another size.

    >>> from gendyn.models import from_flax, parameter_count
    >>> network = transformer(num_outputs=99, input_shape=(4,), normalisation="overwriting", num_positions=5)
    >>> parameter_count(from_flax(network), (4,))
    422784

    References: Vaswani et al. (2017), arXiv:1706.03762, eq. 1; Xiong et al. (2020), arXiv:2002.04745 (pre and post);
    Lee et al. (2024), Grokfast, arXiv:2405.20233, and its code; Nanda et al. (2023), arXiv:2301.05217, and its code.
    """
    length = _check_shape(input_shape)
    check_widths(num_outputs, width, active_width)
    check_positive_int("depth", depth)
    _check_size("num_heads", num_heads, active_num_heads)
    _check_size("head_size", head_size, active_head_size)
    _check_size("mlp_width", mlp_width, active_mlp_width)
    check_choice("activation", activation, ACTIVATIONS)
    check_choice("normalisation", normalisation, NORMALISATIONS)
    check_choice("initialisation", initialisation, INITIALISATIONS)
    check_positive_int("vocab_size", vocab_size, low=0)
    check_positive_int("num_positions", num_positions, low=0)
    check_scales(init_scale=init_scale, attention_scale=attention_scale, output_scale=output_scale)
    if num_positions and num_positions < length:
        raise ConfigError(
            f"num_positions = {num_positions} must be at least the {length} positions of input_shape = {input_shape}. "
            "Leave it at 0 for exactly as many."
        )
    if tied_head and vocab_size not in (0, num_outputs):
        raise ConfigError(
            f"tied_head = True reads the logits off the embeddings, so vocab_size = {vocab_size} must be num_outputs = "
            f"{num_outputs}: leave it at 0, or set tied_head = False."
        )
    return Transformer(
        num_outputs=num_outputs,
        width=width,
        depth=depth,
        num_heads=num_heads,
        head_size=head_size,
        mlp_width=mlp_width,
        vocab_size=vocab_size or num_outputs,
        num_positions=num_positions or length,
        activation=activation,
        normalisation=normalisation,
        final_norm=final_norm,
        attention_bias=attention_bias,
        mlp_bias=mlp_bias,
        head_bias=head_bias,
        tied_head=tied_head,
        causal=causal,
        initialisation=initialisation,
        init_scale=init_scale,
        attention_scale=attention_scale,
        output_scale=output_scale,
        active_width=active_width,
        active_num_heads=active_num_heads,
        active_head_size=active_head_size,
        active_mlp_width=active_mlp_width,
    )


def _check_shape(input_shape: tuple[int, ...]) -> int:
    shape = tuple(input_shape)
    if len(shape) != 1 or shape[0] < 2:
        raise ConfigError(
            f"input_shape = {shape} must be (L,) with L of at least 2 for the model 'transformer', which reads tokens "
            "[B, L]: choose a task of token sequences, such as modular_arithmetic, or another model."
        )
    return int(shape[0])


def _check_size(name: str, size: int, active: ArrayLike | None) -> None:
    check_positive_int(name, size)
    if active is None or not is_concrete(active):
        return
    true = np.asarray(active)
    if true.ndim or not np.issubdtype(true.dtype, np.integer) or not 1 <= true <= size:
        raise ConfigError(
            f"active_{name} = {active} must be an integer in [1, {name} = {size}]: it is the run's own size, padded to "
            f"`{name}`. Leave it out for an unpadded network."
        )


def example() -> ModelExample:
    """A small case for contract tests."""
    sizes = {"depth": 1, "num_heads": 2, "head_size": 3, "mlp_width": 6}
    kwargs = {**sizes, "normalisation": "overwriting", "attention_bias": False}
    return ModelExample(kwargs=kwargs, input_shape=(3,), input_dtype="int32")
