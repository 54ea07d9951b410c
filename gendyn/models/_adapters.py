"""Two plain functions as a :class:`gendyn.types.Model`, and what every model has: a form and a size."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key
from gendyn.models._flax import from_flax
from gendyn.models._modes import Call, call_of, check_outputs
from gendyn.types import Array, Model, PyTree, Variables


def as_model(built: nn.Module | Model) -> Model:
    """What a file of this room returns, as a model: a :class:`gendyn.types.Model` itself, or a flax module adapted."""
    return built if isinstance(built, Model) else from_flax(built)


def from_functions(init: Callable[[Array, Array], PyTree], apply: Callable[..., Array]) -> Model:
    """A plain pair ``init(key, x) -> params``, ``apply(params, x) -> [B, C]`` (haiku, stax, a dict and two lines).

    Where ``apply`` has an argument ``key``, it gets a key of its own at each step of training, and ``None`` in
    evaluation: for dropout and other noise. Where it has one of the names of :func:`from_flax`, such as ``train``, it
    is told whether it trains.

    Raises:
      ConfigError: ``init`` or ``apply`` is no function, or they look swapped; ``apply`` needs an argument that nobody
        gives, or takes a key before ``x``. When applied: no single array of outputs.

    >>> model = from_functions(lambda key, x: {"w": jnp.zeros((x.shape[-1], 3))}, lambda params, x: x @ params["w"])
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> model.apply(variables, jnp.ones((2, 5)))[0].shape
    (2, 3)
    """
    for name, function in (("init", init), ("apply", apply)):
        if not callable(function):
            raise ConfigError(f"{name} = {function!r} must be a function; from_functions(init, apply).")
    call = _call_of(init, apply)

    def wrapped_init(key: Array, x: Array) -> Variables:
        check_key("key", key)
        return Variables(params=init(key, x), statistics={})

    def wrapped_apply(
        variables: Variables, x: Array, *, train: bool = False, key: Array | None = None
    ) -> tuple[Array, PyTree]:
        told: dict[str, Any] = dict(call.arguments(train))
        if call.given:
            if train and key is None:
                raise ConfigError("apply draws at random in training: call apply(variables, x, train=True, key=key).")
            told["key"] = key if train else None
        outputs = check_outputs(apply(variables.params, x, **told), "apply", "lambda params, x: apply(params, x)[0]")
        return outputs, variables.statistics

    return Model(init=wrapped_init, apply=wrapped_apply, takes_key=bool(call.given))


_KEYS = ("key", "rng", "rngs", "prng_key", "rng_key")
"""What a first argument is called that is a random key."""


def _call_of(init: Callable[..., Any], apply: Callable[..., Any]) -> Call:
    try:
        first = [next(iter(inspect.signature(function).parameters), "") for function in (init, apply)]
        names = list(inspect.signature(apply).parameters)
    except ValueError:  # a function of C has no signature
        return Call((), ())
    if first[1] in _KEYS and first[0] not in _KEYS:
        raise ConfigError(
            f"apply's first argument is {first[1]!r}, and init's is {first[0]!r}: the two look swapped. Write "
            "from_functions(init, apply), with init(key, x) and apply(params, x)."
        )
    if len(names) > 2 and names[1] in _KEYS:
        raise ConfigError(
            f"apply takes {names[1]!r} before its inputs, as haiku's does. Write from_functions(init, lambda params, "
            "x, key: apply(params, key, x)): key is None in evaluation."
        )
    return call_of(apply, "apply", inputs=2, given=("key",))


def parameter_count(model: Model, input_shape: tuple[int, ...]) -> int:
    """The number of trained parameters, by abstract evaluation: nothing is allocated or compiled.

    Args:
      model: any model; statistics are not counted.
      input_shape: shape of one example, without the batch axis.

    Raises:
      ConfigError: ``model`` is none, such as a flax module that was not adapted.

    >>> parameter_count(from_flax(nn.Dense(3)), (5,))
    18
    """
    if not isinstance(model, Model):
        raise ConfigError(
            f"model = {type(model).__name__} must be a gendyn.types.Model: from_flax(module), from_nnx(build) or "
            "from_functions(init, apply) makes one."
        )
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    variables = jax.eval_shape(lambda x: model.init(jax.random.key(0), x), x)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
