"""Grokfast with a moving average over a window: the mean of the last gradients is added to the gradient."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.core import ConfigError, check_choice
from gendyn.optim._checks import check_flag, check_static_int
from gendyn.optim._filter import amplify, check_gain, check_state_dtype, map_leaves, widen, zeros
from gendyn.types import Array, ArrayLike, PyTree, TransformExample

ROLE = "filter"
PAD_SAFE = True
FILTER_TYPES = ("mean", "sum")


class GrokfastMaState(NamedTuple):
    """State of :func:`grokfast_ma`. Updates fall into blocks of ``window``."""

    slot: Array
    """int32 ``[]``, in [0, window): the row of the ring that the next gradient replaces."""
    filled: Array
    """int32 ``[]``, in [0, window]: gradients in the ring."""
    ring: PyTree
    """``[window, *shape]`` for each parameter: the last gradients."""
    current: PyTree
    """Like the parameters, float32 at least: the sum of this block's gradients."""
    previous: PyTree
    """Like ``current``: the sum of those of the block before that the window will hold with the next gradient."""


def grokfast_ma(
    window: int = 100,
    lamb: ArrayLike = 5.0,
    filter_type: str = "mean",
    warmup: bool = True,
    trigger: bool = False,
    state_dtype: DTypeLike | None = "",
) -> optax.GradientTransformation:
    """Adds ``lamb`` times the mean (or the sum) of the last ``window`` gradients. Put it before the optimizer.

    With gradient ``g_t`` at update ``t = 1, 2, …``, and ``n = min(t, window)``::

        slow_t = (g_(t-n+1) + … + g_t) / n      filter_type="mean"; without the division for "sum"
        g_hat_t = g_t + lamb slow_t             if not warmup, or (t >= window and not trigger)
        g_hat_t = g_t                           otherwise: under warm-up the first window - 1 updates are unfiltered

    The ring fills while the filter is silent. ``trigger`` keeps it silent for good, and is ignored without warm-up;
    it exists because the authors' code has it: to switch a filter on and off while training, use
    :func:`gendyn.optim.gate`.

    The sum costs the same for every window: a gradient enters, a gradient leaves. Rounding does not pile up: each block
    of ``window`` updates adds its gradients up from 0, and that fresh sum is what the next block subtracts from; for
    the same reason a gradient that is not finite is forgotten after at most ``2 window`` updates.

    State: ``window`` buffers of the size of the parameters in ``state_dtype``, two in float32 at least, two integers.
    One row of the ring is read and one written an update. Elementwise: any sharding of the parameters serves, and an
    eager ``init`` gives it to the state; under jit say ``out_shardings``, as for any optax state.

    Args:
      window: static, at least 1.
      lamb: in [0, inf); 0 is the identity, bit for bit. An integer above the window is refused as swapped: write a
        float where that is meant.
      filter_type: static, ``"mean"`` or ``"sum"``.
      warmup: static; nothing is added before the window is full.
      trigger: static; with warm-up, nothing is ever added.
      state_dtype: static; of the ring. Empty: that of each parameter.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a number outside its interval (with a hint where window and lamb look swapped), an unknown
        ``filter_type``, or a flag or a dtype that is none.

    >>> transform = grokfast_ma(window=2, lamb=10.0)
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 2.0, 4.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [1.]
    [17.]
    [34.]

    Reference: Lee et al., Grokfast: accelerated grokking by amplifying slow gradients, 2024 (arXiv 2405.20233),
    algorithm 1, with the warm-up of the authors' code.
    """
    _check_window(window, lamb)
    check_gain(lamb)
    check_choice("filter_type", filter_type, FILTER_TYPES)
    check_flag("warmup", warmup)
    check_flag("trigger", trigger)
    check_state_dtype(state_dtype)

    def init(params: PyTree) -> GrokfastMaState:
        ring = zeros(params, state_dtype, (window,))
        # Made twice: one buffer in two places of a state cannot be donated.
        current, previous = (jax.tree.map(widen, zeros(params, state_dtype)) for _ in range(2))
        return GrokfastMaState(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32), ring, current, previous)

    def update(updates: PyTree, state: GrokfastMaState, params: PyTree | None = None) -> tuple[PyTree, GrokfastMaState]:
        del params
        slot, filled = state.slot, jnp.minimum(state.filled + 1, window)
        active = (filled == window) & (not trigger) if warmup else jnp.ones((), bool)
        scale = jnp.asarray(lamb) / filled if filter_type == "mean" else lamb

        following = (slot + 1) % window

        def one(gradient: Array, ring: Array, current: Array, previous: Array) -> tuple[Array, ...]:
            entering = gradient.astype(ring.dtype)
            # where, not a product with 0 or 1: what is not finite must be dropped, too.
            fresh = jnp.where(slot == 0, jnp.zeros_like(current), current) + entering.astype(current.dtype)
            filtered = amplify(gradient, fresh + previous, scale, active)
            # What leaves with the next gradient is taken off now, from the ring as written: a read before the write
            # makes XLA copy the whole ring, twice an update, since it may order the two either way.
            ring = jax.lax.dynamic_update_index_in_dim(ring, entering, slot, 0)
            leaving = jax.lax.dynamic_index_in_dim(ring, following, 0, keepdims=False).astype(current.dtype)
            rest = jnp.where(following == 0, fresh, previous) - leaving
            rest = jnp.where(following == window - 1, jnp.zeros_like(rest), rest)
            return filtered, ring, fresh, rest

        filtered, ring, current, previous = map_leaves(one, updates, state.ring, state.current, state.previous)
        return filtered, GrokfastMaState(following, filled, ring, current, previous)

    return optax.GradientTransformation(init, update)


def _check_window(window: Any, lamb: Any) -> None:
    try:
        check_static_int("window", window)
    except ConfigError as error:
        whole = isinstance(lamb, (int, np.integer)) and not isinstance(lamb, bool)
        if isinstance(window, float) and whole and lamb >= 1:
            raise ConfigError(
                f"{error} lamb = {lamb} would be a valid window: the two look swapped; "
                f"write grokfast_ma(window={lamb}, lamb={window})."
            ) from None
        raise
    if isinstance(lamb, int) and not isinstance(lamb, bool) and window < lamb:
        raise ConfigError(
            f"window = {window} is less than lamb = {lamb}, two integers: they look swapped; write "
            f"grokfast_ma(window={lamb}, lamb={window}), or lamb={float(lamb)} if it is meant."
        )


def response(
    frequencies: np.ndarray,
    *,
    window: int,
    lamb: float,
    filter_type: str,
    warmup: bool,
    trigger: bool,
    state_dtype: object,
) -> np.ndarray:
    """``1 + lamb sum_(k < window) e^(-2 pi i f k) / window`` of the full ring; see
    :func:`gendyn.optim.frequency_response`."""
    del state_dtype
    silent = warmup and trigger
    terms = np.exp(-2j * np.pi * frequencies[:, None] * np.arange(window)).sum(1)
    return 1.0 + (0.0 if silent else lamb) * terms / (window if filter_type == "mean" else 1)


def example() -> TransformExample:
    # Without warm-up, and shorter than a test: the filter acts on all of it.
    return TransformExample(kwargs={"window": 3, "warmup": False}, sweeps={"lamb": (0.0, 5.0)})
