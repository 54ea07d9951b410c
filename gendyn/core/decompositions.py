"""Dense decompositions that are safe under ``vmap`` on a CPU with several devices.

LAPACK calls on a batch share XLA's thread pool and wait in it: with two host devices, each in such a call, both wait
for ever (jaxlib 0.10.2: a sweep whose probe decomposed under vmap over two devices never returned), and on hosts of
many cores batched ``eigh`` has been reported to corrupt memory (jax issue 39292). Here a batch on a CPU is a loop of
single calls.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

from gendyn.types import Array


def _one_by_one(decompose: Callable[[Array], Any]) -> Callable[[Array], Any]:
    return sequential_vmap(decompose) if jax.default_backend() == "cpu" else decompose


def eigh(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues ``[m]``, ascending, and eigenvectors ``[m, m]`` in columns, of a symmetric ``[m, m]``.

    >>> values, vectors = jax.vmap(eigh)(jnp.stack([jnp.diag(jnp.array([2.0, 1.0])), jnp.eye(2)]))
    >>> values.tolist()
    [[1.0, 2.0], [1.0, 1.0]]
    """
    found: tuple[Array, Array] = _one_by_one(lambda m: tuple(jnp.linalg.eigh(m)))(matrix)
    return found


def eigvalsh(matrix: Array) -> Array:
    """Eigenvalues ``[m]`` of a symmetric ``[m, m]``, ascending."""
    found: Array = _one_by_one(lambda m: jnp.linalg.eigvalsh(m))(matrix)
    return found


def singular_values(matrix: Array) -> Array:
    """Singular values of ``[p, q]``, descending, ``[min(p, q)]``."""
    found: Array = _one_by_one(lambda m: jnp.linalg.svd(m, compute_uv=False))(matrix)
    return found
