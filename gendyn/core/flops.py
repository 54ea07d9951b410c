"""Arithmetic and memory of a function, counted on its jaxpr: nothing is compiled or run."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core as jex_core


def count_flops(fn: Callable[..., Any], *args: Any) -> float:
    """Multiply-adds of matrix products and convolutions, times two. Elementwise work is not counted.

    >>> import jax.numpy as jnp
    >>> count_flops(lambda a, b: a @ b, jnp.ones((2, 3)), jnp.ones((3, 5)))
    60.0
    """
    return _flops(jax.make_jaxpr(anew(fn))(*args).jaxpr)


def peak_bytes(fn: Callable[..., Any], *args: Any) -> int:
    """Largest number of bytes of intermediate and output arrays alive at once, in program order.

    Arguments are not counted. Elementwise results that only elementwise operations and reductions read are taken to
    be fused away. XLA may fuse less and reorder: a model to plan with, not a bound.
    """
    return _peak(jax.make_jaxpr(anew(fn))(*args).jaxpr)


def anew(fn: Callable[..., Any]) -> Callable[..., Any]:
    """By another function at each call: JAX keeps a trace by the identity of its function, whatever that reads."""
    return lambda *args: fn(*args)


def _subjaxprs(eqn: Any) -> list[Any]:
    if eqn.primitive.name == "custom_linear_solve":
        return [eqn.params["jaxprs"].solve.jaxpr]  # its product and its transpose serve derivatives alone
    found = []
    for value in eqn.params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, jex_core.ClosedJaxpr):
                found.append(item.jaxpr)
            elif isinstance(item, jex_core.Jaxpr):
                found.append(item)
    return found


def _flops(jaxpr: Any) -> float:
    total = 0.0
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        if name == "dot_general":
            (contract, _), _ = eqn.params["dimension_numbers"]
            lhs = eqn.invars[0].aval.shape
            total += 2.0 * math.prod(eqn.outvars[0].aval.shape) * math.prod(lhs[d] for d in contract)
        elif name == "conv_general_dilated":
            kernel = eqn.invars[1].aval.shape
            out_features = kernel[eqn.params["dimension_numbers"].rhs_spec[0]]
            total += 2.0 * math.prod(eqn.outvars[0].aval.shape) * math.prod(kernel) / out_features
        else:
            inner = [_flops(sub) for sub in _subjaxprs(eqn)]
            if inner:
                times = eqn.params.get("length", 1) if name == "scan" else 1
                total += times * (max(inner) if name == "cond" else sum(inner))
    return total


def _size(var: Any) -> int:
    aval = var.aval
    itemsize = getattr(getattr(aval, "dtype", None), "itemsize", 4)
    return math.prod(getattr(aval, "shape", ())) * itemsize


_ELEMENTWISE = """
    add sub mul div neg abs sign max min exp exp2 log log1p expm1 tanh logistic sqrt rsqrt square pow integer_pow erf
    sin cos eq ne lt le gt ge and or not xor select_n convert_element_type broadcast_in_dim reshape squeeze expand_dims
    copy iota clamp stop_gradient is_finite shift_right_logical rem floor round
"""
_FUSED = frozenset(_ELEMENTWISE.split())
"""Elementwise operations: XLA computes them inside the loop of their consumer, where that is fusable too."""
_READS_FUSED = _FUSED | {"reduce_sum", "reduce_max", "reduce_min", "argmax", "reduce_and", "reduce_or"}


def _peak(jaxpr: Any) -> int:
    last_use: dict[Any, int] = {}
    materialised = {var for var in jaxpr.outvars if not isinstance(var, jex_core.Literal)}
    kept = set(materialised)
    for position, eqn in enumerate(jaxpr.eqns):
        for var in eqn.invars:
            if not isinstance(var, jex_core.Literal):
                last_use[var] = position
                if eqn.primitive.name not in _READS_FUSED:
                    materialised.add(var)
    alive: dict[Any, int] = {}
    peak = 0
    for position, eqn in enumerate(jaxpr.eqns):
        fused = eqn.primitive.name in _FUSED
        for var in eqn.outvars:
            alive[var] = _size(var) if var in materialised or not fused else 0
        inner = max((_peak(sub) for sub in _subjaxprs(eqn)), default=0)
        own = sum(alive[var] for var in eqn.outvars)
        peak = max(peak, sum(alive.values()) + max(inner - own, 0))
        for var in [v for v in alive if v not in kept and last_use.get(v, -1) <= position]:
            del alive[var]
    return peak
