"""A flax.nnx module as a :class:`gendyn.types.Model`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gendyn.core import ConfigError, check_key, is_concrete
from gendyn.models._modes import call_of, check_outputs, mode_of
from gendyn.types import Array, Model, PyTree, Variables


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module], *, outputs: Callable[[Any], Array] | None = None) -> Model:
    """A flax.nnx module through ``split`` and ``merge``.

    An nnx module holds its arrays, so one instance has one seed; runs differ by theirs, hence the argument is what
    *builds* the module. ``nnx.Param`` are the parameters, all other variables the statistics (BatchNorm moments),
    without the state of random streams: in training each stream begins anew at the ``key`` of ``apply``. What is sown
    (``nnx.Intermediate``) is dropped. ``train`` selects ``module.train()`` or ``module.eval()``, and is told to
    arguments and attributes that are called ``train``, ``training``, ``deterministic`` and the like. An argument
    ``rngs`` of ``__call__`` gets an ``nnx.Rngs`` of the key.

    Args:
      build: ``rngs -> module``, a pure function, such as ``lambda rngs: nnx.Linear(5, 3, rngs=rngs)``.
      outputs: picks the outputs ``[B, C]`` out of what ``__call__`` returns, where that is a tuple or a dict.

    Raises:
      ConfigError: ``build`` is a module already, or no function; ``__call__`` needs an argument that nobody gives. When
        applied: no key for a module that draws in training, a draw in evaluation, dropout that stays off in training,
        or no single array of outputs.

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

    def split(module: nnx.Module) -> tuple[Any, nnx.State, nnx.State, nnx.State]:
        parts: Any = nnx.split(module, nnx.Param, nnx.RngState, nnx.Intermediate, ...)
        graph, params, random, _, statistics = parts
        return graph, params, random, statistics

    # Everything static of the module, from an abstract build: no array is made here.
    abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    graph, params_like, random_like, statistics_like = split(abstract)
    rngs_graph, rngs_like = nnx.split(nnx.eval_shape(lambda: nnx.Rngs(0)))
    name = type(abstract).__name__
    call = call_of(type(abstract).__call__, f"{name}.__call__", inputs=2, given=("rngs",))
    draws = bool(call.given) or bool(jax.tree.leaves(random_like))

    def init(key: Array, x: Array) -> Variables:
        del x
        check_key("key", key)
        _, params, _, statistics = split(build(nnx.Rngs(key)))
        return Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(statistics))

    def restore(like: nnx.State, values: PyTree) -> nnx.State:
        state = jax.tree.map(lambda leaf: leaf, like)
        nnx.replace_by_pure_dict(state, values)
        return state

    def apply(variables: Variables, x: Array, *, train: bool = False, key: Array | None = None) -> tuple[Array, PyTree]:
        if train and draws and key is None:
            raise ConfigError(f"{name} draws at random in training: call apply(variables, x, train=True, key=key).")
        if key is None or not train:  # in evaluation a draw is refused below, whatever key it was made with
            key = jax.random.key(0)
        params, statistics = restore(params_like, variables.params), restore(statistics_like, variables.statistics)
        module: Any = nnx.merge(graph, params, _streams(random_like, key), statistics)
        _set_mode(module, train)
        rngs = {argument: nnx.merge(rngs_graph, _streams(rngs_like, key)) for argument in call.given}
        returned = module(x, **call.arguments(train), **rngs)
        if train:
            _refuse_silent_dropout(module, name)
        elif any(map(_drawn, (*rngs.values(), module))):
            raise ConfigError(
                f"{name} draws at random in evaluation too, which must be deterministic. Draw only where the module "
                "trains: nnx's own modules follow module.eval(), yours an attribute or an argument train."
            )
        chosen = check_outputs(
            returned if outputs is None else outputs(returned),
            name,
            "from_nnx(build, outputs=lambda returned: returned[0])",
        )
        return chosen, nnx.to_pure_dict(split(module)[3]) if train else variables.statistics

    return Model(init=init, apply=apply, takes_key=draws)


def _streams(like: nnx.State, key: Array) -> nnx.State:
    """The state of the random streams at the start of a step: each its own key, no draw made."""
    leaves, treedef = jax.tree.flatten(like)
    fresh: list[Any] = []
    for place, leaf in enumerate(leaves):
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            fresh.append(np.zeros(leaf.shape, leaf.dtype))  # known while tracing, so that a draw shows
        else:
            own = jax.random.fold_in(key, place)
            fresh.append(jax.random.split(own, leaf.shape) if leaf.shape else own)
    return jax.tree.unflatten(treedef, fresh)


def _set_mode(module: nnx.Module, train: bool) -> None:
    """Every switch of every part, by nnx's own names and by all others."""
    if train:
        module.train()
    else:
        module.eval()
    for _, part in nnx.iter_modules(module):
        for name, value in list(vars(part).items()):
            mode = mode_of(name, train)
            if mode is not None and isinstance(value, bool):
                setattr(part, name, mode)


def _unused(count: Any) -> bool:
    """Whether a stream that began at 0 has made no draw."""
    return is_concrete(count) and not np.any(count)


def _drawn(holder: Any) -> bool:
    counts = jax.tree.leaves(nnx.state(holder, nnx.RngCount))
    return not all(map(_unused, counts))


def _refuse_silent_dropout(module: nnx.Module, name: str) -> None:
    for path, part in nnx.iter_modules(module):
        if isinstance(part, nnx.Dropout) and part.rate > 0 and part.rngs is not None and _unused(part.rngs.count[...]):
            raise ConfigError(
                f"{name}: {'/'.join(map(str, path))} (Dropout, rate {part.rate}) draws nothing in training: it is not "
                "called, or called with deterministic=True. Pass deterministic=not train on from an argument train; "
                "for no dropout at all set its rate to 0."
            )
