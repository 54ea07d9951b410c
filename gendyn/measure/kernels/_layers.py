"""Which parameters of any JAX function enter through a matrix product or a convolution, read off its jaxpr.

The gradient of an output in the kernel ``W [p, o]`` of a layer ``z = A W`` is ``A^T B``: the layer's input ``A [T, p]``
(``T`` positions of one example that share the kernel: 1 in a dense layer, height x width in a convolution) and the
cotangent ``B [T, o]`` of its output. :func:`find_layers` lists these layers, :func:`run_tapped` evaluates the function
with a perturbation added to each ``z``, so that one vjp gives every ``B``, and returns every ``A``.

The function is traced for one example. What follows is then per example by construction, whatever the function does
with its batch axis.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core as jex_core

from gendyn.measure.kernels._convolution import convolve, patches
from gendyn.types import Array, PyTree

_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2"})
"""Primitives that only call a jaxpr. A custom_jvp or custom_vjp is left whole: its rule is the derivative meant."""
_VIEWS = frozenset({"reshape", "transpose", "squeeze", "expand_dims", "copy", "copy_p"})
"""Operations that only re-arrange entries: inner products of gradients are the same on either side."""


class Layer(NamedTuple):
    """One parameter leaf that is used once, as the kernel of a matrix product or a convolution."""

    leaf: int
    """Index among the parameter leaves."""
    equation: int
    operand: int
    """Which operand of the equation (0 or 1) the kernel is."""
    bias: int | None
    """Leaf that is added to the output and to nothing else."""
    positions: int
    """``T``: rows of the layer's input per example."""
    fan_in: int
    fan_out: int
    position_axes: tuple[int, ...]
    """Axes of the output that are positions, in the order of the rows of ``A``."""
    feature_axes: tuple[int, ...]
    """Axes of the output that belong to the kernel."""


class Tracing(NamedTuple):
    """A function of ``(leaves, one example)`` as a flat jaxpr, with its layers."""

    jaxpr: Any
    consts: Sequence[Any]
    layers: tuple[Layer, ...]
    others: tuple[int, ...]
    """Leaves that the function uses in any other way."""
    num_outputs: int


def _bind(eqn: Any, values: Sequence[Any]) -> list[Any]:
    out = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
    return list(out) if eqn.primitive.multiple_results else [out]


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], step: Callable[..., list[Any]]) -> list[Any]:
    values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))

    def read(var: Any) -> Any:
        return var.val if isinstance(var, jex_core.Literal) else values[var]

    for index, eqn in enumerate(jaxpr.eqns):
        values.update(zip(eqn.outvars, step(index, eqn, [read(var) for var in eqn.invars]), strict=True))
    return [read(var) for var in jaxpr.outvars]


def _inline(index: int, eqn: Any, operands: list[Any]) -> list[Any]:
    del index
    inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
    if eqn.primitive.name not in _CALLS or inner is None:
        return _bind(eqn, operands)
    closed = isinstance(inner, jex_core.ClosedJaxpr)
    return _evaluate(inner.jaxpr if closed else inner, inner.consts if closed else (), operands, _inline)


def trace(apply: Callable[[PyTree, Array], Array], params: PyTree, x: Any) -> Tracing:
    """Traces ``apply`` for one example and finds its layers.

    Args:
      apply: ``(params, x [B, ...]) -> outputs [B, K]``.
      params: pytree of arrays.
      x: one example without the batch axis, abstract or not.
    """
    leaves, tree = jax.tree.flatten(params)
    example = jax.ShapeDtypeStruct(x.shape, x.dtype)

    def single(*args: Any) -> Array:
        return apply(jax.tree.unflatten(tree, args[:-1]), args[-1][None])[0]

    nested = jax.make_jaxpr(single)(*leaves, example)
    flat = jax.make_jaxpr(lambda *args: _evaluate(nested.jaxpr, nested.consts, args, _inline))(*leaves, example)
    layers, others = find_layers(flat.jaxpr, len(leaves))
    return Tracing(flat.jaxpr, flat.consts, layers, others, flat.out_avals[0].shape[0])


def _shape_of_layer(eqn: Any, operand: int) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...]] | None:
    """``(positions, fan_in, fan_out, position_axes, feature_axes)`` of a layer with this operand as kernel."""
    kernel, out = eqn.invars[operand].aval.shape, eqn.outvars[0].aval.shape
    if eqn.primitive.name == "dot_general":
        contract, batch = eqn.params["dimension_numbers"]
        if batch[0]:
            return None
        fan_in = math.prod(kernel[axis] for axis in contract[operand])
        count = len(kernel) - len(contract[operand])
        axes = tuple(range(len(out)))
        feature_axes = axes[len(axes) - count :] if operand == 1 else axes[:count]
        position_axes = tuple(axis for axis in axes if axis not in feature_axes)
    elif eqn.primitive.name == "conv_general_dilated" and operand == 1:
        if eqn.params["feature_group_count"] != 1 or eqn.params["batch_group_count"] != 1:
            return None
        numbers = eqn.params["dimension_numbers"]
        fan_in = math.prod(kernel) // kernel[numbers.rhs_spec[0]]
        feature_axes = (numbers.out_spec[1],)
        position_axes = (numbers.out_spec[0], *numbers.out_spec[2:])
    else:
        return None
    fan_out = math.prod(out[axis] for axis in feature_axes)
    return math.prod(out[axis] for axis in position_axes), fan_in, fan_out, position_axes, feature_axes


def _is_view(eqn: Any) -> bool:
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    if name == "convert_element_type":
        return eqn.invars[0].aval.dtype == out.dtype
    if name == "broadcast_in_dim":
        return len(eqn.invars) == 1 and eqn.invars[0].aval.size == out.size
    return name in _VIEWS


def find_layers(jaxpr: Any, num_leaves: int) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
    """The layers of a flat jaxpr whose first ``num_leaves`` arguments are parameters, and the leaves used otherwise."""
    leaf_of: dict[Any, int] = {var: index for index, var in enumerate(jaxpr.invars[:num_leaves])}
    uses: dict[int, list[tuple[int, int]]] = {index: [] for index in range(num_leaves)}
    reads: Counter[Any] = Counter(var for var in jaxpr.outvars if not isinstance(var, jex_core.Literal))
    for index, eqn in enumerate(jaxpr.eqns):
        for operand, var in enumerate(eqn.invars):
            if isinstance(var, jex_core.Literal):
                continue
            reads[var] += 1
            if var in leaf_of:
                if _is_view(eqn):
                    leaf_of[eqn.outvars[0]] = leaf_of[var]
                else:
                    uses[leaf_of[var]].append((index, operand))
    for var in jaxpr.outvars:
        if not isinstance(var, jex_core.Literal) and var in leaf_of:
            uses[leaf_of[var]].append((-1, 0))
    once = {leaf: used[0] for leaf, used in uses.items() if len(used) == 1 and used[0][0] >= 0}

    found: dict[int, Layer] = {}
    producer: dict[Any, int] = {}
    for leaf, (index, operand) in once.items():
        shape = _shape_of_layer(jaxpr.eqns[index], operand)
        out = jaxpr.eqns[index].outvars[0]
        # Two kernels of one product (a factorised weight): each has its own taps on the same output.
        if shape is not None:
            found[leaf] = Layer(leaf, index, operand, None, *shape)
            producer[out] = leaf
    biases = set()
    for leaf, (index, operand) in once.items():
        eqn = jaxpr.eqns[index]
        if eqn.primitive.name not in ("add", "add_any"):
            continue
        other = eqn.invars[1 - operand]
        if isinstance(other, jex_core.Literal) or reads[other] != 1 or other not in producer:
            continue
        layer, shape, out = found[producer[other]], eqn.invars[operand].aval.shape, other.aval.shape
        wanted = tuple(size if axis in layer.feature_axes else 1 for axis, size in enumerate(out))
        if shape == wanted and layer.bias is None:
            found[layer.leaf] = layer._replace(bias=leaf)
            biases.add(leaf)
    others = tuple(leaf for leaf, used in uses.items() if used and leaf not in found and leaf not in biases)
    return tuple(sorted(found.values(), key=lambda layer: layer.equation)), others


def output_shape(tracing: Tracing, layer: Layer) -> jax.ShapeDtypeStruct:
    """Shape and dtype of the layer's output for one example: what a perturbation of it looks like."""
    aval = tracing.jaxpr.eqns[layer.equation].outvars[0].aval
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def run_tapped(
    tracing: Tracing, layers: Sequence[Layer], leaves: Sequence[Array], x: Array, perturbations: Sequence[Array]
) -> tuple[Array, list[Array]]:
    """Outputs ``[K]`` of one example, ``perturbations`` added to the layers' outputs; and the layers' ``A [T, p]``."""
    taps: dict[int, Array] = {}
    tapped = {layer.equation for layer in layers}

    def step(index: int, eqn: Any, operands: list[Any]) -> list[Any]:
        convolution = index in tapped and eqn.primitive.name == "conv_general_dilated"
        outs = [convolve(operands[0], operands[1], eqn.params)] if convolution else _bind(eqn, operands)
        for position, layer in enumerate(layers):
            if layer.equation == index:
                taps[position] = _inputs(eqn, layer, operands[1 - layer.operand])
                outs = [outs[0] + perturbations[position]]
        return outs

    (outputs,) = _evaluate(tracing.jaxpr, tracing.consts, [*leaves, x], step)
    return outputs, [taps[position] for position in range(len(layers))]


def rows_of_cotangent(layer: Layer, cotangent: Array) -> Array:
    """``[..., *shape of the layer's output] -> [..., T, o]``, positions in the order of ``A``."""
    lead = cotangent.ndim - len(layer.position_axes) - len(layer.feature_axes)
    order = (*range(lead), *(lead + axis for axis in (*layer.position_axes, *layer.feature_axes)))
    return cotangent.transpose(order).reshape(*cotangent.shape[:lead], layer.positions, layer.fan_out)


def _inputs(eqn: Any, layer: Layer, activation: Array) -> Array:
    """The layer's input as ``[T, p]``: for a convolution its patches."""
    activation = jnp.asarray(activation)
    if eqn.primitive.name == "dot_general":
        contract = eqn.params["dimension_numbers"][0][1 - layer.operand]
        free = tuple(axis for axis in range(activation.ndim) if axis not in contract)
        return activation.transpose(*free, *contract).reshape(layer.positions, layer.fan_in)
    return patches(activation, eqn.invars[1].aval.shape, eqn.outvars[0].aval.shape, eqn.params)
