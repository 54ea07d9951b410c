"""Stable and effective rank of every weight matrix of a network."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.measure.ranks.matrix_ranks import effective_rank, stable_rank
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def weight_rank() -> Probe:
    """Exact: ``||W||_F^2 / ||W||_2^2`` and ``exp(entropy of singular values)`` of each leaf of two or more axes.

    A convolution's kernel ``[h, w, in, out]`` is taken as the matrix ``[h w in, out]`` of its patches' map. Leaves of
    one axis (biases, scales) have no rank and are left out. Zero-padding changes nothing.

    Cost: one singular value decomposition without vectors for each leaf.

    Returns:
        A probe whose values are scalars ``{"dense_0/kernel/effective_rank": …, "dense_0/kernel/stable_rank": …}``.

    Raises:
        ConfigError: by the probe, for parameters without a matrix.

    >>> params = {"w": jnp.diag(jnp.array([2.0, 1.0])), "b": jnp.ones(2)}
    >>> values = weight_rank().fn(jax.random.key(0), None, params, None)
    >>> {name: round(float(value), 4) for name, value in values.items()}
    {'w/effective_rank': 1.8899, 'w/stable_rank': 1.25}

    References: Roy & Vetterli (2007), definition 1; Rudelson & Vershynin (2007), section 1.
    """

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key, apply, data
        values: dict[str, Array] = {}
        for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
            if jnp.ndim(leaf) >= 2:
                name = jax.tree_util.keystr(path, simple=True, separator="/")
                matrix = leaf.reshape(-1, leaf.shape[-1])
                values[f"{name}/effective_rank"] = effective_rank(matrix)
                values[f"{name}/stable_rank"] = stable_rank(matrix)
        if not values:
            raise ConfigError(f"weight_rank: no leaf of {_names(params)} has two axes. Leave the probe out.")
        return values

    return Probe("weight_rank", measure)


def _names(params: Any) -> str:
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    return ", ".join(jax.tree_util.keystr(path, simple=True, separator="/") for path in paths) or "empty parameters"


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={})
