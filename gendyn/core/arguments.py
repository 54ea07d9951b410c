"""Checks of the arguments that library calls share: functions, random keys, trees of arrays, masks."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core.errors import ConfigError
from gendyn.types import PyTree


def check_function(name: str, value: Any, call: str) -> None:
    """Raises :class:`ConfigError` unless ``value`` may be called; ``call`` shows the order of the arguments.

    >>> check_function("apply", {"w": 1.0}, "empirical_ntk(apply, params, x)")
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: apply is a dict, but must be a function: are the arguments swapped? Write \
empirical_ntk(apply, params, x).
    """
    if not callable(value):
        raise ConfigError(f"{name} is {_a(value)}, but must be a function: are the arguments swapped? Write {call}.")


def check_key(name: str, value: Any) -> None:
    """Raises :class:`ConfigError` unless ``value`` is one random key: a typed one ``[]``, or uint32 ``[2]``.

    >>> check_key("key", 0)
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: key = 0 must be a random key: key=jax.random.key(0).
    """
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        if value.shape:
            raise ConfigError(f"{name} holds {value.shape} random keys, but must be one: pass {name}[0], or use vmap.")
        return
    raw = isinstance(value, jax.Array | np.ndarray) and value.dtype == np.uint32 and value.ndim == 1 and value.size > 1
    if not raw:
        seed = value if isinstance(value, int) and not isinstance(value, bool) else 0
        shown = f"{value!r}" if isinstance(value, int | float | str | None) else _a(value)
        raise ConfigError(f"{name} = {shown} must be a random key: {name}=jax.random.key({seed}).")


def check_arrays(name: str, tree: PyTree) -> None:
    """Raises :class:`ConfigError` unless every leaf is a numeric array, or an abstract one, and all are parameters.

    A whole network has other leaves too (functions, random keys), and flax's variables hold statistics.

    >>> check_arrays("params", {"params": {"w": 1.0}, "batch_stats": {"mean": 0.0}})
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: params holds the collections params, batch_stats; statistics are no parameters. \
Pass variables["params"], and close over the others: lambda params, x: module.apply({**variables, "params": params}, x).
    """
    if callable(tree) and jax.tree_util.all_leaves([tree]):
        raise ConfigError(f"{name} is {_a(tree)}, but must be a tree of arrays: are the arguments swapped?")
    named = getattr(tree, "_fields", None) == ("params", "statistics")
    if named or (isinstance(tree, dict) and "params" in tree and len(tree) > 1):
        inside = tree._fields if named else tuple(tree)
        how = (
            "variables.params, and close over the others: lambda params, x: "
            "model.apply(variables._replace(params=params), x)[0]"
            if named
            else 'variables["params"], and close over the others: lambda params, x: module.apply({**variables, '
            '"params": params}, x)'
        )
        raise ConfigError(
            f"{name} holds the collections {', '.join(inside)}; statistics are no parameters. Pass {how}."
        )
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        dtype = getattr(leaf, "dtype", None)
        key = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
        if key or not (dtype is not None or isinstance(leaf, bool | int | float | complex)):
            what = "a random key" if key else _a(leaf)
            raise ConfigError(
                f"{name}: leaf {jax.tree_util.keystr(path)} is {what}, no array of numbers: is it a whole module? Pass "
                f"its arrays alone (equinox: params, static = eqx.partition(module, eqx.is_inexact_array); flax.nnx: "
                "nnx.split(module, nnx.Param, ...)), and put the module together inside the function."
            )


def mask_of(mask: Any, tree: PyTree) -> PyTree | None:
    """The mask as a tree: a function of the parameters is called, as in ``optax.masked``.

    >>> mask_of(lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params), {"w": jnp.ones((2, 2))})
    {'w': True}
    """
    if not callable(mask):
        return mask
    found: Any = jax.tree.structure(mask)  # a tree may be callable: Equinox' modules are
    is_tree = found == jax.tree.structure(tree) and not jax.tree_util.treedef_is_leaf(found)
    return mask if is_tree else mask(tree)


def _a(value: Any) -> str:
    if isinstance(value, jax.Array | np.ndarray):
        return f"an array {jnp.dtype(value.dtype).name} {list(value.shape)}"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"
