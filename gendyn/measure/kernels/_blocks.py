"""A tangent kernel block by block: features of a block of examples at a time, then tiles of the kernel."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.measure.kernels._features import Plan, example_features, tile
from gendyn.measure.kernels._layout import Layout
from gendyn.types import Array


def pad_rows(x: Array, block: int) -> Array:
    """Repeats the last example until ``block`` divides the number of rows."""
    missing = -x.shape[0] % block
    return jnp.concatenate([x, jnp.repeat(x[-1:], missing, axis=0)]) if missing else x


def block_features(
    plan: Plan, leaves: Sequence[Array], x: Array, masks: Sequence[tuple[int, Any]], block: int
) -> list[Any]:
    """Features of all rows of ``x``, ``block`` examples at a time."""
    one_block = jax.vmap(lambda example: example_features(plan, leaves, example, masks))
    if x.shape[0] <= block:
        return one_block(x)
    stacked = jax.lax.map(one_block, pad_rows(x, block).reshape(-1, block, *x.shape[1:]))
    return jax.tree.map(lambda value: value.reshape(-1, *value.shape[2:])[: x.shape[0]], stacked)


def _take(features: list[Any], start: Array, block: int) -> list[Any]:
    return jax.tree.map(lambda value: jax.lax.dynamic_slice_in_dim(value, start * block, block), features)


def assemble(left: Any, right: Any | None, sizes: tuple[int, int], block: int, rows: int, make_tile: Any) -> Array:
    """The kernel from its tiles; with ``right`` None the upper tiles are computed and mirrored.

    Args:
      left, right: what ``make_tile`` takes slices of: pytrees with a leading axis of examples.
      sizes: examples on either side.
      block: examples per side of a tile.
      rows: rows of the kernel per example.
      make_tile: ``(left block, right block) -> [block * rows, block * rows]``.
    """
    padded = jax.tree.map(lambda value: pad_rows(value, block), left)
    other = padded if right is None else jax.tree.map(lambda value: pad_rows(value, block), right)
    counts = [-(-size // block) for size in sizes]
    if counts == [1, 1]:
        return make_tile(padded, other)[: sizes[0] * rows, : sizes[1] * rows]
    pairs = [(i, j) for i in range(counts[0]) for j in range(counts[1]) if right is not None or i <= j]
    index = jnp.asarray(np.array(pairs, np.int32))
    like = jax.eval_shape(make_tile, _take(padded, jnp.int32(0), block), _take(other, jnp.int32(0), block))
    step = block * rows

    def write(t: Array, kernel: Array) -> Array:
        i, j = index[t, 0], index[t, 1]
        piece = make_tile(_take(padded, i, block), _take(other, j, block))
        kernel = jax.lax.dynamic_update_slice(kernel, piece, (i * step, j * step))
        if right is None:
            kernel = jax.lax.dynamic_update_slice(kernel, piece.T, (j * step, i * step))
        return kernel

    empty = jnp.zeros((counts[0] * step, counts[1] * step), like.dtype)
    return jax.lax.fori_loop(0, len(pairs), write, empty)[: sizes[0] * rows, : sizes[1] * rows]


def kernel_from_features(
    plan: Plan,
    leaves: Sequence[Array],
    masks: Sequence[tuple[int, Any]],
    x1: Array,
    x2: Array | None,
    layout: Layout,
) -> Array:
    """The kernel between ``x1`` and ``x2`` (``None``: ``x1``).

    ``layout.hold`` keeps the features of all examples; otherwise each tile computes those of its two blocks again, and
    memory does not grow with the number of examples but for the kernel itself.
    """
    feature_block, tile_block = layout.feature_block, layout.tile_block
    sizes = (x1.shape[0], (x1 if x2 is None else x2).shape[0])

    def features(x: Array) -> list[Any]:
        return block_features(plan, leaves, x, masks, feature_block)

    if not layout.hold:
        return assemble(
            x1, x2, sizes, tile_block, plan.rows, lambda left, right: tile(plan, features(left), features(right))
        )
    right = None if x2 is None else features(x2)
    return assemble(features(x1), right, sizes, tile_block, plan.rows, lambda a, b: tile(plan, a, b))
