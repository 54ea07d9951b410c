"""Initialising a flax module without running it: only what the variables depend on is executed."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.interpreters import partial_eval

from gendyn.core import ConfigError
from gendyn.types import Array, PyTree


def lazy_init(module: nn.Module) -> Callable[[Array, Array], PyTree]:
    """``(key, x) -> module.init(key, x)`` to the bit, where ``x`` may be a ``jax.ShapeDtypeStruct``.

    ``module.init`` is traced to a jaxpr once per input shape, whatever the variables do not depend on is deleted, and
    the rest is evaluated equation by equation, so that each draw runs as its own cached program. Flax's ``lazy_init``
    runs no forward pass either, but compiles one empty program for every jitted operation in it (about 40 for the CNN
    in place of 5) and traces again for every key.

    Raises:
      ConfigError: (when called) the variables depend on the values of ``x``, and ``x`` is a ``ShapeDtypeStruct``.
    """
    traced: dict[Any, tuple[Any, list[Any], list[bool], Any]] = {}

    def trace(key: Array, x: Array) -> tuple[Any, list[Any], list[bool], Any]:
        signature = (jax.typeof(key), x.shape, x.dtype)
        if signature not in traced:
            abstract = jax.ShapeDtypeStruct(x.shape, x.dtype)
            closed, shapes = jax.make_jaxpr(module.init, return_shape=True)(key, abstract)
            jaxpr, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
            traced[signature] = (jaxpr, closed.consts, used, jax.tree.structure(shapes))
        return traced[signature]

    def init(key: Array, x: Array) -> PyTree:
        jaxpr, constants, (uses_key, uses_x), structure = trace(key, x)
        if uses_x and isinstance(x, jax.ShapeDtypeStruct):
            raise ConfigError(
                f"x = {x} must be an array: the variables of {type(module).__name__} depend on its values. "
                "Pass one batch of data to init."
            )
        arguments = [argument for argument, used in ((key, uses_key), (x, uses_x)) if used]
        leaves = jax.core.eval_jaxpr(jaxpr, constants, *arguments)
        return jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in leaves])

    return init
