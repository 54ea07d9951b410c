"""Whether a network draws at random while it trains."""

from typing import Any

import jax
from jax.interpreters import partial_eval

from gendyn.types import Model


def draws(model: Model, variables: Any, x: Any) -> bool:
    """Whether what ``model.apply(variables, x, train=True, key=key)`` returns depends on the key, as under dropout.

    Traced, not run. A network that draws is never padded: a random mask has other bits in another shape.

    Args:
      model: any model; one without ``takes_key`` draws nothing.
      variables: its :class:`gendyn.types.Variables`; abstract ones will do.
      x: a batch ``[B, ...]``, or its ``jax.ShapeDtypeStruct``.

    >>> import jax.numpy as jnp
    >>> from gendyn.types import Variables
    >>> noisy = Model(
    ...     lambda key, x: Variables({}, {}),
    ...     lambda variables, x, *, train=False, key=None: (x + jax.random.normal(key, x.shape) if train else x, {}),
    ...     takes_key=True,
    ... )
    >>> draws(noisy, Variables({}, {}), jnp.ones((2, 3)))
    True
    """
    if not model.takes_key:
        return False
    apply: Any = model.apply  # the key is no part of the contract of those that take none
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (variables, x))
    key = jax.eval_shape(lambda: jax.random.key(0))
    closed = jax.make_jaxpr(lambda key, given: apply(*given, train=True, key=key))(key, shapes)
    return bool(partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))[1][0])
