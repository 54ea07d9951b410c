"""What every curvature operator asks of its arguments, before anything compiles."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, anew, check_arrays, check_function, check_positive_int, is_concrete
from gendyn.types import Array, ArrayLike, PyTree


def path_of(path: Any) -> str:
    """``dense_0/kernel``: a leaf's place in its tree, as messages and predicates know it."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _all_hold(condition: Callable[[Any], Array], value: Any) -> bool:
    # Evaluated now, also where a jitted function is being traced around it.
    with jax.ensure_compile_time_eval():
        return bool(jnp.all(condition(value)))


def _is_zero(value: Any) -> Array:
    return jnp.asarray(value) == 0


def check_parameters(params: PyTree) -> None:
    """Raises ConfigError unless ``params`` are real floating-point arrays, finite where they can be looked at."""
    check_arrays("params", params)
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    if not any(np.size(leaf) for _, leaf in leaves):
        raise ConfigError("params has no elements; pass the pytree of arrays that the loss depends on.")
    for path, leaf in leaves:
        dtype = jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise ConfigError(
                f"params: leaf {path_of(path)!r} has dtype {dtype}; curvature is defined for real floating-point "
                "parameters. Cast it, split a complex one into its real and imaginary part, or close over it."
            )
        if is_concrete(leaf) and not _all_hold(jnp.isfinite, leaf):
            raise ConfigError(
                f"params: leaf {path_of(path)!r} contains NaN or infinity, so every product would; measure an earlier "
                "checkpoint, or find where the run diverged."
            )


def as_arrays(params: PyTree) -> PyTree:
    """The same with an array for each Python number; arrays, traced or not, stay themselves."""
    return jax.tree.map(
        lambda leaf: leaf if hasattr(leaf, "shape") else jnp.asarray(leaf, jnp.result_type(leaf)), params
    )


def check_scalar_loss(loss: Callable[[PyTree], Array], params: PyTree) -> None:
    """Raises ConfigError unless ``loss(params)`` is one real number."""
    check_function("loss", loss, "the loss first, then params")
    out = jax.eval_shape(anew(loss), params)
    if not isinstance(out, jax.ShapeDtypeStruct) or out.shape != () or not jnp.issubdtype(out.dtype, jnp.floating):
        found = f"shape {out.shape}, {out.dtype}" if isinstance(out, jax.ShapeDtypeStruct) else type(out).__name__
        raise ConfigError(f"loss(params) must be a real scalar, not {found}; take the mean or the sum inside the loss.")


def check_mask(mask: PyTree | None, params: PyTree) -> None:
    """Raises ConfigError unless ``mask`` is ``None`` or broadcasts to ``params`` leaf by leaf and keeps something."""
    if mask is None:
        return
    found: Any = jax.tree.structure(mask)
    if found != jax.tree.structure(params):
        raise ConfigError(
            f"mask has the structure {found}, params has {jax.tree.structure(params)}; they must "
            "agree. Make one with leaf_mask(params, predicate)."
        )
    kept = []
    for (path, leaf), part in zip(jax.tree_util.tree_flatten_with_path(params)[0], jax.tree.leaves(mask), strict=True):
        try:
            fits = jnp.broadcast_shapes(jnp.shape(part), jnp.shape(leaf)) == jnp.shape(leaf)
        except ValueError:
            fits = False
        if not fits:
            raise ConfigError(
                f"mask: leaf {path_of(path)!r} has shape {jnp.shape(part)}, which does not broadcast to the "
                f"parameter's {jnp.shape(leaf)}."
            )
        kept.append(not is_concrete(part) or (np.size(leaf) > 0 and not _all_hold(_is_zero, part)))
    if not any(kept):
        raise ConfigError("mask keeps no parameter: the operator would be zero. Check the predicate against the paths.")


def check_batch(x: PyTree, y: PyTree, weights: ArrayLike | None, batch_size: int | None) -> int:
    """The number of examples; raises ConfigError unless all arrays have that many rows, and at least one."""
    lengths = {int(np.shape(leaf)[0]) if np.ndim(leaf) else -1 for leaf in jax.tree.leaves((x, y))}
    if len(lengths) != 1 or -1 in lengths:
        raise ConfigError(
            f"x and y must share their leading axis, the examples; found lengths {sorted(lengths)} (-1: a scalar)."
        )
    (count,) = lengths
    if count == 0:
        raise ConfigError("x holds no examples: curvature of an empty batch is undefined; pass at least one row.")
    if batch_size is not None:
        check_positive_int("batch_size", batch_size)
    if weights is not None:
        if jnp.shape(weights) != (count,):
            raise ConfigError(f"weights has shape {jnp.shape(weights)}; it must be [{count}], one for each example.")
        if is_concrete(weights):
            array = np.asarray(weights, np.float64)
            if not np.all(array >= 0) or not 0 < array.sum() < np.inf:
                raise ConfigError("weights must be finite and not negative, with a positive sum.")
    return count


def check_losses(apply: Callable, loss: Callable, params: PyTree, x: PyTree, y: PyTree, count: int) -> None:
    """Raises ConfigError unless ``loss(apply(params, x), y)`` is one real number for each example."""
    for name, function in (("apply", apply), ("loss", loss)):
        check_function(name, function, "(apply, loss, params, x, y)")
    out = jax.eval_shape(lambda p, a, b: loss(apply(p, a), b), params, x, y)
    shape, dtype = getattr(out, "shape", None), getattr(out, "dtype", jnp.int32)
    if shape != (count,) or not jnp.issubdtype(dtype, jnp.floating):
        raise ConfigError(
            f"loss(apply(params, x), y) must be real numbers of shape [{count}], one for each example, not "
            f"{shape}; leave the mean to reduction='mean'."
        )


def check_count(name: str, value: Any, params: PyTree, mask: PyTree | None) -> None:
    """Raises ConfigError unless ``value`` is an integer from 1 to the number of real coordinates."""
    check_positive_int(name, value)
    parts = [True] * len(jax.tree.leaves(params)) if mask is None else jax.tree.leaves(mask)
    dimension = sum(
        int(np.broadcast_to(np.asarray(part) != 0, np.shape(leaf)).sum()) if is_concrete(part) else int(np.size(leaf))
        for part, leaf in zip(parts, jax.tree.leaves(params), strict=True)
    )
    if value > dimension:
        raise ConfigError(
            f"{name} = {value} exceeds the dimension {dimension}, the number of parameters"
            f"{'' if mask is None else ' that the mask keeps'}; ask for at most that many."
        )
