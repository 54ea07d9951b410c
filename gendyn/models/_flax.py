"""A flax.linen module as a :class:`gendyn.types.Model`."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
from flax.errors import InvalidRngError, ModifyScopeVariableError

from gendyn.core import ConfigError, check_key, stream
from gendyn.models._lazy import lazy_init
from gendyn.models._modes import call_of, check_outputs, mode_of
from gendyn.types import Array, Model, PyTree, Variables


def from_flax(
    module: nn.Module, *, streams: tuple[str, ...] = ("dropout",), outputs: Callable[[Any], Array] | None = None
) -> Model:
    """A flax.linen module as a pair of pure functions.

    ``init(key, x)`` equals ``module.init(key, x)`` to the bit without running the forward pass; ``x`` may be a
    ``jax.ShapeDtypeStruct``. Whether it trains is told to every argument of ``__call__``, and to every field of the
    module, that is called ``train``, ``training``, ``is_training``, ``deterministic``, ``use_running_average``,
    ``inference`` and the like. In training the random streams are drawn from the ``key`` of ``apply``.

    Args:
      module: maps ``x [B, ...]`` to outputs ``[B, C]``. Every collection but ``"params"`` is a statistic, without those
        that are only sown: they are outputs of one forward pass. A method ``learning_rate_scales(params, family)``,
        where there is one, is passed on.
      streams: names of the random streams that the module asks for in training.
      outputs: picks the outputs out of what ``__call__`` returns, where that is a tuple or a dict.

    Raises:
      ConfigError: ``module`` is not an instance of ``flax.linen.Module``; ``__call__`` needs an argument that nobody
        gives. When applied: a stream that is not in ``streams``, a draw in evaluation, dropout that stays off in
        training, a statistic that changes its shape, or no single array of outputs.

    >>> model = from_flax(nn.Dense(3))
    >>> variables = model.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 5), "float32"))
    >>> model.apply(variables, jax.numpy.ones((2, 5)))[0].shape, variables.statistics
    ((2, 3), {})
    """
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"module = {module!r} must be an instance of flax.linen.Module. For flax.nnx use from_nnx, for plain "
            "functions from_functions."
        )
    if not isinstance(streams, tuple) or not all(isinstance(name, str) for name in streams):
        raise ConfigError(f"streams = {streams!r} must be a tuple of names, such as ('dropout', 'noise').")
    name = type(module).__name__
    # As flax itself, a field that is None leaves the choice to the call.
    fields = tuple(f.name for f in dataclasses.fields(module) if isinstance(getattr(module, f.name), bool))
    switches = tuple(field for field in fields if mode_of(field, train=True) is not None)
    call = call_of(type(module).__call__, f"{name}.__call__", inputs=2, attributes=switches)

    def in_mode(train: bool) -> nn.Module:
        values: dict[str, Any] = {field: mode_of(field, train) for field in switches}
        return module.clone(**values) if switches else module

    initialise = lazy_init(in_mode(False), call.arguments(False))

    def init(key: Array, x: Array) -> Variables:
        check_key("key", key)
        collections = dict(initialise(key, x))
        params = collections.pop("params", {})
        return Variables(params=params, statistics=collections)

    def apply(variables: Variables, x: Array, *, train: bool = False, key: Array | None = None) -> tuple[Array, PyTree]:
        collections = {"params": variables.params, **variables.statistics}
        rngs = {} if key is None or not train else {stream_name: stream(key, stream_name) for stream_name in streams}
        told: dict[str, Any] = dict(call.arguments(train))
        if train:
            told["mutable"] = list(variables.statistics)
        try:
            with nn.intercept_methods(_refuse_silent_dropout if train else _as_it_is):
                found: Any = in_mode(train).apply(collections, x, rngs=rngs, **told)
        except InvalidRngError as error:
            raise ConfigError(_no_stream(name, train, key, streams, error)) from error
        except ModifyScopeVariableError as error:
            raise ConfigError(
                f"{name} changes its statistics in evaluation ({error}). Give __call__ an argument train, and use "
                "use_running_average=not train."
            ) from error
        returned, statistics = found if train else (found, variables.statistics)
        if train:
            statistics = dict(statistics)
            _check_statistics(name, variables.statistics, statistics)
        chosen = returned if outputs is None else outputs(returned)
        return check_outputs(chosen, name, "from_flax(module, outputs=lambda returned: returned[0])"), statistics

    scales = getattr(module, "learning_rate_scales", None)
    return Model(init=init, apply=apply, learning_rate_scales=scales, takes_key=True)


def _no_stream(name: str, train: bool, key: Array | None, streams: tuple[str, ...], error: Exception) -> str:
    if not train:
        return (
            f"{name} draws at random in evaluation too, which must be deterministic ({error}). Give __call__ an "
            "argument train, or deterministic, and draw only in training."
        )
    if key is None:
        return f"{name} draws at random in training ({error}): call apply(variables, x, train=True, key=key)."
    return (
        f"{name} asks for a random stream that is not in streams = {streams} ({error}): name it, "
        "from_flax(module, streams=(...))."
    )


def _as_it_is(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
    del context
    return call(*args, **kwargs)


def _refuse_silent_dropout(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
    """Runs a method of a module; raises :class:`ConfigError` for dropout that stays off in training."""
    module = context.module
    rate = getattr(module, "rate", getattr(module, "dropout_rate", 0.0))
    if context.method_name == "__call__" and isinstance(rate, int | float) and rate > 0:
        told = inspect.signature(type(module).__call__).bind_partial(module, *args, **kwargs).arguments
        off = told.get("deterministic")
        if (getattr(module, "deterministic", None) if off is None else off) is True:
            raise ConfigError(
                f"{'/'.join(module.path)} ({type(module).__name__}, rate {rate}) is deterministic in training, so that "
                "nothing is dropped. Give the network's __call__ an argument train and pass deterministic=not train "
                "on; for no dropout at all set its rate to 0."
            )
    return call(*args, **kwargs)


def _check_statistics(name: str, before: Mapping[str, PyTree], after: Mapping[str, PyTree]) -> None:
    for collection, old in before.items():
        new = after.get(collection, {})
        forms: list[Any] = [jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), tree) for tree in (old, new)]
        if forms[0] != forms[1]:
            raise ConfigError(
                f"{name}: the collection {collection!r} changes its shapes in training, from "
                f"{jax.tree.map(lambda leaf: leaf.shape, old)} to {jax.tree.map(lambda leaf: leaf.shape, new)}; a "
                "statistic keeps them. Use sow for what is an output of the forward pass."
            )
