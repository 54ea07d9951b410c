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
    return _flops(jax.make_jaxpr(fn)(*args).jaxpr)


def peak_bytes(fn: Callable[..., Any], *args: Any) -> int:
    """Largest number of bytes of intermediate and output arrays alive at once, in program order, unfused.

    Arguments are not counted. XLA fuses elementwise chains (less memory) and may reorder; a model to plan with.
    """
    return _peak(jax.make_jaxpr(fn)(*args).jaxpr)


def _subjaxprs(eqn: Any) -> list[Any]:
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


def _peak(jaxpr: Any) -> int:
    last_use: dict[Any, int] = {}
    for position, eqn in enumerate(jaxpr.eqns):
        for var in eqn.invars:
            if not isinstance(var, jex_core.Literal):
                last_use[var] = position
    kept = {var for var in jaxpr.outvars if not isinstance(var, jex_core.Literal)}
    alive: dict[Any, int] = {}
    peak = 0
    for position, eqn in enumerate(jaxpr.eqns):
        inner = max((_peak(sub) for sub in _subjaxprs(eqn)), default=0)
        outputs = sum(_size(var) for var in eqn.outvars)
        peak = max(peak, sum(alive.values()) + max(inner, outputs))
        for var in eqn.outvars:
            alive[var] = _size(var)
        for var in [v for v in alive if v not in kept and last_use.get(v, -1) <= position]:
            del alive[var]
    return peak
