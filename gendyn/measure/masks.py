"""Which parameters an operator acts on: masks by the path of a leaf, their combination and their size."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, mask_of
from gendyn.measure._checks import check_mask, path_of
from gendyn.types import Array, PyTree


def leaf_mask(params: PyTree, predicate: Callable[[str, Array], bool]) -> PyTree:
    """A mask that keeps whole leaves: those for which ``predicate(path, leaf)`` is true.

    ``lambda path, leaf: leaf.ndim > 1`` leaves out biases and normalisation; ``lambda path, leaf:
    path.startswith("dense_0/")`` keeps one layer. A masked operator is ``P A P``, with ``P`` the projection on what the
    mask keeps: the block of the matrix, not a derivative of another function.

    Args:
      params: pytree of arrays (or of ``jax.ShapeDtypeStruct``).
      predicate: ``(path, leaf) -> bool``, the path as in ``"dense_0/kernel"``.

    Returns:
      A pytree like ``params`` of bool scalars, which broadcast to the leaves.

    Raises:
      ConfigError: no leaf is kept.

    >>> params = {"dense_0": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}
    >>> mask = leaf_mask(params, lambda path, leaf: not path.endswith("/bias"))
    >>> int(count_parameters(params, mask))
    6
    """
    mask = jax.tree_util.tree_map_with_path(lambda path, leaf: np.asarray(bool(predicate(path_of(path), leaf))), params)
    if not any(bool(part) for part in jax.tree.leaves(mask)):
        known = [path_of(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
        raise ConfigError(f"predicate keeps none of the leaves {', '.join(known)}; it is given (path, leaf).")
    return mask


def intersect_masks(*masks: PyTree | None) -> PyTree | None:
    """Keeps what every mask keeps; ``None`` keeps everything.

    Masks are trees, or functions of the parameters, as ``optax.masked`` takes them. If one is a function, so is the
    result: it is asked of the parameters by whatever takes it, an operator or ``optax.masked``.

    Raises:
      ConfigError: trees that do not agree; of a function once it is called.

    >>> padding, first = {"w": jnp.array([True, True, False])}, {"w": jnp.array([True, False, True])}
    >>> print(intersect_masks(padding, None, first)["w"])
    [ True False False]
    >>> vectors = lambda params: jax.tree.map(lambda leaf: leaf.ndim == 1, params)
    >>> print(intersect_masks(padding, vectors)({"w": jnp.ones(3)})["w"])
    [ True  True False]
    """
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    if not any(map(callable, given)):
        return _kept_by_all(given)
    return lambda params: _kept_by_all([mask_of(mask, params) for mask in given])


def _kept_by_all(masks: Sequence[PyTree]) -> PyTree:
    both = masks[0]
    for mask in masks[1:]:
        first: Any = jax.tree.structure(both)
        other: Any = jax.tree.structure(mask)
        if first != other:
            raise ConfigError(
                f"masks: one has the structure {first}, another {other}; they must agree. Make each with "
                "leaf_mask(params, predicate)."
            )
        both = jax.tree.map(lambda a, b: (a != 0) & (b != 0), both, mask)
    return both


def count_parameters(params: PyTree, mask: PyTree | None = None) -> Array:
    """Number of parameters that a mask keeps: ``p = sum(mask)``; int32 scalar, traced where the mask is.

    Raises:
      ConfigError: a mask that does not fit ``params``, or keeps nothing.
    """
    mask = mask_of(mask, params)
    check_mask(mask, params)
    if mask is None:
        return jnp.asarray(sum(leaf.size for leaf in jax.tree.leaves(params)), jnp.int32)
    sizes = jax.tree.map(lambda part, leaf: jnp.sum(jnp.broadcast_to(jnp.asarray(part) != 0, leaf.shape)), mask, params)
    return sum(jax.tree.leaves(sizes), jnp.zeros((), jnp.int32))


def project(tree: PyTree, mask: PyTree | None) -> PyTree:
    """``P v``: zero where the mask is, whatever stood there (NaN included)."""
    if mask is None:
        return tree
    return jax.tree.map(lambda leaf, part: jnp.where(jnp.asarray(part) != 0, leaf, jnp.zeros_like(leaf)), tree, mask)
