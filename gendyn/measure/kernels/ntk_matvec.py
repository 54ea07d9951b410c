"""Products with a tangent kernel, ``J J^T v``, without forming it; and a kernel from such products."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gendyn.core import check_choice, check_positive_int, mask_of
from gendyn.measure._checks import check_mask
from gendyn.measure._forward_mode import said_of_forward_mode
from gendyn.measure.kernels._blocks import pad_rows
from gendyn.measure.kernels._rows import check_blocks, one_array
from gendyn.measure.masks import project
from gendyn.types import Array, PyTree

Apply = Callable[[PyTree, Array], Array]
KINDS = ("full", "trace", "sum")


def ntk_matvec(
    apply: Apply,
    params: PyTree,
    x: Array,
    *,
    kind: str = "full",
    block_size: int | None = None,
    mask: PyTree | None = None,
) -> Callable[[Array], Array]:
    """The tangent kernel as a function ``v -> K v``: exact, and the kernel is never formed.

    ``full``: ``J J^T v``; ``trace``: ``(1/K) sum_k J_k J_k^T v``; ``sum``: with ``J`` of the summed outputs.

    Cost of one product: a backward and a forward-mode pass over ``x`` (``K`` of each for ``trace``). Memory: the
    activations of ``block_size`` examples.

    Args:
      apply: ``(params, x [B, ...]) -> outputs [B, K]``. Without ``block_size`` ``J`` is the Jacobian of the whole batch
        and rows may depend on each other; with it they must not, as for :func:`empirical_ntk`.
      params: pytree of floating-point arrays.
      x: ``[N, ...]``, or a dict or other tree of such arrays.
      kind: ``"full"``, ``"trace"`` or ``"sum"``.
      block_size: examples at a time; ``None``: all.
      mask: pytree like ``params`` of 0/1 arrays, or a function of ``params`` that gives one: the parameters that count.

    Returns:
      A linear function of ``v``: ``[N, K]`` for ``full``, else ``[N]``.

    Raises:
      ConfigError: an unknown kind, a block size that is not a positive integer, a mask that does not fit, or blocks of
        a network whose rows depend on each other; by the product, a network with a ``custom_vjp``, which has no
        forward mode.

    >>> x = jnp.array([[1.0, 0.0], [1.0, 1.0]])
    >>> matvec = ntk_matvec(lambda w, x: x @ w, jnp.zeros((2, 1)), x)
    >>> matvec(jnp.array([[1.0], [0.0]])).ravel().tolist()  # X X^T e_0
    [1.0, 1.0]

    Reference: Novak et al. (2022), arXiv:2206.08720, section 3.3.
    """
    check_choice("kind", kind, KINDS)
    if block_size is not None:
        check_positive_int("block_size", block_size)
    mask = mask_of(mask, params)
    check_mask(mask, params)
    apply, x, _ = one_array(apply, x, None)
    check_blocks(apply, params, x, block_size)
    count = x.shape[0]
    block = min(block_size or count, count)
    blocks = pad_rows(x, block).reshape(-1, block, *x.shape[1:])

    def pull(cotangents: Array) -> PyTree:
        def add(total: PyTree, inputs: tuple[Array, Array]) -> tuple[PyTree, None]:
            rows, values = inputs
            (gradient,) = jax.vjp(lambda p: apply(p, rows), params)[1](values)
            return jax.tree.map(jnp.add, total, gradient), None

        missing = blocks.shape[0] * block - count
        padded = jnp.pad(cotangents, ((0, missing), (0, 0))).reshape(-1, block, cotangents.shape[1])
        return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), (blocks, padded))[0]

    def push(direction: PyTree) -> Array:
        moved = jax.lax.map(lambda rows: jax.jvp(lambda p: apply(p, rows), (params,), (direction,))[1], blocks)
        return moved.reshape(-1, moved.shape[-1])[:count]

    outputs = jax.eval_shape(lambda p: apply(p, x), params)

    def full(v: Array) -> Array:
        gradient = project(pull(v.astype(outputs.dtype)), mask)
        with said_of_forward_mode("ntk_matvec", "empirical_ntk"):
            return push(gradient)

    if kind == "full":
        return full
    if kind == "sum":
        return lambda v: full(jnp.broadcast_to(v[:, None], outputs.shape)).sum(1)

    def traced(v: Array) -> Array:
        def one_output(total: Array, unit: Array) -> tuple[Array, None]:
            return total + full(v[:, None] * unit) @ unit, None

        units = jnp.eye(outputs.shape[1], dtype=outputs.dtype)
        return jax.lax.scan(one_output, jnp.zeros(count, outputs.dtype), units)[0] / outputs.shape[1]

    return traced


def kernel_from_products(
    apply: Apply, params: PyTree, x1: Array, x2: Array, kind: str, mask: PyTree | None, block: int
) -> Array:
    """The kernel column by column: the gradient of each output of each row of ``x2``, pushed through ``x1``."""
    num_outputs = jax.eval_shape(apply, params, x1).shape[1]

    def columns(example: Array) -> Array:
        outputs, pullback = jax.vjp(lambda p: apply(p, example[None])[0], params)
        one = jnp.ones((1, num_outputs), outputs.dtype)
        rows = one if kind == "sum" else jnp.eye(num_outputs, dtype=outputs.dtype)
        (gradients,) = jax.vmap(pullback)(rows)

        def push(gradient: Any) -> Array:
            return jax.jvp(lambda p: apply(p, x1), (params,), (project(gradient, mask),))[1]

        moved = jax.vmap(push)(gradients)  # [C, N1, K]
        if kind == "full":
            return moved.transpose(1, 2, 0)
        return jnp.einsum("knk->n", moved) / num_outputs if kind == "trace" else moved[0].sum(1)

    found = jax.lax.map(columns, x2, batch_size=min(block, x2.shape[0]))
    if kind != "full":
        return found.T
    return found.transpose(1, 2, 0, 3).reshape(x1.shape[0] * num_outputs, -1)
