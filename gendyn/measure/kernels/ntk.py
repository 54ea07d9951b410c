"""The empirical tangent kernel of any ``apply(params, x)``, and its eigendecomposition."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import (
    ConfigError,
    captured,
    check_choice,
    check_function,
    check_key,
    check_memory,
    check_positive_int,
    count_flops,
    eigh,
    is_concrete,
    mask_of,
)
from gendyn.linalg import top_eigenpairs
from gendyn.measure._checks import check_batch, check_mask, check_parameters
from gendyn.measure._forward_mode import has_forward_mode, said_of_forward_mode
from gendyn.measure.kernels._blocks import kernel_from_features
from gendyn.measure.kernels._features import make_plan, plan_flops
from gendyn.measure.kernels._layers import trace
from gendyn.measure.kernels._layout import choose_layout
from gendyn.measure.kernels._rows import check_blocks, check_rows, one_array
from gendyn.measure.kernels.ntk_matvec import KINDS, Apply, kernel_from_products, ntk_matvec
from gendyn.types import Array, PyTree

STRATEGIES = ("auto", "structured", "jacobian", "products")
LARGEST_DENSE = 32_000
"""Rows from which LAPACK's 32-bit indices fail on a CPU (jax issues 4358, 20904)."""


class KernelEigen(NamedTuple):
    """``K = V diag(values) V^T``, or its leading part."""

    values: Array
    """``[r]``, descending."""
    vectors: Array
    """``[m, r]``: eigenvectors in columns; row ``n * K + k`` of a full kernel. The sign is free."""
    residuals: Array
    """``[r]``: bounds on ``||K v - lambda v||``."""


def empirical_ntk(
    apply: Apply,
    params: PyTree,
    x1: Array,
    x2: Array | None = None,
    *,
    kind: str = "full",
    strategy: str = "auto",
    block_size: int | None = None,
    mask: PyTree | None = None,
    memory_limit: float | None = None,
) -> Array:
    """The empirical neural tangent kernel: exact inner products of the gradients of outputs in the parameters.

    With ``J[n, k] = d apply(params, x)[n, k] / d params``:

    - ``full``: ``K[n K + k, m K + l] = <J[n, k], J[m, l]>``, ``[N1 K, N2 K]``;
    - ``trace``: ``(1/K) sum_k <J[n, k], J[m, k]>``, the mean over outputs, ``[N1, N2]``;
    - ``sum``: ``<sum_k J[n, k], sum_l J[m, l]>``, the kernel of the summed outputs, ``[N1, N2]``.

    Nothing is approximated. ``apply`` must treat its rows independently (BatchNorm in evaluation mode): it is traced
    for one example at a time. Up to 8 rows are compared, as one batch and one by one, and a difference is refused;
    where parameters or examples are traced (inside ``jit`` or ``vmap``) that cannot be seen. float32 sums in float32,
    float64 in float64, narrower types in float32.

    Strategies, all equal up to rounding:

    - ``structured``: walks the jaxpr of ``apply``. A parameter that is used once, as the kernel of a matrix product or
      an ungrouped convolution, enters by its layer's inputs and output cotangents; any other by its own per-example
      gradient. A kernel used inside a loop or a custom derivative rule counts as any other.
    - ``jacobian``: every parameter by its per-example gradient.
    - ``products``: one gradient of each column pushed through the network (``J J^T e``).
    - ``auto``: structured or products, whichever is counted to need fewer multiply-adds.

    Cost: structured, ``N K`` backward passes and ``2 N^2 K^2 sum(fan_out) `` for dense layers (half when ``x2`` is
    None: the kernel is symmetric; a ``K``-th for ``trace``). Memory: the kernel, ``N K sum(fan_out)`` numbers for dense
    layers and ``N K P`` for convolutions with many positions; where that exceeds ``memory_limit`` it is computed again
    for each tile of the kernel.

    Args:
      apply: ``(params, x [B, ...]) -> outputs [B, K]``. Compiled once for each function object and
        what it reads beside its arguments; each call traces it to see that, which ``jax.jit(apply)`` spares.
      params: pytree of real floating-point arrays.
      x1: ``[N1, ...]``, or a dict or other tree of such arrays.
      x2: ``[N2, ...]``; ``None``: ``x1``.
      kind: ``"full"``, ``"trace"`` or ``"sum"``.
      strategy: see above.
      block_size: examples at a time; ``None`` chooses for speed.
      mask: pytree like ``params`` of 0/1 arrays that broadcast to the leaves: the parameters that count. Padding whose
        gradient is 0 needs none. One that keeps part of a leaf forces that leaf's per-example gradient.
      memory_limit: bytes; ``None``: what is free when this is first called or traced.

    Raises:
      ConfigError: parameters that are not real floating-point or not finite, an empty batch, outputs that are not
        ``[B, K]`` or that depend on other rows, ``products`` of a network with a ``custom_vjp``, an unknown kind or
        strategy, a mask that does not fit, or a memory need beyond the limit.

    >>> x = jnp.array([[1.0, 0.0], [1.0, 1.0]])
    >>> empirical_ntk(lambda w, x: x @ w, jnp.zeros((2, 1)), x).tolist()  # of a linear model: X X^T
    [[1.0, 1.0], [1.0, 2.0]]

    Reference: Jacot et al. (2018), arXiv:1806.07572; Novak et al. (2022), arXiv:2206.08720.
    """
    check_choice("kind", kind, KINDS)
    check_choice("strategy", strategy, STRATEGIES)
    mask = mask_of(mask, params)
    apply, x1, x2 = check_inputs(apply, params, x1, x2, block_size, mask)
    apply = _kept(apply, params, x1)
    check_rows(apply, params, x1 if x2 is None or len(x1) >= len(x2) else x2)
    dropped, masked, parts = _classify(params, mask)
    with said_of_forward_mode("strategy = 'products'", "strategy='structured'"):
        return _compute(apply, kind, strategy, block_size, memory_limit, dropped, masked, params, x1, x2, parts, mask)


def ntk_eigh(
    apply: Apply,
    params: PyTree,
    x: Array,
    *,
    kind: str = "full",
    k: int | None = None,
    key: Array | None = None,
    tol: float = 1e-4,
    max_steps: int = 500,
    block_size: int | None = None,
    mask: PyTree | None = None,
    memory_limit: float | None = None,
) -> KernelEigen:
    """Eigenvalues and eigenvectors of the tangent kernel: all of them densely, or the ``k`` largest without forming it.

    Dense: ``eigh`` of :func:`empirical_ntk`, ``O(m^3)`` for ``m`` rows. With ``k``: thick-restart Lanczos on products
    ``J J^T v`` (:func:`gendyn.linalg.top_eigenpairs`), each a backward and a forward pass over ``x``; memory a few
    times ``k`` vectors of ``m`` numbers.

    Args:
      apply, params, x, kind, block_size, mask, memory_limit: as for :func:`empirical_ntk`.
      k: number of largest eigenpairs; ``None``: all.
      key: random key of Lanczos' start vector; ``None``: ``jax.random.key(0)``.
      tol, max_steps: when Lanczos stops, see :func:`gendyn.linalg.top_eigenpairs`.

    Returns:
      :class:`KernelEigen`. Dense residuals are the rounding of ``eigh``, ``m eps max|lambda|``.

    Raises:
      ConfigError: as :func:`empirical_ntk`, of which rows may depend on each other with ``k`` and no ``block_size``;
        ``k`` of a network with a ``custom_vjp``; ``k`` larger than the kernel; more than 32,000 rows without ``k``.

    >>> x = jnp.array([[2.0, 0.0], [0.0, 1.0]])
    >>> eigen = ntk_eigh(lambda w, x: x @ w, jnp.zeros((2, 1)), x)
    >>> [round(float(value), 5) for value in eigen.values]
    [4.0, 1.0]
    """
    mask = mask_of(mask, params)
    if key is not None:
        check_key("key", key)
    check_choice("kind", kind, KINDS)
    apply, x, _ = check_inputs(apply, params, x, None, block_size, mask)
    apply = _kept(apply, params, x)
    outputs = jax.eval_shape(apply, params, x)
    shape = outputs.shape if kind == "full" else outputs.shape[:1]
    rows = math.prod(shape)
    if k is None:
        if rows > LARGEST_DENSE:
            raise ConfigError(
                f"ntk_eigh: the {kind} kernel has {rows} rows; a dense eigendecomposition takes at most "
                f"{LARGEST_DENSE}. Set k, use fewer examples, or kind='trace'."
            )
        kernel = empirical_ntk(apply, params, x, kind=kind, block_size=block_size, mask=mask, memory_limit=memory_limit)
        values, vectors = eigh(kernel)
        bound = rows * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values))
        return KernelEigen(values[::-1], vectors[:, ::-1], jnp.full_like(values, bound))
    check_positive_int("k", k)
    if k > rows:
        raise ConfigError(f"k = {k} exceeds the {rows} rows of the {kind} kernel; ask for at most that many.")
    check_blocks(apply, params, x, block_size)
    like = jax.ShapeDtypeStruct(shape, outputs.dtype)
    start = jax.random.key(0) if key is None else key
    with said_of_forward_mode(f"k = {k}", "k=None (a dense kernel)"):
        pairs = _top_pairs(apply, kind, k, max_steps, block_size, like, params, x, mask, start, tol)
    return KernelEigen(pairs.values, pairs.vectors.reshape(k, -1).T, pairs.residuals)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4, 5))
def _top_pairs(
    apply: Apply,
    kind: str,
    k: int,
    max_steps: int,
    block_size: int | None,
    like: Any,
    params: PyTree,
    x: Array,
    mask: PyTree | None,
    key: Array,
    tol: Array,
) -> Any:
    matvec = ntk_matvec(apply, params, x, kind=kind, block_size=block_size, mask=mask)
    return top_eigenpairs(matvec, like, k, key=key, tol=tol, max_steps=max_steps)


@partial(jax.jit, static_argnums=tuple(range(7)))
def _compute(
    apply: Apply,
    kind: str,
    strategy: str,
    block_size: int | None,
    memory_limit: float | None,
    dropped: tuple[int, ...],
    masked: tuple[int, ...],
    params: PyTree,
    x1: Array,
    x2: Array | None,
    parts: Sequence[Any],
    mask: PyTree | None,
) -> Array:
    """See :func:`empirical_ntk`; everything static is decided while this is traced."""
    leaves = jax.tree.leaves(params)
    example = jax.ShapeDtypeStruct(x1.shape[1:], x1.dtype)
    left, right = x1.shape[0], (x1 if x2 is None else x2).shape[0]
    pairs = left * right / (2.0 if x2 is None else 1.0)
    examples = left if x2 is None else left + right
    tracing = trace(apply, params, example)
    outputs, itemsize = tracing.num_outputs, jnp.promote_types(jnp.result_type(*leaves), jnp.float32).itemsize
    rows = outputs if kind == "full" else 1
    kernel_bytes = left * right * rows**2 * itemsize
    advice = "use fewer examples"
    if kind == "full":
        advice += f", kind='trace' ({kernel_bytes / outputs**2:.3g} bytes), or ntk_eigh(k=...), which forms no kernel"
    check_memory({f"for the {kind} kernel": kernel_bytes}, memory_limit, advice)

    if strategy != "products":
        plan = make_plan(
            tracing, kind, pairs / examples, explicit=strategy == "jacobian", dropped=dropped, masked=masked
        )
        layout = choose_layout(plan, leaves, example, (left, right), x2 is None, block_size, memory_limit, kernel_bytes)
        structured = plan_flops(plan, leaves, example, examples * layout.repeats, pairs)
        if strategy != "auto" or structured <= _products_flops(apply, params, example, kind, outputs, left, right):
            check_memory(
                {f"for the {kind} kernel": kernel_bytes, "for features": layout.feature_bytes},
                memory_limit,
                f"set block_size below {layout.tile_block}, or strategy='products'",
            )
            masks = tuple(zip(masked, parts, strict=True))
            return kernel_from_features(plan, leaves, masks, x1, x2, layout)
    return kernel_from_products(apply, params, x1, x1 if x2 is None else x2, kind, mask, block_size or 1)


def _products_flops(
    apply: Apply, params: PyTree, example: Any, kind: str, outputs: int, left: int, right: int
) -> float:
    """Multiply-adds times two of the ``products`` strategy: one push of each column through each row."""
    row = jax.ShapeDtypeStruct((1, *example.shape), example.dtype)
    if not has_forward_mode(lambda p: apply(p, jnp.zeros(row.shape, row.dtype)), params):
        return math.inf
    push = count_flops(lambda p, x: jax.jvp(lambda q: apply(q, x), (p,), (p,))[1], params, row)
    return push * left * right * (1 if kind == "sum" else outputs)


def check_inputs(
    apply: Apply, params: PyTree, x1: Any, x2: Any, block_size: int | None, mask: PyTree | None
) -> tuple[Apply, Array, Array | None]:
    """``apply`` and the examples, one array each; raises ConfigError for what would fail, or be NaN, later."""
    check_function("apply", apply, "(apply, params, x)")
    # Values that a surrounding jit closes over are concrete; looking at them must not become part of its program.
    with jax.ensure_compile_time_eval():
        check_parameters(params)
        check_mask(mask, params)
    if block_size is not None:
        check_positive_int("block_size", block_size)
    apply, x1, x2 = one_array(apply, x1, x2)
    x1, x2 = jnp.asarray(x1), None if x2 is None else jnp.asarray(x2)
    for x in (x1,) if x2 is None else (x1, x2):
        check_batch(x, x, None, None)
    if x2 is not None and x2.shape[1:] != x1.shape[1:]:
        raise ConfigError(f"x2 has examples of shape {x2.shape[1:]}, x1 of {x1.shape[1:]}; they must agree.")
    out = jax.eval_shape(lambda p, x: apply(p, x), params, x1)
    shape = getattr(out, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != x1.shape[0] or not jnp.issubdtype(out.dtype, jnp.floating):
        raise ConfigError(
            f"apply(params, x) must be real outputs [B, K] with B = {x1.shape[0]}, not "
            f"{type(out).__name__ if shape is None else (*shape, str(out.dtype))}; return the logits alone, and add an "
            "axis to a single output."
        )
    return apply, x1, x2


def _classify(params: PyTree, mask: PyTree | None) -> tuple[tuple[int, ...], tuple[int, ...], list[Any]]:
    """Leaves that the mask leaves out whole, leaves it keeps in part (or that are traced), and the latter's masks."""
    dropped: list[int] = []
    masked: list[int] = []
    parts: list[Any] = []
    if mask is not None:
        for index, part in enumerate(jax.tree.leaves(mask)):
            if is_concrete(part) and not np.any(np.asarray(part)):
                dropped.append(index)
            elif not (is_concrete(part) and np.all(np.asarray(part))):
                masked.append(index)
                parts.append(part)
    return tuple(dropped), tuple(masked), parts


def _kept(apply: Apply, params: PyTree, x: Array) -> Apply:
    """``apply`` as a key of compiled programs, by what its derivative on one example reads."""

    def derivative(p: PyTree, row: Array) -> PyTree:
        outputs, pullback = jax.vjp(lambda q: apply(q, row), p)  # forward mode would refuse a custom_vjp
        return pullback(jnp.ones_like(outputs))

    return captured(apply, derivative, params, x[:1])
