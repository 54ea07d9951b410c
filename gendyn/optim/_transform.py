"""What every transform of this room shares: the type of a learning rate, its check, and stable dtypes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gendyn.core import ConfigError, check_range
from gendyn.types import Array, ArrayLike, PyTree

LearningRate = ArrayLike | Callable[[Array], Array]
"""A number, a tracer, or a function of the step (see :func:`gendyn.optim.schedule`)."""


def check_learning_rate(learning_rate: LearningRate) -> None:
    """Raises :class:`ConfigError` for a negative concrete learning rate; schedules and tracers pass."""
    if not callable(learning_rate):
        check_range("optim.learning_rate", learning_rate, low=0)


def check_flag(name: str, value: Any) -> None:
    """Raises :class:`ConfigError` unless ``value`` is a Python bool: the program branches on it."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} = {value!r} must be True or False; it selects a program, so it cannot be traced.")


def keep_dtypes(transform: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same transform, with updates and state in the dtypes they came in.

    A swept hyperparameter is a float32 array, which turns a bfloat16 moment into float32 on its first update: a scan
    then refuses the carry. Here the arithmetic runs in the wider type and the result is rounded once.

    Args:
      transform: any transform whose state keeps its structure.

    Returns:
      A transform with the same state.

    >>> params = {"w": jnp.ones(2, jnp.bfloat16)}
    >>> transform = keep_dtypes(optax.trace(decay=jnp.float32(0.9)))
    >>> _, state = transform.update(params, transform.init(params))
    >>> state.trace["w"].dtype
    dtype(bfloat16)
    """

    def update(updates: PyTree, state: PyTree, params: PyTree | None = None) -> tuple[PyTree, PyTree]:
        new_updates, new_state = transform.update(updates, state, params)
        return _cast_like(new_updates, updates), _cast_like(new_state, state)

    return optax.GradientTransformation(transform.init, update)


def _cast_like(tree: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, target: jnp.asarray(leaf, jnp.asarray(target).dtype), tree, like)
