"""A multilayer perceptron of any depth and activation, in standard, NTK or maximal-update parametrisation."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from gendyn.core import check_choice, check_positive_int
from gendyn.models._activations import ACTIVATIONS, activate, profile
from gendyn.models._checks import check_scales, check_widths
from gendyn.models._dense import Dense
from gendyn.types import Array, ArrayLike, ModelExample, PyTree


class _Scale(NamedTuple):
    """How one layer's kernel is drawn, applied and stepped."""

    std: ArrayLike
    multiplier: ArrayLike
    learning_rate: dict[str, ArrayLike]
    """Family -> factor on the kernel's updates."""
    bias_learning_rate: dict[str, ArrayLike]


_PLAIN: dict[str, ArrayLike] = {"sgd": 1.0, "adam": 1.0}


def _standard(gain: float, fan_in: ArrayLike, role: str, relative_width: ArrayLike) -> _Scale:
    del role, relative_width
    return _Scale((gain / fan_in) ** 0.5, 1.0, _PLAIN, _PLAIN)


def _ntk(gain: float, fan_in: ArrayLike, role: str, relative_width: ArrayLike) -> _Scale:
    del role, relative_width
    return _Scale(1.0, (gain / fan_in) ** 0.5, _PLAIN, _PLAIN)


def _mup(gain: float, fan_in: ArrayLike, role: str, relative_width: ArrayLike) -> _Scale:
    wide: dict[str, ArrayLike] = {"sgd": relative_width, "adam": 1.0}
    std = (gain / fan_in) ** 0.5
    if role == "input":
        return _Scale(std, 1.0, wide, wide)
    if role == "hidden":
        return _Scale(std, 1.0, {"sgd": 1.0, "adam": 1.0 / relative_width}, wide)
    # The readout's own variance does not depend on the width: gain / base_width = gain / fan_in * relative_width.
    return _Scale((gain / fan_in * relative_width) ** 0.5, 1.0 / relative_width, wide, _PLAIN)


PARAMETRISATIONS = {"standard": _standard, "ntk": _ntk, "mup": _mup}


class MLP(nn.Module):
    """See :func:`mlp`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    depth: int
    activation: str
    use_bias: bool
    parametrisation: str
    base_width: int
    init_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: none."""
        return ()

    @nn.nowrap
    def _scale(self, layer: int, input_size: int) -> _Scale:
        """The scales of layer ``0 .. depth`` (``depth`` is the readout) on inputs of ``input_size`` numbers."""
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        role = "output" if layer == self.depth else "input" if layer == 0 else "hidden"
        # No activation has acted on the data, so the first layer has gain 1.
        gain = profile(self.activation).gain if layer else 1.0
        fan_in: ArrayLike = true_width if layer else input_size
        # A linear model (depth 0) has no width, hence no width scaling.
        relative_width = true_width / self.base_width if self.depth else 1.0
        return PARAMETRISATIONS[self.parametrisation](gain, fan_in, role, relative_width)

    @nn.nowrap
    def _name(self, layer: int) -> str:
        return "readout" if layer == self.depth else f"dense_{layer}"

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of ``x [B, ...]``; sows the intermediates ``hidden_<layer> [B, width]``."""
        x = x.reshape(x.shape[0], -1)
        input_size = x.shape[-1]
        for layer in range(self.depth + 1):
            scale = self._scale(layer, input_size)
            features = self.num_outputs if layer == self.depth else self.width
            std = scale.std * self.init_scale
            x = Dense(features, std, scale.multiplier, self.use_bias, name=self._name(layer))(x, train=train)
            if layer < self.depth:
                x = activate(self.activation, x, self.active_width)
                self.sow("intermediates", f"hidden_{layer}", x)
        return x * self.output_scale

    @nn.nowrap
    def learning_rate_scales(self, params: PyTree, family: str) -> PyTree:
        """A float32 scalar for every parameter, by which its updates are multiplied; all 1 except under muP.

        The whole update is meant, before any decoupled weight decay: decay is not a gradient and keeps its own rate.

        Args:
          params: the module's parameters, or anything of their structure.
          family: ``"sgd"`` (updates linear in the gradient) or ``"adam"`` (of its sign and unit size).

        Raises:
          ConfigError: an unknown family.
        """
        check_choice("family", family, _PLAIN)
        scales = {}
        for layer in range(self.depth + 1):
            scale = self._scale(layer, input_size=1)  # the learning rate does not depend on the input's size
            by_leaf = {"kernel": scale.learning_rate[family], "bias": scale.bias_learning_rate[family]}
            name = self._name(layer)
            scales[name] = {leaf: jnp.asarray(by_leaf[leaf], jnp.float32) for leaf in params[name]}
        return scales


def mlp(
    *,
    num_outputs: int,
    width: int = 64,
    depth: int = 2,
    activation: str = "relu",
    use_bias: bool = True,
    parametrisation: str = "standard",
    base_width: int = 64,
    init_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> MLP:
    """A multilayer perceptron: ``z_l = m_l h_{l-1} W_l + b_l``, ``h_l = act(z_l)``, ``h_0 = x``; logits ``s z_{L+1}``.

    With ``L`` the depth, ``n`` the width, ``n~ = n / base_width``, ``D`` the input size and ``gain = 1 / E[act(z)^2]``
    for ``z ~ N(0, 1)`` (2 for relu), but 1 for the first layer, which no activation precedes. So inputs of unit mean
    square give pre-activations and (except under muP, whose first logits vanish with width) logits of unit variance:

    ============  ================  ==========  ============  =======================  ==============
    layer                           standard    ntk           mup                      factor on lr (mup)
    ============  ================  ==========  ============  =======================  ==============
    input         variance          1/D         1             1/D                      sgd n~, adam 1
    ..            multiplier m      1           sqrt(1/D)     1
    hidden        variance          gain/n      1             gain/n                   sgd 1, adam 1/n~
    ..            multiplier m      1           sqrt(gain/n)  1
    readout       variance          gain/n      1             gain/base_width          sgd n~, adam 1
    ..            multiplier m      1           sqrt(gain/n)  1/n~
    hidden bias   (starts at 0)     --          --            --                       sgd n~, adam 1
    readout bias  (starts at 0)     --          --            --                       sgd 1, adam 1
    ============  ================  ==========  ============  =======================  ==============

    muP is table 8 of Tensor Programs V (equivalent to its table 3 by rescaling the parameter: a multiplier
    ``1/n`` in place of a variance ``1/n^2``), with every width taken relative to ``base_width``, where it is the
    standard parametrisation. Its learning-rate factors are :meth:`MLP.learning_rate_scales`.

    Args:
      num_outputs: ``C``.
      width: units of each hidden layer, as stored: with ``active_width``, the bucket's width.
      depth: hidden layers; 0 is a linear model.
      activation: relu, gelu, silu, tanh, quadratic, sigmoid, identity, sin, cos, softplus, elu, leaky_relu, ...
      use_bias: biases in every layer.
      parametrisation: ``"standard"``, ``"ntk"`` or ``"mup"``.
      base_width: where muP equals the standard parametrisation; unused otherwise.
      init_scale: multiplies every initial weight (not the biases, which start at 0). May be traced.
      output_scale: ``s``, multiplies the logits. May be traced.
      active_width: the run's own width when its parameters are zero-padded to ``width``; may be traced. Parameters must
        be drawn at their own width and then padded: ``init`` of a padded module fills the padding too.

    Returns:
      A flax module; ``x [B, ...]`` is flattened to ``[B, D]``.

    Raises:
      ConfigError: a width, depth or scale out of range, or an unknown activation or parametrisation.

    >>> import jax
    >>> module = mlp(num_outputs=10, width=32, depth=1)
    >>> variables = module.init(jax.random.key(0), jnp.ones((1, 8, 8, 1)))
    >>> jax.tree.map(jnp.shape, variables["params"]["dense_0"])
    {'bias': (32,), 'kernel': (64, 32)}

    References: He et al. (2015), arXiv:1502.01852, eq. 10; Jacot et al. (2018), arXiv:1806.07572, section 3;
    Yang & Hu et al. (2022), Tensor Programs V, arXiv:2203.03466, tables 3 and 8.
    """
    check_widths(num_outputs, width, active_width)
    check_positive_int("depth", depth, low=0)
    check_choice("activation", activation, ACTIVATIONS)
    check_choice("parametrisation", parametrisation, PARAMETRISATIONS)
    check_positive_int("base_width", base_width)
    check_scales(init_scale=init_scale, output_scale=output_scale)
    return MLP(
        num_outputs=num_outputs,
        width=width,
        depth=depth,
        activation=activation,
        use_bias=use_bias,
        parametrisation=parametrisation,
        base_width=base_width,
        init_scale=init_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={"depth": 2}, input_shape=(7,))
