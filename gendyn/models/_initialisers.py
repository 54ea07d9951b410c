"""Initial values as data: what to draw for a parameter, apart from when and how it is drawn.

Flax calls an initialiser inside its own trace, where every draw becomes a program a shape: initialising a sweep over
widths then takes longer than training it. Here ``init`` only *records* which distribution fills which leaf, and the
draws happen afterwards on the host's side by one program for all shapes (:func:`gendyn.core.normal`).
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import normal, stream
from gendyn.types import Array, ArrayLike, PyTree

_records: contextvars.ContextVar[list[tuple[Array, Any]] | None] = contextvars.ContextVar("records", default=None)


def _recorded(initialiser: Any, shape: tuple[int, ...]) -> Array | None:
    """A placeholder whose identity stands for the initialiser, while recording; else ``None``."""
    records = _records.get()
    if records is None:
        return None
    placeholder = jnp.zeros(shape, jnp.float32)
    records.append((placeholder, initialiser))
    return placeholder


class ScaledNormal(NamedTuple):
    """``std * N(0, 1)``; ``std`` may be a tracer."""

    std: ArrayLike

    def draw(self, key: Array, shape: tuple[int, ...]) -> Array:
        values = normal(key, shape)
        if isinstance(values, jax.core.Tracer) or isinstance(self.std, jax.Array):
            return values * self.std
        # On the host: a product on the device would be a program a shape.
        return jnp.asarray(np.asarray(values) * np.float32(self.std))

    def __call__(self, key: Array, shape: tuple[int, ...]) -> Array:
        placeholder = _recorded(self, shape)
        return self.draw(key, shape) if placeholder is None else placeholder


class Constant(NamedTuple):
    """One number everywhere."""

    value: float

    def draw(self, key: Array | None, shape: tuple[int, ...]) -> Array:
        del key
        return jnp.asarray(np.full(shape, self.value, np.float32))

    def __call__(self, key: Array | None, shape: tuple[int, ...]) -> Array:
        placeholder = _recorded(self, shape)
        return self.draw(key, shape) if placeholder is None else placeholder


def scaled_normal(std: ArrayLike) -> ScaledNormal:
    """Draws ``std * N(0, 1)``."""
    return ScaledNormal(std)


def constant(value: float) -> Constant:
    """Fills with a number."""
    return Constant(value)


class _Leaf(NamedTuple):
    initialiser: Any
    shape: tuple[int, ...]


@contextlib.contextmanager
def _recording() -> Iterator[list[tuple[Array, Any]]]:
    records: list[tuple[Array, Any]] = []
    token = _records.set(records)
    try:
        yield records
    finally:
        _records.reset(token)


def _abstract_leaves(module: nn.Module, x: Any) -> PyTree | None:
    """The collections of a module with a :class:`_Leaf` for each array; ``None`` if one has another initialiser."""
    with _recording() as records:
        collections = module.init(jax.random.key(0), x)
    known = {id(placeholder): initialiser for placeholder, initialiser in records}
    arrays = jax.tree.leaves(collections)
    if any(id(array) not in known for array in arrays):
        return None
    return jax.tree.map(lambda array: _Leaf(known[id(array)], array.shape), dict(collections))


def draw_collections(module: nn.Module, key: Array, x: Any) -> PyTree | None:
    """The initial collections of a module whose every array has an initialiser of this file; else ``None``.

    A leaf's key is ``stream(key, path)`` with its path, such as ``params/dense_0/kernel``. Equal inside and outside of
    ``jit``; where no argument is traced, the module is only traced abstractly and nothing shape-dependent compiles.
    """
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    found: list[PyTree | None] = []

    def record(x: Array) -> None:
        found.append(_abstract_leaves(module, x))

    jax.eval_shape(record, shape)
    leaves = found[0]
    if leaves is None:
        return None
    is_leaf = lambda node: isinstance(node, _Leaf)  # noqa: E731
    if any(
        isinstance(leaf.initialiser, ScaledNormal) and isinstance(leaf.initialiser.std, jax.core.Tracer)
        for leaf in jax.tree.leaves(leaves, is_leaf=is_leaf)
    ):
        # A standard deviation computed from a traced argument belongs to a trace: record in the current one.
        leaves = _abstract_leaves(module, jnp.zeros(x.shape, x.dtype))

    def draw(path: Any, leaf: _Leaf) -> Array:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return leaf.initialiser.draw(stream(key, name), leaf.shape)

    return jax.tree_util.tree_map_with_path(draw, leaves, is_leaf=is_leaf)
