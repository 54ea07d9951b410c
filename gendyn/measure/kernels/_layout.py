"""How many examples at a time: what fits the caches, and then the memory."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import free_bytes
from gendyn.measure.kernels._features import Plan, example_features
from gendyn.measure.memory import tree_bytes

FEATURE_BYTES = 8_000_000
"""Intermediate arrays of one block of features: more does not stay in a cache, less is all overhead."""
TILE_ROWS = 320
"""Rows of a tile of the kernel, for the same reason."""
TILE_BYTES = 64_000_000
"""Intermediate arrays of one tile of a layer with positions."""
FEWEST_TILES = 4
"""Tiles along a side of a symmetric kernel: of ``t`` the upper ones are ``(1 + 1/t) / 2`` of the work."""


class Layout(NamedTuple):
    """Block sizes in examples, and what they cost."""

    feature_block: int
    tile_block: int
    hold: bool
    """Whether the features of all examples are kept."""
    repeats: float
    """How often the features of an example are computed."""
    feature_bytes: int
    """Held features, or those of one tile."""


def block_near(count: int, target: int) -> int:
    """The largest divisor of ``count`` that is at most ``target``, unless it is less than half of it.

    >>> block_near(5000, 320), block_near(257, 64)
    (250, 64)
    """
    target = max(1, min(count, target))
    divisor = next(block for block in range(target, 0, -1) if count % block == 0)
    return divisor if 2 * divisor >= target else target


def choose_layout(
    plan: Plan,
    leaves: Sequence[Any],
    example: Any,
    sizes: tuple[int, int],
    symmetric: bool,
    block_size: int | None,
    memory_limit: float | None,
    kernel_bytes: int,
) -> Layout:
    """Blocks for a kernel between ``sizes`` examples; ``block_size`` pins both."""
    masks = ()
    one = jax.eval_shape(lambda *args: example_features(plan, args[:-1], args[-1], masks), *leaves, example)
    itemsize = max(jnp.result_type(*leaves).itemsize, 4)
    working = tree_bytes(one) + itemsize * sum(
        layer.positions * (layer.fan_in + plan.num_cotangents * layer.fan_out) for layer in plan.layers
    )
    if block_size is not None:
        feature_block = tile_block = block_size
    else:
        feature_block = block_near(max(sizes), FEATURE_BYTES // max(working, 1))
        target = TILE_ROWS // plan.rows
        if symmetric:
            target = min(target, -(-sizes[0] // FEWEST_TILES))
        while target > 1 and _tile_bytes(plan, target, itemsize) > TILE_BYTES:
            target -= 1
        tile_block = block_near(max(sizes), target)
    # Half of what is left: XLA's intermediates and the caller's arrays need room too.
    room = (free_bytes() if memory_limit is None else memory_limit) - kernel_bytes
    held = tree_bytes(one) * (sizes[0] if symmetric else sum(sizes))
    if held <= 0.5 * room:
        return Layout(feature_block, tile_block, True, 1.0, held)
    while block_size is None and tile_block > 1 and 2 * tile_block * tree_bytes(one) > 0.5 * room:
        tile_block -= 1
    repeats = max(1.0, max(sizes) / tile_block)
    return Layout(min(feature_block, tile_block), tile_block, False, repeats, 2 * tile_block * tree_bytes(one))


def _tile_bytes(plan: Plan, block: int, itemsize: int) -> int:
    most = 0
    for layer, form in zip(plan.layers, plan.forms, strict=True):
        if form == "positions":
            pair = plan.num_cotangents * layer.fan_out if plan.kind == "full" else 2 * layer.positions
            most = max(most, block * block * layer.positions * pair * itemsize)
    return most
