"""Runs side by side: zero-padding to common shapes, inert rows, and back again."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from gendyn import train
from gendyn.core import stream
from gendyn.sweep.config import Flat
from gendyn.sweep.points import changed_num_train, num_train
from gendyn.sweep.program import Program, draw_variables, model_alone
from gendyn.tasks import LABEL_NOISE_KINDS
from gendyn.types import PyTree, Task, Variables


def unpad_like(packed: PyTree, like: PyTree) -> PyTree:
    """The leading corner of each leaf, in the shapes of ``like``: the inverse of padding."""
    return jax.tree.map(lambda leaf, small: leaf[tuple(slice(0, size) for size in small.shape)], packed, like)


def shapes_at(program: Program, flat: Flat, *, padded: bool) -> Variables:
    """Abstract variables of a run at its own or at the program's sizes; nothing is allocated."""
    values = flat if not padded else flat | dict(program.sizes)
    x = program.inputs(1)
    return jax.eval_shape(lambda: model_alone(program, values).init(jax.random.key(0), x))


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


def sample_of(flat: Flat, task: Task, num_rows: int) -> train.Sample:
    """What one run sees of the task's first ``num_rows`` training rows."""
    key = jax.random.key(flat["seed"])
    available = len(task.y_train)
    count = num_train(flat, available)
    targets = task.y_train
    if flat["data.label_noise"] > 0:
        corrupt = _corrupt(flat["data.label_noise_kind"])
        noise_key = stream(key, "label_noise")
        targets = np.asarray(corrupt(noise_key, targets, flat["data.label_noise"], task.num_outputs, count))
    order_key = np.asarray(jax.random.key_data(stream(key, "order")))
    change = flat["data.change_step"], changed_num_train(flat, available)
    arrays: tuple[Any, ...] = (targets[:num_rows], np.int32(count), order_key, *map(np.int32, change))
    return train.Sample(*arrays)


_compiled: dict[str, Callable[..., jax.Array]] = {}


def _corrupt(kind: str) -> Callable[..., jax.Array]:
    if kind not in _compiled:
        _compiled[kind] = jax.jit(LABEL_NOISE_KINDS[kind], static_argnums=3)
    return _compiled[kind]


def stack(trees: Sequence[PyTree]) -> PyTree:
    """Leaves side by side on a new leading axis, on the host."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
