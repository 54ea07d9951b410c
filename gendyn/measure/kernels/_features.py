"""Per-example features of a tangent kernel: what of each example is enough to form its row of the kernel.

For each layer found by ``_ntk_layers`` one of three forms, whichever costs the fewest multiply-adds:

- ``product`` (one position): ``A [p]`` and ``B [C, o]``; the layer's kernel is ``(A·A') * (B·B')``.
- ``positions`` (``T`` positions): ``A [T, p]`` and ``B [C, T, o]``; ``sum over s, t of (A_s·A'_t) (B_s·B'_t)``.
- ``gradient``: the gradient ``A^T B [C, o p]`` itself; its kernel is a plain Gram matrix.

All other leaves are one more ``gradient``. A bias on a layer's output adds 1 to ``A·A'`` and costs nothing. ``C`` is
the number of cotangents: the outputs, or one for the kernel of the summed outputs.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import count_flops
from gendyn.measure.kernels._layers import Layer, Tracing, output_shape, rows_of_cotangent, run_tapped
from gendyn.types import Array

FORMS = ("product", "positions", "gradient")


class Plan(NamedTuple):
    """How the kernel of one function is computed."""

    tracing: Tracing
    layers: tuple[Layer, ...]
    forms: tuple[str, ...]
    """One of ``FORMS`` per layer."""
    others: tuple[int, ...]
    """Leaves whose gradient is taken as it is."""
    kind: str
    num_cotangents: int

    @property
    def rows(self) -> int:
        """Rows of the kernel per example."""
        return self.num_cotangents if self.kind == "full" else 1


def pair_flops(layer: Layer, form: str, kind: str, cotangents: int) -> float:
    """Multiply-adds times two of a layer's kernel between two examples."""
    positions, fan_in, fan_out = layer.positions, layer.fan_in, layer.fan_out
    columns = cotangents**2 if kind == "full" else cotangents
    if form == "gradient":
        return 2.0 * columns * fan_in * fan_out
    if form == "product" or kind != "full":
        return 2.0 * positions**2 * (fan_in + columns * fan_out)
    return 2.0 * positions * (positions * fan_in + (cotangents * positions + cotangents**2) * fan_out)


def make_plan(
    tracing: Tracing,
    kind: str,
    pairs_per_example: float,
    *,
    explicit: bool = False,
    dropped: Sequence[int] = (),
    masked: Sequence[int] = (),
) -> Plan:
    """Chooses the form of each layer by its count of operations.

    Args:
      tracing: the function.
      kind: ``"full"``, ``"trace"`` or ``"sum"``.
      pairs_per_example: pairs of examples of the kernel over examples.
      explicit: every leaf by its gradient (the ``jacobian`` strategy).
      dropped: leaves that count for nothing.
      masked: leaves with a mask, which acts on their gradient.
    """
    cotangents = 1 if kind == "sum" else tracing.num_outputs
    layers: list[Layer] = []
    forms: list[str] = []
    others = list(tracing.others)
    for layer in tracing.layers:
        if layer.bias is not None and (explicit or {layer.leaf, layer.bias} & {*masked, *dropped}):
            others.append(layer.bias)
            layer = layer._replace(bias=None)
        if explicit or layer.leaf in masked or layer.leaf in dropped:
            others.append(layer.leaf)
            continue
        shared = "product" if layer.positions == 1 else "positions"
        gradient = 2.0 * cotangents * layer.positions * layer.fan_in * layer.fan_out
        costs = {
            shared: pairs_per_example * pair_flops(layer, shared, kind, cotangents),
            "gradient": pairs_per_example * pair_flops(layer, "gradient", kind, cotangents) + gradient,
        }
        layers.append(layer)
        forms.append(min(costs, key=costs.__getitem__))
    others = sorted(set(others) - set(dropped))
    return Plan(tracing, tuple(layers), tuple(forms), tuple(others), kind, cotangents)


def plan_flops(plan: Plan, leaves: Sequence[Any], example: Any, num_examples: float, num_pairs: float) -> float:
    """Multiply-adds times two of a kernel: features of ``num_examples`` and ``num_pairs`` pairs of them."""
    columns = plan.num_cotangents**2 if plan.kind == "full" else plan.num_cotangents
    pairs = sum(
        pair_flops(layer, form, plan.kind, plan.num_cotangents)
        for layer, form in zip(plan.layers, plan.forms, strict=True)
    ) + 2.0 * columns * sum(math.prod(leaves[leaf].shape) for leaf in plan.others)
    return num_examples * count_flops(
        lambda *args: example_features(plan, args[:-1], args[-1], ()), *leaves, example
    ) + (num_pairs * pairs)


def example_features(plan: Plan, leaves: Sequence[Array], x: Array, masks: Sequence[tuple[int, Any]]) -> list[Any]:
    """The features of one example: per layer ``(A, B)`` or the gradient, and at the end that of the other leaves."""

    def outputs(others: list[Array], perturbations: list[Array]) -> tuple[Array, list[Array]]:
        replaced = list(leaves)
        for leaf, value in zip(plan.others, others, strict=True):
            replaced[leaf] = value
        return run_tapped(plan.tracing, plan.layers, replaced, x, perturbations)

    zeros = [jnp.zeros(like.shape, like.dtype) for like in (output_shape(plan.tracing, layer) for layer in plan.layers)]
    values, pullback, inputs = jax.vjp(outputs, [leaves[leaf] for leaf in plan.others], zeros, has_aux=True)
    count = plan.tracing.num_outputs
    rows = jnp.ones((1, count), values.dtype) if plan.kind == "sum" else jnp.eye(count, dtype=values.dtype)
    others, cotangents = jax.vmap(pullback)(rows)
    features: list[Any] = []
    rest = [_masked(leaf, gradient, masks) for leaf, gradient in zip(plan.others, others, strict=True)]
    for layer, form, a, b in zip(plan.layers, plan.forms, inputs, cotangents, strict=True):
        a, b = _wide(a), _wide(rows_of_cotangent(layer, b))
        if form == "gradient":
            features.append(_rows(plan, jnp.einsum("kto,tp->kop", b, a)))
            if layer.bias is not None:
                rest.append(b.sum(1))
        elif form == "product":
            features.append((a[0], _rows(plan, b)))
        elif plan.kind == "full":
            features.append((a, b))
        else:
            features.append((a, b.transpose(1, 0, 2).reshape(layer.positions, -1)))
    if rest:
        flat = [_wide(gradient).reshape(plan.num_cotangents, -1) for gradient in rest]
        features.append(_rows(plan, jnp.concatenate(flat, axis=1)))
    return features


def _wide(value: Array) -> Array:
    """At least float32: the kernel of a bfloat16 network is summed in float32."""
    return value.astype(jnp.promote_types(value.dtype, jnp.float32))


def _masked(leaf: int, gradient: Array, masks: Sequence[tuple[int, Any]]) -> Array:
    for masked, mask in masks:
        if masked == leaf:
            return jnp.where(jnp.asarray(mask) != 0, gradient, jnp.zeros_like(gradient))
    return gradient


def _rows(plan: Plan, feature: Array) -> Array:
    """``[C, ...] -> [rows of the kernel, features]``: the trace contracts over the outputs too."""
    return feature.reshape(plan.rows, -1)


def tile(plan: Plan, left: list[Any], right: list[Any]) -> Array:
    """The kernel between two blocks of examples, ``[b * rows, b' * rows]``, from their features."""
    rows, total = plan.rows, None
    forms = [*plan.forms, "gradient"]
    for index, (a, b) in enumerate(zip(left, right, strict=True)):
        if forms[index] == "gradient":
            part = _gram(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]))
        else:
            layer = plan.layers[index]
            inputs = _gram(a[0].reshape(-1, layer.fan_in), b[0].reshape(-1, layer.fan_in))
            if layer.bias is not None:
                inputs = inputs + 1.0
            shared = _product if forms[index] == "product" else _positions if plan.kind == "full" else _positions_traced
            part = shared(inputs, a[1], b[1], rows)
        total = part if total is None else total + part
    if total is None:
        raise AssertionError("a function of no parameter has no tangent kernel")
    return total / plan.num_cotangents if plan.kind == "trace" else total


def _gram(a: Array, b: Array) -> Array:
    """``a b^T``, both contracted on their last axes: the fast form on a CPU, and full precision elsewhere."""
    return jax.lax.dot_general(a, b, (((1,), (1,)), ((), ())), precision=jax.lax.Precision.HIGHEST)


def _product(inputs: Array, a: Array, b: Array, rows: int) -> Array:
    size, width = a.shape[-1], b.shape[0] * rows
    outer = _gram(a.reshape(-1, size), b.reshape(-1, size))
    if rows == 1:
        return inputs * outer
    # Repeated along the fast axis behind a barrier: fused into the product, it would be indexed entry by entry.
    spread = jax.lax.optimization_barrier(jnp.repeat(inputs, rows, axis=1, total_repeat_length=width))
    return (outer.reshape(a.shape[0], rows, width) * spread[:, None]).reshape(-1, width)


def _positions_traced(inputs: Array, a: Array, b: Array, rows: int) -> Array:
    del rows
    (left, positions, size), right = a.shape, b.shape[0]
    outer = _gram(a.reshape(-1, size), b.reshape(-1, size))
    return (inputs * outer).reshape(left, positions, right, positions).sum((1, 3))


def _positions(inputs: Array, a: Array, b: Array, rows: int) -> Array:
    left, _, positions, size = a.shape
    right = b.shape[0]
    inputs = inputs.reshape(left, positions, right, positions)
    moved = jnp.einsum("ikso,isjt->ikjto", a, inputs, precision=jax.lax.Precision.HIGHEST)
    moved = moved.reshape(left * rows, right, positions * size)
    kernel = jnp.einsum("ajf,jlf->ajl", moved, b.reshape(right, rows, -1), precision=jax.lax.Precision.HIGHEST)
    return kernel.reshape(left * rows, right * rows)
