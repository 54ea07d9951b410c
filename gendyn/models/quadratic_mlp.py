"""Two layers and a square between them: modular addition has an exact solution in this network."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from gendyn.core import check_choice, check_positive_int
from gendyn.models._checks import check_scales, check_widths
from gendyn.models._dense import Dense
from gendyn.models._tokens import INPUTS, one_hot
from gendyn.types import Array, ArrayLike, ModelExample


class _Scales(NamedTuple):
    """Initial standard deviation and multiplier of the first layer, and of the readout."""

    first: tuple[ArrayLike, ArrayLike]
    readout: tuple[ArrayLike, ArrayLike]


def _standard(fan_in: int, energy: int, width: ArrayLike) -> _Scales:
    # E[z^4] = 3 for a unit normal.
    return _Scales(((1.0 / energy) ** 0.5, 1.0), ((1.0 / (3.0 * width)) ** 0.5, 1.0))


def _mean_field(fan_in: int, energy: int, width: ArrayLike) -> _Scales:
    return _Scales((1.0, (1.0 / fan_in) ** 0.5), (1.0, 1.0 / width))


PARAMETRISATIONS = {"standard": _standard, "mean_field": _mean_field}


class QuadraticMLP(nn.Module):
    """See :func:`quadratic_mlp`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    inputs: str
    vocab_size: int
    parametrisation: str
    init_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: none."""
        return ()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Outputs ``[B, num_outputs]`` of tokens ``[B, L]`` or vectors ``[B, ...]``; sows ``hidden_0 [B, width]``."""
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        length = x.shape[1]
        if self.inputs == "tokens":
            x = one_hot(x, self.vocab_size)
        x = x.reshape(x.shape[0], -1)
        # E|x|^2: a one-hot code of L tokens has L ones, a standardised vector D numbers of mean square 1.
        energy = length if self.inputs == "tokens" else x.shape[-1]
        first, readout = PARAMETRISATIONS[self.parametrisation](x.shape[-1], energy, true_width)
        z = Dense(self.width, first[0] * self.init_scale, first[1], use_bias=False, name="dense_0")(x, train=train)
        hidden = jnp.square(z)
        self.sow("intermediates", "hidden_0", hidden)
        outputs = Dense(self.num_outputs, readout[0] * self.init_scale, readout[1], use_bias=False, name="readout")(
            hidden, train=train
        )
        return outputs * self.output_scale


def quadratic_mlp(
    *,
    num_outputs: int,
    width: int = 512,
    inputs: str = "tokens",
    vocab_size: int = 0,
    parametrisation: str = "standard",
    init_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> QuadraticMLP:
    """``f(x) = s m_2 (m_1 x W_1)^2 W_2``, without biases; ``x`` is a vector, or the one-hot codes of tokens in a row.

    With ``D`` the length of ``x`` (``L * vocab_size`` for tokens), ``E|x|^2 = L`` for tokens and ``D`` for vectors,
    and ``n`` the width:

    ===============  ===================  =============  =============  =========
    parametrisation  variance of W_1      m_1            var. of W_2    m_2
    ===============  ===================  =============  =============  =========
    standard         1 / E|x|^2           1              1 / (3 n)      1
    mean_field       1                    sqrt(1 / D)    1              1 / n
    ===============  ===================  =============  =============  =========

    The standard one has outputs of unit variance; the mean-field one outputs that vanish as ``1 / sqrt(n)``, and
    features that move at any width. ``init_scale a`` multiplies the outputs by ``a^3``.

    Args:
      num_outputs: ``C``.
      width: hidden units, as stored: with ``active_width``, the bucket's width.
      inputs: ``"tokens"`` (``x [B, L]``) or ``"vectors"`` (``x [B, ...]``, flattened).
      vocab_size: tokens; 0: as many as outputs. Unused for vectors.
      parametrisation: ``"standard"`` or ``"mean_field"``.
      init_scale: multiplies every initial weight. May be traced.
      output_scale: ``s``, multiplies the outputs. May be traced.
      active_width: the run's own width when its parameters are zero-padded to ``width``; may be traced.

    Returns:
      A flax module.

    Raises:
      ConfigError: a size or scale out of range, an unknown kind of inputs or parametrisation.

    >>> import jax
    >>> module = quadratic_mlp(num_outputs=97, width=256)
    >>> variables = module.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))
    >>> jax.tree.map(jnp.shape, variables["params"])
    {'dense_0': {'kernel': (194, 256)}, 'readout': {'kernel': (256, 97)}}

    Reference: Gromov (2023), Grokking modular arithmetic, arXiv:2301.02679 (network and exact solution).
    """
    check_widths(num_outputs, width, active_width)
    check_choice("inputs", inputs, INPUTS)
    check_positive_int("vocab_size", vocab_size, low=0)
    check_choice("parametrisation", parametrisation, PARAMETRISATIONS)
    check_scales(init_scale=init_scale, output_scale=output_scale)
    return QuadraticMLP(
        num_outputs=num_outputs,
        width=width,
        inputs=inputs,
        vocab_size=vocab_size or num_outputs,
        parametrisation=parametrisation,
        init_scale=init_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={}, input_shape=(2,), input_dtype="int32")
