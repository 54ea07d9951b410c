"""What every learner of the room asks of its data: shapes, finite numbers, one floating dtype, full precision."""

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, is_concrete
from gendyn.types import Array, ArrayLike

_P = ParamSpec("_P")
_R = TypeVar("_R")


def full_precision(fn: Callable[_P, _R]) -> Callable[_P, _R]:
    """``fn`` with float32 products in float32: accelerators otherwise round the factors to 10 bits or so."""

    @functools.wraps(fn)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with jax.default_matmul_precision("highest"):
            return fn(*args, **kwargs)

    return wrapped


def floating(name: str, value: ArrayLike) -> Array:
    """The value as a float32 or float64 array; a concrete one must be finite."""
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise ConfigError(f"{name} is {array.dtype}: it must be real. Give real and imaginary parts as two columns.")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(jnp.result_type(float))
    if array.dtype.itemsize < 4:
        raise ConfigError(f"{name} is {array.dtype}: decompositions need float32 or float64. Convert it first.")
    if is_concrete(array) and not np.isfinite(np.asarray(array)).all():
        count = int((~np.isfinite(np.asarray(array))).sum())
        raise ConfigError(
            f"{name} has {count} entries of {array.size} that are NaN or infinite in {array.dtype}: every entry must "
            "be finite. Drop or scale those columns, or enable float64 (jax.enable_x64)."
        )
    return array


def design_and_targets(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """``x [n, p]`` and ``y`` as a matrix ``[n, k]``, of one dtype.

    Raises:
        ConfigError: no example, no feature, rows that differ, an entry that is not finite.
    """
    design, targets = floating("x", x), floating("y", y)
    if design.ndim != 2 or 0 in design.shape:
        raise ConfigError(f"x {design.shape} must be [n, p] with at least one example (n) and one feature (p).")
    if targets.ndim not in (1, 2) or targets.shape[0] != design.shape[0] or targets.size == 0:
        raise ConfigError(f"y {targets.shape} must be [n] or [n, k] with the {design.shape[0]} rows of x.")
    dtype = jnp.promote_types(design.dtype, targets.dtype)
    return design.astype(dtype), targets.astype(dtype).reshape(design.shape[0], -1)


def check_steps(steps: Sequence[int] | np.ndarray | Array) -> None:
    """Numbers of steps at which a path is looked at: ascending, not negative. Traced ones pass."""
    counts = np.asarray(steps) if is_concrete(steps) else np.zeros(1)
    ascend = counts.ndim == 1 and np.isfinite(counts).all() and np.all(counts >= 0) and np.all(np.diff(counts) > 0)
    if not ascend or not counts.size:
        raise ConfigError(f"steps = {counts.tolist()} must be one or more numbers from 0 up. Sort them, each once.")
