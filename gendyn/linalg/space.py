"""The flat space a matvec acts on: ravelled trees, the mask of real coordinates, probes drawn on them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import random as jex_random

from gendyn.core import ConfigError, check_arrays, check_function, is_concrete, mask_of
from gendyn.types import Array, PyTree

Matvec = Callable[[PyTree], PyTree]
"""A linear map of a pytree to a pytree of the same structure; symmetric unless said."""


class Space(NamedTuple):
    """A tree of arrays seen as one vector ``[D]``."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]
    treedef: Any
    dtype: Any
    """Of the flat vector: the leaves' common type, at least float32."""
    mask: Array | None
    """bool ``[D]``, the real coordinates; ``None``: all of them."""
    varying: frozenset[str]
    """Mesh axes of an enclosing ``shard_map`` along which vectors of the space differ."""

    @property
    def size(self) -> int:
        """``D``: coordinates, real or not."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def row_bytes(self) -> int:
        """Bytes of one vector."""
        return self.size * int(jnp.dtype(self.dtype).itemsize)

    @property
    def dimension(self) -> Array:
        """``p``: the real coordinates, a scalar of the space's dtype."""
        count = self.size if self.mask is None else jnp.sum(self.mask)
        return jnp.asarray(count, self.dtype)

    def project(self, flat: Array) -> Array:
        """Zero outside the real coordinates."""
        return flat if self.mask is None else jnp.where(self.mask, flat, 0)

    def ravel(self, tree: PyTree) -> Array:
        return jnp.concatenate([jnp.ravel(leaf).astype(self.dtype) for leaf in jax.tree.leaves(tree)])

    def unravel(self, flat: Array) -> PyTree:
        leaves, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stop = start + math.prod(shape)
            leaves.append(flat[start:stop].reshape(shape).astype(dtype))
            start = stop
        return jax.tree.unflatten(self.treedef, leaves)

    def constant(self, value: Any) -> Any:
        """Arrays marked as differing along the space's mesh axes, so that loops over them type-check."""
        return jax.tree.map(lambda leaf: _vary(jnp.asarray(leaf), self.varying), value)

    def rademacher(self, key: Array) -> Array:
        """Independent ±1 on the real coordinates, 0 elsewhere: ``[D]``."""
        signs = [jnp.where(_words(key, i, s)[0] >> 31, 1, -1).ravel() for i, s in enumerate(self.shapes)]
        return self.constant(self.project(jnp.concatenate(signs).astype(self.dtype)))

    def normal(self, key: Array) -> Array:
        """Independent standard normal draws on the real coordinates, 0 elsewhere: ``[D]``."""
        flat = jnp.concatenate([_box_muller(*_words(key, i, s)).ravel() for i, s in enumerate(self.shapes)])
        return self.constant(self.project(flat.astype(self.dtype)))


def make_space(matvec: Matvec, like: PyTree, mask: PyTree | None = None) -> tuple[Space, Callable[[Array], Array]]:
    """The space of ``like``, and the operator ``P A P`` on its flat vectors (given vectors are already projected).

    Raises:
        ConfigError: ``like`` is empty, or has leaves that are not real floating; the mask does not fit; the matvec
            returns another structure or other shapes than it is given.
    """
    check_function("matvec", matvec, "the matvec first, then the tree that it maps")
    check_arrays("like", like)
    mask = mask_of(mask, like)
    leaves, treedef = jax.tree.flatten(like)
    shapes = tuple(tuple(jnp.shape(leaf)) for leaf in leaves)
    if sum(math.prod(shape) for shape in shapes) == 0:
        raise ConfigError("like holds no coordinates: pass the tree of arrays (or shapes) that matvec maps.")
    dtypes = tuple(leaf.dtype if hasattr(leaf, "dtype") else jnp.asarray(leaf).dtype for leaf in leaves)
    for dtype in dtypes:
        if not jnp.issubdtype(dtype, jnp.floating):
            raise ConfigError(
                f"like has a leaf of dtype {dtype}: leaves must be real floating point. "
                "Drop integer leaves, and split complex ones into real and imaginary parts."
            )
    flat_mask = None if mask is None else _flat_mask(mask, treedef, shapes)
    structs = [jax.ShapeDtypeStruct(s, d) for s, d in zip(shapes, dtypes, strict=True)]
    concrete = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    # Arrays keep the mesh axes they vary along; a plain shape has none.
    probe = leaves if len(concrete) == len(leaves) else structs
    image = jax.eval_shape(matvec, jax.tree.unflatten(treedef, probe))
    found: Any = jax.tree.structure(image)
    if found != treedef or tuple(x.shape for x in jax.tree.leaves(image)) != shapes:
        raise ConfigError(
            f"matvec must return the structure and shapes it is given: it maps {_describe(like)} to {_describe(image)}."
        )
    masks = () if flat_mask is None else (flat_mask,)
    varying = frozenset[str]().union(*(_varying_axes(x) for x in (*jax.tree.leaves(image), *concrete, *masks)))
    dtype = jnp.result_type(jnp.float32, *dtypes)
    space = Space(shapes, dtypes, treedef, dtype, flat_mask, varying)
    return space, lambda flat: space.project(space.ravel(matvec(space.unravel(flat))))


def check_count(name: str, value: int, space: Space) -> None:
    """Raises :class:`ConfigError` if ``value`` exceeds the number of real coordinates, where that is known."""
    limit = space.size
    if space.mask is not None and is_concrete(space.mask):
        limit = int(np.sum(np.asarray(space.mask)))
    if value > limit:
        raise ConfigError(f"{name} = {value} exceeds the operator's dimension {limit}; ask for at most {limit}.")


def _flat_mask(mask: PyTree, treedef: PyTree, shapes: tuple[tuple[int, ...], ...]) -> Array:
    found = jax.tree.structure(mask)
    if found != treedef:
        raise ConfigError(f"mask must have the structure of like, {treedef}, not {found}.")
    rows = []
    for leaf, shape in zip(jax.tree.leaves(mask), shapes, strict=True):
        try:
            rows.append(jnp.broadcast_to(jnp.asarray(leaf) != 0, shape).ravel())
        except ValueError as error:
            raise ConfigError(f"mask: a leaf of shape {jnp.shape(leaf)} does not broadcast to {shape}.") from error
    flat = jnp.concatenate(rows)
    if is_concrete(flat) and not np.any(np.asarray(flat)):
        raise ConfigError("mask keeps no coordinate: at least one must be true.")
    return flat


def _describe(tree: PyTree) -> str:
    return str(jax.tree.map(lambda leaf: f"{jnp.dtype(leaf.dtype).name}{list(jnp.shape(leaf))}", tree))


def _varying_axes(value: Any) -> frozenset[str]:
    aval = value if isinstance(value, jax.ShapeDtypeStruct) else jax.typeof(value)
    kind = getattr(aval, "manual_axis_type", None)
    return frozenset(getattr(kind, "varying", None) or ())


def _vary(leaf: Array, axes: frozenset[str]) -> Array:
    missing = tuple(sorted(axes - _varying_axes(leaf)))
    return jax.lax.pcast(leaf, missing, to="varying") if missing else leaf


def _words(key: Array, leaf: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Two random words for each coordinate, a function of the key, the leaf and the coordinate's own index.

    jax's draws depend on the whole shape. These do not: a leaf padded with zeros at the end of any axis gets the
    draws of the unpadded one, so that a padded network and the network alone see the same probes.
    """
    pair = jax.random.bits(jax.random.fold_in(key, leaf), (2,), jnp.uint32)
    full = (1, *shape) if shape else (1, 1)
    index = [jax.lax.broadcasted_iota(jnp.uint32, full, axis) for axis in range(len(full))]
    first = jnp.zeros(full, jnp.uint32)
    # Unique up to two axes of any length; further ones (a kernel's height and width) get 6 bits each.
    for position, axis in enumerate(reversed(index[:-1])):
        first = first + (axis << (0 if position == 0 else 14 + 6 * position))
    words = jex_random.threefry_2x32(pair, jnp.stack([first.ravel(), index[-1].ravel()]).ravel())
    size = math.prod(shape)
    return words[:size], words[size:]


def _box_muller(first: Array, second: Array) -> Array:
    # 24 bits, offset by half a step: never 0.
    uniform = ((first >> 8).astype(jnp.float32) + 0.5) * 2.0**-24
    angle = (second >> 8).astype(jnp.float32) * (2.0**-24 * 2 * math.pi)
    return jnp.sqrt(-2 * jnp.log(uniform)) * jnp.cos(angle)
