"""Networks of any make as a :class:`gendyn.types.Model`: a flax module, an nnx module, or two plain functions."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from gendyn.core import ConfigError
from gendyn.models._lazy import lazy_init
from gendyn.types import Array, Model, PyTree, Variables


def from_flax(module: nn.Module) -> Model:
    """A flax.linen module as a pair of pure functions.

    ``init(key, x)`` equals ``module.init(key, x)`` to the bit without running the forward pass; ``x`` may be a
    ``jax.ShapeDtypeStruct``. ``train`` reaches modules whose ``__call__`` has it.

    Args:
      module: maps ``x [B, ...]`` to outputs ``[B, C]``. Every collection but ``"params"`` is a statistic. A method
        ``learning_rate_scales(params, family)``, where there is one, is passed on.

    Raises:
      ConfigError: ``module`` is not an instance of ``flax.linen.Module``.

    >>> model = from_flax(nn.Dense(3))
    >>> variables = model.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 5), jnp.float32))
    >>> model.apply(variables, jnp.ones((2, 5)))[0].shape, variables.statistics
    ((2, 3), {})
    """
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"module = {module!r} must be an instance of flax.linen.Module. For flax.nnx use from_nnx, for plain "
            "functions from_functions."
        )
    initialise = lazy_init(module)
    takes_train = "train" in inspect.signature(type(module).__call__).parameters

    def init(key: Array, x: Array) -> Variables:
        collections = dict(initialise(key, x))
        params = collections.pop("params", {})
        return Variables(params=params, statistics=collections)

    def apply(variables: Variables, x: Array, *, train: bool = False) -> tuple[Array, PyTree]:
        arguments: dict[str, Any] = {"train": train} if takes_train else {}
        collections = {"params": variables.params, **variables.statistics}
        if not train:
            return module.apply(collections, x, **arguments), variables.statistics  # type: ignore[return-value]
        outputs, statistics = module.apply(collections, x, mutable=list(variables.statistics), **arguments)
        return outputs, dict(statistics)

    return Model(init=init, apply=apply, learning_rate_scales=getattr(module, "learning_rate_scales", None))


def as_model(built: nn.Module | Model) -> Model:
    """What a file of this room returns, as a model: a :class:`gendyn.types.Model` itself, or a flax module adapted."""
    return built if isinstance(built, Model) else from_flax(built)


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module]) -> Model:
    """A flax.nnx module through ``split`` and ``merge``.

    An nnx module holds its arrays, so one instance has one seed; runs differ by theirs, hence the argument is what
    *builds* the module. ``nnx.Param`` are the parameters, all other variables the statistics (BatchNorm moments,
    dropout's keys and counters); ``train`` selects ``module.train()`` or ``module.eval()``.

    Args:
      build: ``rngs -> module``, a pure function, such as ``lambda rngs: nnx.Linear(5, 3, rngs=rngs)``.

    Raises:
      ConfigError: ``build`` is a module already.

    >>> model = from_nnx(lambda rngs: nnx.Linear(5, 3, rngs=rngs))
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> model.apply(variables, jnp.ones((2, 5)))[0].shape
    (2, 3)
    """
    if isinstance(build, nnx.Module):
        raise ConfigError(
            f"build = {type(build).__name__}(...) is an nnx module with its parameters drawn; every run draws its own. "
            "Pass a function of nnx.Rngs, such as `lambda rngs: MyModule(..., rngs=rngs)`."
        )

    def split(module: nnx.Module) -> tuple[Any, nnx.State, nnx.State]:
        graph, params, *statistics = nnx.split(module, nnx.Param, ...)
        return graph, params, statistics[0]

    # Everything static of the module, from an abstract build: no array is made here.
    abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    graph, params_like, statistics_like = split(abstract)

    def init(key: Array, x: Array) -> Variables:
        del x
        _, params, statistics = split(build(nnx.Rngs(key)))
        return Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(statistics))

    def restore(like: nnx.State, values: PyTree) -> nnx.State:
        state = jax.tree.map(lambda leaf: leaf, like)
        nnx.replace_by_pure_dict(state, values)
        return state

    def apply(variables: Variables, x: Array, *, train: bool = False) -> tuple[Array, PyTree]:
        params = restore(params_like, variables.params)
        module: Any = nnx.merge(graph, params, restore(statistics_like, variables.statistics))
        if not train:
            module.eval()
            return module(x), variables.statistics
        module.train()
        outputs = module(x)
        _, _, statistics = split(module)
        return outputs, nnx.to_pure_dict(statistics)

    return Model(init=init, apply=apply)


def from_functions(init: Callable[[Array, Array], PyTree], apply: Callable[[PyTree, Array], Array]) -> Model:
    """A plain pair ``init(key, x) -> params``, ``apply(params, x) -> [B, C]`` (haiku, stax, a dict and two lines).

    >>> model = from_functions(lambda key, x: {"w": jnp.zeros((x.shape[-1], 3))}, lambda params, x: x @ params["w"])
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> model.apply(variables, jnp.ones((2, 5)))[0].shape
    (2, 3)
    """

    def wrapped_init(key: Array, x: Array) -> Variables:
        return Variables(params=init(key, x), statistics={})

    def wrapped_apply(variables: Variables, x: Array, *, train: bool = False) -> tuple[Array, PyTree]:
        del train
        return apply(variables.params, x), variables.statistics

    return Model(init=wrapped_init, apply=wrapped_apply)


def parameter_count(model: Model, input_shape: tuple[int, ...]) -> int:
    """The number of trained parameters, by abstract evaluation: nothing is allocated or compiled.

    Args:
      model: any model; statistics are not counted.
      input_shape: shape of one example, without the batch axis.

    >>> parameter_count(from_flax(nn.Dense(3)), (5,))
    18
    """
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    variables = jax.eval_shape(lambda x: model.init(jax.random.key(0), x), x)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
