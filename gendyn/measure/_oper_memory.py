"""What an operator and a Krylov basis hold, against what the device has: refused before anything is allocated."""

import os
from typing import Any

import jax
import numpy as np

from gendyn.core import ConfigError
from gendyn.types import PyTree


def tree_bytes(tree: PyTree) -> int:
    """Bytes of all arrays, or shapes, of a tree."""
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def device_bytes() -> int:
    """Memory of the default device; of the machine where the device does not say."""
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return int(limit) if limit else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_memory(needs: dict[str, int], memory_limit: float | None, advice: str) -> None:
    """Raises ConfigError if the needs add up to more than ``memory_limit`` bytes; ``None``: what the device has."""
    limit = device_bytes() if memory_limit is None else memory_limit
    total = sum(needs.values())
    if total > limit:
        parts = ", ".join(f"{_size(need)} {name}" for name, need in needs.items())
        raise ConfigError(f"memory: {_size(total)} needed ({parts}), memory_limit is {_size(limit)}; {advice}.")


def basis_bytes(params: PyTree, num_vectors: int) -> int:
    """Bytes of ``num_vectors`` vectors like ``params``, as linear algebra holds them: float32 at least."""
    return num_vectors * sum(int(np.prod(np.shape(p))) * max(_itemsize(p), 4) for p in jax.tree.leaves(params))


def _itemsize(leaf: Any) -> int:
    return jax.numpy.result_type(leaf).itemsize


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
