"""Norms of the parameters, whole and layer by layer."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gendyn.types import Array, Probe, ProbeExample, PyTree


def parameter_norm() -> Probe:
    """Exact: the Euclidean norm of all parameters, ``total``, and of each leaf, under its path.

    ``total = sqrt(sum over leaves of ||leaf||²)``. Zero-padding changes neither.

    Cost: one pass over the parameters.

    Returns:
        A probe whose values are float32 scalars: ``{"total": …, "dense_0/kernel": …, …}``.

    >>> probe = parameter_norm()
    >>> values = probe.fn(jax.random.key(0), None, {"w": jnp.array([3.0, 4.0])}, None)
    >>> {name: float(value) for name, value in values.items()}
    {'w': 5.0, 'total': 5.0}
    """

    def measure(key: Array, apply: Callable[..., Array], params: PyTree, data: Any) -> dict[str, Array]:
        del key, apply, data
        leaves, _ = jax.tree_util.tree_flatten_with_path(params)
        squares = {
            jax.tree_util.keystr(path, simple=True, separator="/"): jnp.sum(jnp.square(leaf.astype(jnp.float32)))
            for path, leaf in leaves
        }
        norms = {name: jnp.sqrt(square) for name, square in squares.items()}
        return norms | {"total": jnp.sqrt(sum(squares.values(), jnp.zeros(())))}

    return Probe("parameter_norm", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={})
