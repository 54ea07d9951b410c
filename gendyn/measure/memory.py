"""What an operator over a data set and the vectors beside it hold: refused before anything is allocated."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gendyn.core import check_memory, free_bytes, peak_bytes
from gendyn.types import PyTree

_FEWER = "not even one example fits beside the vectors: set fewer of them (num_steps, k or max_basis)"


def tree_bytes(tree: PyTree) -> int:
    """Bytes of all arrays, or shapes, of a tree."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def basis_bytes(params: PyTree, num_vectors: int) -> int:
    """Bytes of ``num_vectors`` vectors like ``params``, as linear algebra holds them: float32 at least."""
    sizes = (math.prod(jnp.shape(p)) * max(jnp.result_type(p).itemsize, 4) for p in jax.tree.leaves(params))
    return num_vectors * sum(sizes)


def product_bytes(kept: Any, params: PyTree) -> dict[str, int]:
    """Needs of a linearised operator, given with an array or its shape for each thing kept."""
    return {
        "of kept intermediates": tree_bytes(kept),
        "for a product": peak_bytes(lambda operator, v: operator(v), kept, params),
    }


def is_roomy(kept: Any, params: PyTree, memory_limit: float | None, reserved: int) -> bool:
    """Whether there is so much more than what is kept that a product, which costs another tracing, needs no look."""
    limit = free_bytes() if memory_limit is None else memory_limit
    return 10 * (tree_bytes(kept) + basis_bytes(params, 1)) + reserved <= limit


def check_operator(
    linearise: Callable[[Any], Any],
    params: PyTree,
    data: PyTree,
    count: int,
    batch_size: int | None,
    memory_limit: float | None,
    reserved: int,
) -> None:
    """Raises ConfigError if a product over the data, with ``reserved`` bytes beside it, exceeds the limit.

    An estimate from the network's jaxpr. It knows nothing of what XLA saves by fusing, or of other networks that a
    ``vmap`` puts beside this one.

    Args:
      linearise: a block of examples -> its linear map, a pytree of what the map keeps.
      data: leaves ``[count, ...]``.
    """
    block = count if batch_size is None else min(batch_size, count)

    def kept(rows: int) -> Any:
        def of_rows(data: PyTree) -> Any:
            return linearise(jax.tree.map(lambda leaf: jax.lax.slice_in_dim(jnp.asarray(leaf), 0, rows), data))

        return jax.eval_shape(of_rows, data)

    if is_roomy(kept(block), params, memory_limit, reserved):
        return

    def needs(rows: int, streamed: bool) -> dict[str, int]:
        found = product_bytes(kept(rows), params)
        # A streamed product makes and drops what a linearised operator keeps, and adds to a running sum.
        return {"for a product": sum(found.values()) + tree_bytes(params)} if streamed else found

    wanted = needs(block, block < count)
    limit = free_bytes() if memory_limit is None else memory_limit
    if sum(wanted.values()) + reserved <= limit:
        return
    fixed = sum(needs(1, True).values())
    each = max(1.0, (sum(wanted.values()) - fixed) / block)
    room = int((limit - reserved - fixed) / each)
    # A power of two, since that is what a person would choose.
    advice = f"set batch_size to at most {2 ** (room.bit_length() - 1)}" if room >= 1 and block > 1 else _FEWER
    check_memory(wanted | {"for vectors beside it": reserved}, memory_limit, advice)
