"""What the gradient filters share: walking over leaves, dtypes of state, the last step ``g + lamb * slow``, checks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from gendyn.core import ConfigError, check_range, is_concrete
from gendyn.types import Array, ArrayLike, PyTree


def check_gain(lamb: ArrayLike) -> None:
    """Raises :class:`ConfigError` for a negative concrete gain."""
    check_range("lamb", lamb, low=0)


def check_decay(name: str, alpha: ArrayLike, lamb: ArrayLike) -> None:
    """Raises :class:`ConfigError` unless ``alpha`` is in [0, 1); says so where it looks swapped with ``lamb``."""
    try:
        check_range("alpha", alpha, low=0, high=1, open_high=True)
    except ConfigError as error:
        if is_concrete(lamb) and np.all((np.asarray(lamb) >= 0) & (np.asarray(lamb) < 1)):
            raise ConfigError(
                f"{error} lamb = {lamb} would be a valid alpha: the two look swapped; "
                f"write {name}(alpha={lamb}, lamb={alpha})."
            ) from None
        raise


def check_state_dtype(state_dtype: DTypeLike | None) -> None:
    """Raises :class:`ConfigError` unless it is empty or the name of a floating-point type."""
    if state_dtype is None or state_dtype == "":
        return
    try:
        floating = jnp.issubdtype(jnp.dtype(state_dtype), jnp.floating)
    except TypeError:
        floating = False
    if not floating:
        raise ConfigError(
            f"state_dtype = {state_dtype!r} must be a floating-point type such as 'float32', or '' for the "
            "parameters' own."
        )


def zeros(params: PyTree, state_dtype: DTypeLike | None, leading: tuple[int, ...] = ()) -> PyTree:
    """Zeros ``[*leading, *shape]`` for each parameter, in its own dtype if ``state_dtype`` is empty.

    Sharded as the parameter is, outside of jit also on a mesh without explicit axes.
    """

    def one(leaf: Array) -> Array:
        dtype = jnp.asarray(leaf).dtype if state_dtype is None or state_dtype == "" else state_dtype
        # zeros of a shape would lie whole on one device.
        like = jnp.zeros_like(leaf, dtype)
        return jnp.broadcast_to(like, (*leading, *like.shape)) if leading else like

    return jax.tree.map(one, params)


def widen(leaf: Array) -> Array:
    """In float32 at least: what the arithmetic of a filter runs in, whatever its state is kept in."""
    return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))


def map_leaves(fn: Callable[..., tuple[Array, ...]], gradients: PyTree, *states: PyTree) -> tuple[PyTree, ...]:
    """``fn(gradient, *state) -> (gradient, *state)`` on each leaf, as a tuple of trees.

    A gradient ``None`` (a parameter that is not trained) stays ``None``, and its state stays as it is.

    >>> map_leaves(lambda g, s: (g + s, 2 * s), {"a": 1, "b": None}, {"a": 3, "b": 5})
    ({'a': 4, 'b': None}, {'a': 6, 'b': 5})
    """
    leaves, structure = jax.tree.flatten(gradients, is_leaf=lambda leaf: leaf is None)
    treedef: Any = structure
    columns: list[Any] = [treedef.flatten_up_to(state) for state in states]
    rows = [row if row[0] is None else fn(*row) for row in zip(leaves, *columns, strict=True)]
    return tuple(treedef.unflatten([row[i] for row in rows]) for i in range(1 + len(states)))


def amplify(gradient: Array, slow: Array, lamb: ArrayLike, active: ArrayLike = True) -> Array:
    """``gradient + lamb * slow`` in the gradient's dtype; the gradient's own bits where inactive or ``lamb`` is 0.

    Without the selection ``-0.0 + 0 * slow`` would be ``+0.0``, and a filter that has seen infinity would answer NaN.
    """
    gain = jnp.asarray(lamb)
    filtered = (widen(gradient) + gain * slow).astype(gradient.dtype)
    return jnp.where(jnp.asarray(active) & (gain != 0), filtered, gradient)
