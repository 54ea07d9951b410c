"""Random streams: one root key a run, split once, by name; and draws whose program does not depend on the shape."""

import math
import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core.arguments import check_key
from gendyn.core.errors import is_concrete
from gendyn.types import Array


def stream(key: Array, name: str) -> Array:
    """The named stream of a key: ``fold_in(key, crc32(name))``. Streams of different names are independent.

    >>> root = jax.random.key(0)
    >>> bool((stream(root, "init") == stream(root, "noise")).all())
    False
    """
    check_key("key", key)
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


BLOCK = 16384
"""Draws of one call of the program behind :func:`normal`. Part of every seed's meaning."""


@jax.jit
def _block(key: Array, index: Array) -> Array:
    return jax.random.normal(jax.random.fold_in(key, index), (BLOCK,), jnp.float32)


def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal draws of any shape by one program, whatever the shape.

    The flat draw is the concatenation of blocks of 16384, block ``i`` from ``fold_in(key, i)``: a longer draw starts
    with the shorter one, and a sweep over many widths compiles nothing new for a new leaf shape. (Initialisers that
    compile a program a shape take longer than the training of a small network.)

    >>> normal(jax.random.key(0), (2, 3)).shape
    (2, 3)
    """
    size = math.prod(shape)
    count = -(-size // BLOCK)
    if not is_concrete(key):
        if count <= 1:
            flat = _block(key, np.uint32(0))
        else:
            flat = jax.lax.map(lambda index: _block(key, index), jnp.arange(count, dtype=jnp.uint32)).reshape(-1)
        return flat[:size].reshape(shape)
    blocks = [np.asarray(_block(key, np.uint32(index))) for index in range(count)]
    # Cut and shaped on the host: on the device each would be a program a shape.
    return jax.device_put(np.concatenate([np.zeros(0, np.float32), *blocks])[:size].reshape(shape))


def seeded_normals(seeds: Sequence[int], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Of each seed's stream of that name, standard normal draws ``[R, *shape]`` on the host: float32 as float64.

    Equal seeds have equal draws, which are made once.

    >>> draws = seeded_normals((3, 4, 3), "start", (2,))
    >>> draws.shape, bool((draws[0] == draws[2]).all()), bool((draws[0] == draws[1]).any())
    ((3, 2), True, False)
    """
    different, places = np.unique(np.asarray(seeds), return_inverse=True)
    rows = [np.asarray(normal(stream(jax.random.key(int(seed)), name), shape)) for seed in different]
    return np.stack(rows).astype(np.float64)[places]
