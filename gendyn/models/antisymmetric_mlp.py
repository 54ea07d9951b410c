"""The difference of two equal perceptrons: a network that answers exactly 0 at the start."""

from gendyn.models._flax import from_flax
from gendyn.models.mlp import mlp
from gendyn.types import Array, ArrayLike, Model, ModelExample, PyTree, Variables


def antisymmetric_mlp(
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
) -> Model:
    """``f(x) = (h(x; w+) - h(x; w-)) / sqrt(2)`` with ``h`` an :func:`mlp` and ``w+ = w-`` at the start.

    The initial function is 0 for every ``output_scale``, which random initial outputs would otherwise dominate where
    the scale is large; the tangent kernel at the start is that of ``h``. So a sweep over ``output_scale`` changes
    laziness and nothing else. Twice the parameters and operations of :func:`mlp`, whose arguments these are.

    Args:
      num_outputs: ``K``.
      width: units of each hidden layer of ``h``, as stored: with ``active_width``, the bucket's width.
      depth: hidden layers; 0 is a linear model.
      activation, use_bias, parametrisation, base_width: as of :func:`mlp`.
      init_scale: multiplies every initial weight (not the biases, which start at 0). May be traced.
      output_scale: ``s``, multiplies the logits. May be traced.
      active_width: units that exist; may be traced. The others are padding.

    Returns:
      A model whose parameters are ``{"plus": ..., "minus": ...}``, each as the perceptron's.

    Raises:
      ConfigError: as :func:`mlp`.

    >>> import jax
    >>> model = antisymmetric_mlp(num_outputs=1, width=8)
    >>> x = jax.random.normal(jax.random.key(1), (3, 5))
    >>> outputs, _ = model.apply(model.init(jax.random.key(0), x[:1]), x)
    >>> bool((outputs == 0).all())
    True

    Reference: Chizat, Oyallon & Bach (2019), On lazy training in differentiable programming, section 1.1; Zhang, Xu,
    Luo & Ma (2020), A type of generalization error induced by initialization in deep neural networks (ASI).
    """
    module = mlp(
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
    half = from_flax(module)

    def init(key: Array, x: Array) -> Variables:
        params = half.init(key, x).params
        return Variables({"plus": params, "minus": params}, {})

    def apply(variables: Variables, x: Array, *, train: bool = False) -> tuple[Array, PyTree]:
        params = variables.params
        plus, minus = (half.apply(Variables(params[sign], {}), x, train=train)[0] for sign in ("plus", "minus"))
        return (plus - minus) * 0.5**0.5, variables.statistics

    def learning_rate_scales(params: PyTree, family: str) -> PyTree:
        return {sign: module.learning_rate_scales(params[sign], family) for sign in ("plus", "minus")}

    return Model(init, apply, learning_rate_scales)


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={"depth": 1}, input_shape=(5,))
