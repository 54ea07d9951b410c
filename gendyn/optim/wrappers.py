"""A transform around a transform: stable dtypes, and a learning rate for each parameter."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gendyn.types import PyTree


def keep_dtypes(transform: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """The same transform, with updates and state in the dtypes they came in.

    A swept hyperparameter is a float32 array, which turns a bfloat16 moment into float32 on its first update: a scan
    then refuses the carry. Here the arithmetic runs in the wider type and the result is rounded once.

    Args:
      transform: any transform whose state keeps its structure.

    Returns:
      A transform with the same state, which hands extra arguments of ``update`` on.

    >>> params = {"w": jnp.ones(2, jnp.bfloat16)}
    >>> transform = keep_dtypes(optax.trace(decay=jnp.float32(0.9)))
    >>> _, state = transform.update(params, transform.init(params))
    >>> state.trace["w"].dtype
    dtype(bfloat16)
    """

    inner = optax.with_extra_args_support(transform)

    def update(updates: PyTree, state: PyTree, params: PyTree | None = None, **extra: Any) -> tuple[PyTree, PyTree]:
        new_updates, new_state = inner.update(updates, state, params, **extra)
        return _cast_like(new_updates, updates), _cast_like(new_state, state)

    return optax.GradientTransformationExtraArgs(transform.init, update)


def _cast_like(tree: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, target: jnp.asarray(leaf, jnp.asarray(target).dtype), tree, like)


def scale_updates(
    transform: optax.GradientTransformation, scales: Callable[[PyTree], PyTree], *, decoupled_decay: bool
) -> optax.GradientTransformationExtraArgs:
    """The same transform with a learning rate per parameter: ``update_leaf <- scale_leaf * update_leaf`` (muP).

    Decoupled weight decay keeps its own rate: it is no gradient, and scaling it too would decay wide layers less.

    Args:
      transform: uses ``params`` for nothing but decay (and shapes) if ``decoupled_decay``.
      scales: ``params -> pytree`` of positive scalars, such as a model's ``learning_rate_scales``.
      decoupled_decay: whether the transform's decay is decoupled, its file's ``DECOUPLED_DECAY``.

    Returns:
      A transform with the same state, which hands extra arguments of ``update`` on.

    >>> params = {"w": jnp.array([1.0])}
    >>> transform = scale_updates(optax.adamw(0.1, weight_decay=0.5), lambda p: {"w": 0.5}, decoupled_decay=True)
    >>> updates, _ = transform.update({"w": jnp.array([2.0])}, transform.init(params), params)
    >>> print(updates["w"].round(3))  # -0.1 * (0.5 * 1 + 0.5 * 1)
    [-0.1]
    """

    inner = optax.with_extra_args_support(transform)

    def update(updates: PyTree, state: PyTree, params: PyTree | None = None, **extra: Any) -> tuple[PyTree, PyTree]:
        factors = scales(params)
        # u = -lr (a + decay p / s) scaled by s is -lr (s a + decay p).
        seen = jax.tree.map(lambda p, s: p / s, params, factors) if decoupled_decay else params
        new_updates, new_state = inner.update(updates, state, seen, **extra)
        return jax.tree.map(lambda u, s: u * s, new_updates, factors), new_state

    return optax.GradientTransformationExtraArgs(transform.init, update)
