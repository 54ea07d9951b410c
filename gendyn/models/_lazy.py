"""Initialising a flax module without running it: only what the variables depend on is executed."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from flax.core.scope import DenyList
from flax.errors import FlaxError
from jax.interpreters import partial_eval

from gendyn.core import ConfigError
from gendyn.models._initialisers import draw, recording
from gendyn.types import Array, PyTree


class _Drawn(NamedTuple):
    """A leaf to be drawn after the trace; its key, and its std if that was traced, are outputs of the trace."""

    shape: tuple[int, ...]
    std: Any
    """A concrete number, or ``None``: an output of the trace."""


class _Traced(NamedTuple):
    """The deferred initialisation: a jaxpr from ``(key, x)``, and how its outputs become the leaves."""

    jaxpr: Any
    constants: list[Any]
    uses: list[bool]
    leaves: list[_Drawn | None]
    """One per leaf; ``None``: the leaf itself is an output."""
    structure: Any


def _trace(module: nn.Module, arguments: dict[str, Any], key: Array, x: Array) -> _Traced:
    leaves: list[_Drawn | None] = []
    structures: list[Any] = []

    def outputs(key: Array, x: Array) -> list[Array]:
        with recording() as draws:
            variables = module.init(key, x, **arguments)
        others = variables.keys() - {"params", "batch_stats"}
        sown = {name for name in others if _only_sown(name, module, arguments, key, x)}
        arrays, structure = jax.tree.flatten(_without(sown, variables))
        structures.append(structure)
        pending = {id(found.placeholder): found for found in draws}
        lost = pending.keys() - {id(array) for array in arrays}
        if lost:  # a draw was used on the way to a leaf, so it has to be made inside the trace
            pending = {}
            arrays = jax.tree.leaves(_without(sown, module.init(key, x, **arguments)))
        results: list[Any] = []
        for array in arrays:
            found = pending.get(id(array))
            if found is None:
                leaves.append(None)
                results.append(array)
                continue
            traced = isinstance(found.std, jax.core.Tracer)
            leaves.append(_Drawn(array.shape, None if traced else found.std))
            results += [found.key, found.std] if traced else [found.key]
        return results

    closed = jax.make_jaxpr(outputs)(key, jax.ShapeDtypeStruct(x.shape, x.dtype))
    jaxpr, uses = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    return _Traced(jaxpr, closed.consts, uses, leaves, structures[0])


def _without(names: set[str], variables: Mapping[str, PyTree]) -> dict[str, PyTree]:
    return {name: collection for name, collection in variables.items() if name not in names}


def _only_sown(collection: str, module: nn.Module, arguments: dict[str, Any], key: Array, x: Array) -> bool:
    """Whether the module does without a collection: it is an output of the forward pass, and no state."""
    mutable = DenyList(("intermediates", collection))
    try:
        jax.eval_shape(lambda key, x: module.init(key, x, mutable=mutable, **arguments), key, x)
    except FlaxError:  # it reads a variable of the collection, or makes one
        return False
    return True


def lazy_init(
    module: nn.Module, arguments: Mapping[str, Any] = MappingProxyType({})
) -> Callable[[Array, Array], PyTree]:
    """``(key, x) -> module.init(key, x, **arguments)`` to the bit, where ``x`` may be a ``jax.ShapeDtypeStruct``.

    Collections that are only sown are left out: they are no state.

    ``module.init`` is traced to a jaxpr once per input shape with the room's own draws recorded; whatever the variables
    do not depend on is deleted; the rest, for gendyn's models the folding of keys, is evaluated equation by
    equation; and the draws are made outside. A new width compiles nothing. (Flax's ``lazy_init`` runs no forward pass
    either, but compiles one empty program for every jitted operation in it, about 40 for the CNN.)

    Raises:
      ConfigError: (when called) the variables depend on the values of ``x``, and ``x`` is a ``ShapeDtypeStruct``.
    """
    cache: dict[Any, _Traced] = {}

    def init(key: Array, x: Array) -> PyTree:
        signature = (jax.typeof(key), x.shape, x.dtype)
        if signature not in cache:
            cache[signature] = _trace(module, dict(arguments), key, x)
        traced = cache[signature]
        uses_key, uses_x = traced.uses
        if uses_x and isinstance(x, jax.ShapeDtypeStruct):
            raise ConfigError(
                f"x = {x} must be an array: the variables of {type(module).__name__} depend on its values. "
                "Pass one batch of data to init."
            )
        inputs = [argument for argument, used in ((key, uses_key), (x, uses_x)) if used]
        values = iter(jax.core.eval_jaxpr(traced.jaxpr, traced.constants, *inputs))
        arrays = []
        for leaf in traced.leaves:
            value = next(values)
            if leaf is None:
                arrays.append(jax.device_put(value))
            else:
                arrays.append(draw(value, leaf.shape, next(values) if leaf.std is None else leaf.std))
        return jax.tree.unflatten(traced.structure, arrays)

    return init
