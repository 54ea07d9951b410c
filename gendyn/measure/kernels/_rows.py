"""What a kernel asks of a network's rows: one array of them, and that each answers for itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, captured, is_concrete
from gendyn.types import Array, PyTree

MOST_ROWS = 8
"""Rows that are compared, spread over the batch: a mean over the batch shows in any of them."""


@dataclass(frozen=True)
class OfBytes:
    """``apply`` of a tree of inputs, as a function of one array of rows: the bytes of each example."""

    apply: Callable[..., Any]
    tree: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]

    def __call__(self, params: PyTree, rows: Array) -> Any:
        leaves, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stored = np.dtype(np.uint8) if dtype == np.bool_ else dtype
            width = (stored.itemsize,) if stored.itemsize > 1 else ()
            stop = start + int(np.prod(shape)) * stored.itemsize
            part = rows[:, start:stop].reshape(rows.shape[0], *shape, *width)
            leaves.append(jax.lax.bitcast_convert_type(part, stored).astype(dtype))
            start = stop
        return self.apply(params, jax.tree.unflatten(self.tree, leaves))


def one_array(apply: Callable[..., Any], x1: Any, x2: Any) -> tuple[Callable[..., Any], Any, Any]:
    """The same network and examples with each example in one array, if it is a dict or another tree.

    Inputs have no derivative here, so their bytes will do, whatever their dtypes.
    """
    trees: list[Any] = [jax.tree.structure(x) for x in (x1, x2) if x is not None]
    if jax.tree_util.treedef_is_leaf(trees[0]) and jax.tree_util.treedef_is_leaf(trees[-1]):
        return apply, x1, x2
    if trees[0] != trees[-1]:
        raise ConfigError(f"x2 has the structure {trees[-1]}, x1 has {trees[0]}; they must agree.")
    first = [jnp.asarray(leaf) for leaf in jax.tree.leaves(x1)]
    lengths = {leaf.shape[:1] for leaf in first}
    if len(lengths) != 1 or lengths == {()} or any(jnp.iscomplexobj(leaf) for leaf in first):
        raise ConfigError(
            f"x1 has leaves {[f'{leaf.dtype}{list(leaf.shape)}' for leaf in first]}; all must be real, [N, ...] with "
            "one N, the examples."
        )
    shapes, dtypes = tuple(leaf.shape[1:] for leaf in first), tuple(np.dtype(leaf.dtype) for leaf in first)
    packed = OfBytes(apply, trees[0], shapes, dtypes)
    return packed, _bytes(packed, x1), None if x2 is None else _bytes(packed, x2)


def _bytes(packed: OfBytes, x: PyTree) -> Array:
    rows = []
    for leaf, shape, dtype in zip(map(jnp.asarray, jax.tree.leaves(x)), packed.shapes, packed.dtypes, strict=True):
        if leaf.shape[1:] != shape:
            raise ConfigError(f"x2 has examples of shape {leaf.shape[1:]}, x1 of {shape}; they must agree.")
        stored = leaf.astype(np.uint8 if dtype == np.bool_ else dtype)
        rows.append(jax.lax.bitcast_convert_type(stored, np.uint8).reshape(leaf.shape[0], -1))
    return jnp.concatenate(rows, axis=1)


def check_rows(apply: Callable[..., Any], params: PyTree, x: Array) -> None:
    """Raises ConfigError where an output depends on the other rows of the batch.

    Compared are the outputs of a batch with those of its rows one by one. Values that are traced cannot be compared.
    """
    count = x.shape[0]
    if count < 2 or not all(is_concrete(leaf) for leaf in (*jax.tree.leaves(params), x)):
        return
    apply = captured(apply, apply, params, x[:1])  # an answer for what it reads now; one that is kept stays itself
    rows = x[np.linspace(0, count - 1, min(count, MOST_ROWS)).round().astype(int)]
    with jax.default_matmul_precision("highest"):  # a GPU rounds products of many rows and of one differently
        together, alone = _both(apply, params, rows)
    # Traced after all: ``apply`` closes over something that is.
    if not is_concrete(together):
        return
    if _agree(together, alone):
        return
    # Outputs that nearly cancel differ by rounding too. Then the first rows do not notice another batch around them.
    half = len(rows) // 2
    with jax.default_matmul_precision("highest"):
        changed, _ = _both(apply, params, jnp.concatenate([rows[:half], rows[:half], rows[:1]])[: len(rows)])
    if _agree(together[:half], changed[:half]) and np.abs(together - alone).max() <= 0.1 * np.abs(together).max():
        return
    off = np.abs(together - alone).max()
    raise ConfigError(
        f"apply(params, x) of {len(rows)} rows differs by {off:.3g} from the outputs of the rows one by one: it mixes "
        "the rows of a batch (BatchNorm with the batch's statistics, or a random draw for each batch), and has no "
        "gradient of one example. Use the running averages (train=False), or products with the Jacobian of the whole "
        "batch: ntk_matvec, or ntk_eigh with k, without block_size."
    )


@partial(jax.jit, static_argnums=0)
def _both(apply: Callable[..., Any], params: PyTree, rows: Array) -> tuple[Array, Array]:
    return apply(params, rows), jax.lax.map(lambda row: apply(params, row[None])[0], rows)


def _agree(first: Array, second: Array) -> bool:
    scale = float(jnp.abs(first).max())
    off = float(jnp.abs(first - second).max())
    # NaN differs from nothing: it shows in the kernel.
    return not off > float(jnp.finfo(first.dtype).eps) ** 0.5 * scale


def check_blocks(apply: Callable[..., Any], params: PyTree, x: Array, block_size: int | None) -> None:
    """:func:`check_rows` where the batch is cut into blocks; whole it may mix its rows."""
    if block_size is not None and block_size < x.shape[0]:
        check_rows(apply, params, x)
