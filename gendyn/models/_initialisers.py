"""Initial values as flax initialisers that compile nothing new for a new width.

Flax calls an initialiser inside its own trace, where every draw would be a program a shape. While
:func:`recording`, a draw is only noted and a placeholder takes its place; :mod:`gendyn.models._lazy` makes it later.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import normal
from gendyn.types import Array, ArrayLike

Initialiser = Callable[..., Array]
"""``(key, shape) -> array``; flax passes no key where there is none."""


class Draw(NamedTuple):
    """A draw that was asked for and not made."""

    placeholder: Array
    """The array given out instead; its identity stands for the draw."""
    key: Array
    std: ArrayLike


_draws: contextvars.ContextVar[list[Draw] | None] = contextvars.ContextVar("draws", default=None)


@contextlib.contextmanager
def recording() -> Iterator[list[Draw]]:
    """Inside, draws are noted in the list and not made."""
    draws: list[Draw] = []
    token = _draws.set(draws)
    try:
        yield draws
    finally:
        _draws.reset(token)


def draw(key: Array, shape: tuple[int, ...], std: ArrayLike) -> Array:
    """``std * N(0, 1)``; with concrete arguments scaled on the host, where no program depends on the shape."""
    values = normal(key, shape)
    if isinstance(values, jax.core.Tracer) or isinstance(std, jax.core.Tracer):
        return values * std
    return jax.device_put(np.asarray(values) * np.asarray(std, np.float32))


def scaled_normal(std: ArrayLike) -> Initialiser:
    """Draws ``std * N(0, 1)``; ``std`` may be a tracer."""

    def initialise(key: Array, shape: tuple[int, ...]) -> Array:
        draws = _draws.get()
        if draws is None:
            return draw(key, shape, std)
        placeholder = jnp.zeros(shape, jnp.float32)
        draws.append(Draw(placeholder, key, std))
        return placeholder

    return initialise


def constant(value: float) -> Initialiser:
    """Fills with a number. Made on the host: ``jnp.full``, and ``jnp.asarray`` too, compile one program per shape."""

    def initialise(key: Array | None, shape: tuple[int, ...]) -> Array:
        del key
        return jax.device_put(np.full(shape, value, np.float32))

    return initialise
