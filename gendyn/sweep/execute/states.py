"""The state of runs as a checkpoint holds it."""

from collections.abc import Mapping

import jax
import numpy as np

from gendyn.types import PyTree


def flatten_state(state: PyTree) -> dict[str, np.ndarray]:
    """``{path: array}``, as a checkpoint holds it."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def unflatten_state(like: PyTree, flat: Mapping[str, np.ndarray]) -> PyTree:
    """The inverse of :func:`flatten_state`; ``like`` may be abstract."""
    paths, treedef = jax.tree_util.tree_flatten_with_path(like)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    return jax.tree.unflatten(treedef, [flat[name] for name in names])
