"""A linear map that is a sum over examples: linearised once over all of them, or block by block at each product."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from gendyn.core import captured, check_choice, check_range
from gendyn.measure._checks import as_arrays, check_batch, check_losses, check_mask, check_parameters
from gendyn.measure._forward_mode import said_of_forward_mode
from gendyn.measure.masks import project
from gendyn.measure.memory import check_operator
from gendyn.types import Array, ArrayLike, PyTree

Matvec = Callable[[PyTree], PyTree]
WITHOUT_FORWARD_MODE = ("A product with a Gauss-Newton or Fisher matrix", "the Hessian")


class Curvature(Protocol):
    """The part of an operator that is its own: hashable, so that equal operators share a compiled program."""

    def __call__(self, params: PyTree, x: PyTree, y: PyTree, weights: Array, extra: Any) -> Matvec:
        """The linear map of one block of examples, each counted ``weights [B]`` times; its forward pass runs here."""


class Examples(NamedTuple):
    """A data set as operators see it."""

    x: PyTree
    """Leaves ``[n, ...]``."""
    y: PyTree
    """Leaves ``[n, ...]``."""
    weights: Array
    """``[n]``: what each example's term is multiplied by; sums to 1 for a mean."""


def prepare(
    apply: Callable,
    loss: Callable | None,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    weights: ArrayLike | None,
    batch_size: int | None,
    reduction: str,
    mask: PyTree | None,
    damping: ArrayLike,
) -> Examples:
    """Checks what all operators over a data set take, and turns weights and reduction into one number an example."""
    check_parameters(params)
    check_mask(mask, params)
    check_choice("reduction", reduction, ("mean", "sum"))
    check_range("damping", damping, low=0.0)
    count = check_batch(x, y, weights, batch_size)
    if loss is not None:
        check_losses(apply, loss, params, x, y, count)
    dtype = jnp.result_type(*jax.tree.leaves(params), jnp.float32)
    each = jnp.ones(count, dtype) if weights is None else jnp.asarray(weights, dtype)
    return Examples(x, y, each / jnp.sum(each) if reduction == "mean" else each)


def operator(
    curvature: Curvature,
    params: PyTree,
    data: Examples,
    extra: Any,
    batch_size: int | None,
    mask: PyTree | None,
    damping: ArrayLike,
    memory_limit: float | None,
    reserved: int,
) -> Partial:
    """``v -> P (sum of blocks) P v + damping P v``, as a pytree, whose arrays are arguments to jit and vmap."""
    count = data.weights.shape[0]
    params = as_arrays(params)
    original = curvature  # which the function below must go on to mean
    curvature = captured(curvature, lambda p, d, e: original(p, d.x, d.y, d.weights, e)(p), params, data, extra)
    check_operator(
        lambda part: linearised(curvature, params, part, extra), params, data, count, batch_size, memory_limit, reserved
    )
    if batch_size is None or batch_size >= count:
        linear = linearised(curvature, params, data, extra)
    else:
        linear = Partial(streamed, Static((curvature, batch_size)), params, data, extra)
    return Partial(projected, linear, mask, damping)


@jax.tree_util.register_static
class Static(tuple):
    """Hashable values that travel in a pytree beside its arrays."""


def projected(linear: Matvec, mask: PyTree | None, damping: ArrayLike, v: PyTree) -> PyTree:
    """``P A P v + damping P v``."""
    with said_of_forward_mode(*WITHOUT_FORWARD_MODE):
        return _projected(linear, mask, damping, v)


@jax.jit
def _projected(linear: Matvec, mask: PyTree | None, damping: ArrayLike, v: PyTree) -> PyTree:
    v = project(v, mask)
    return jax.tree.map(lambda av, u: av + jnp.asarray(damping, u.dtype) * u, project(linear(v), mask), v)


def linearised(curvature: Curvature, params: PyTree, data: Examples, extra: Any) -> Matvec:
    """One forward pass, kept: each product costs the linear part alone."""
    return _linearised(curvature, params, data, extra)


@jax.jit(static_argnums=0)
def _linearised(curvature: Curvature, params: PyTree, data: Examples, extra: Any) -> Matvec:
    return curvature(params, data.x, data.y, data.weights, extra)


def streamed(static: Static, params: PyTree, data: Examples, extra: Any, v: PyTree) -> PyTree:
    """The product with ``v``, a block at a time: working memory does not depend on the number of examples."""
    curvature, batch_size = static

    def block(part: Examples) -> PyTree:
        # By the jitted function, whose trace for blocks of this size is there from the check of memory.
        return linearised(curvature, params, part, extra)(v)

    return sum_over_blocks(block, data, batch_size)


def sum_over_blocks(block: Callable[[Examples], PyTree], data: Examples, batch_size: int | None) -> PyTree:
    """Sum of ``block(rows)``. The last, smaller block runs by itself: no network ever sees a row of padding."""
    count = data.weights.shape[0]
    if batch_size is None or batch_size >= count:
        return block(data)

    def rows(start: ArrayLike, size: int) -> Examples:
        return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(jnp.asarray(leaf), start, size), data)

    def step(total: PyTree, start: Array) -> tuple[PyTree, None]:
        return jax.tree.map(jnp.add, total, block(rows(start, batch_size))), None

    full, rest = divmod(count, batch_size)
    shapes = jax.eval_shape(lambda: block(rows(0, batch_size)))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    total, _ = jax.lax.scan(step, zeros, batch_size * jnp.arange(full))
    return jax.tree.map(jnp.add, total, block(rows(full * batch_size, rest))) if rest else total
