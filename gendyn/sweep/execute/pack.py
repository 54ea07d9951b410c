"""Initial parameters of runs side by side: each drawn at its own sizes and zero-padded to common ones."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from gendyn.core import stream
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.program import Program, model_alone, shapes_at
from gendyn.types import PyTree, Variables


def draw_variables(program: Program, flat: Flat) -> Variables:
    """A run's initial parameters at its own sizes, drawn from ``stream(key(seed), "init")``, on the host."""
    x = program.inputs(1)
    key = stream(jax.random.key(flat["seed"]), "init")
    return jax.tree.map(np.asarray, model_alone(program, flat).init(key, x))


def pack_variables(program: Program, flats: Sequence[Flat]) -> Variables:
    """Initial variables of all runs, each drawn at its own sizes, ``[R, …]`` at the program's."""
    shapes = shapes_at(program, flats[0], padded=True)
    leaves, treedef = jax.tree.flatten(shapes)
    packed = [np.zeros((len(flats), *leaf.shape), leaf.dtype) for leaf in leaves]
    for row, flat in enumerate(flats):
        for target, leaf in zip(packed, jax.tree.leaves(draw_variables(program, flat)), strict=True):
            corner: Any = (row, *(slice(0, size) for size in leaf.shape))
            target[corner] = leaf
    return jax.tree.unflatten(treedef, packed)


def unpad_like(packed: PyTree, like: PyTree) -> PyTree:
    """The leading corner of each leaf, in the shapes of ``like``: the inverse of padding."""
    return jax.tree.map(lambda leaf, small: leaf[tuple(slice(0, size) for size in small.shape)], packed, like)


def stack(trees: Sequence[PyTree]) -> PyTree:
    """Leaves side by side on a new leading axis, on the host."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
