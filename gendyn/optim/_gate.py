"""Switches a gradient filter on and off while training."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_range, is_concrete
from gendyn.types import Array, ArrayLike, PyTree


class GateState(NamedTuple):
    """State of :func:`gate`."""

    step: Array
    """int32 ``[]``: updates done."""
    reached: Array
    """bool ``[]``: whether the train loss has been at or below ``start_train_loss``."""
    inner: PyTree
    """State of the filter, which advances at every update."""


def gate(
    transform: optax.GradientTransformation,
    *,
    start_step: ArrayLike = 0,
    stop_step: ArrayLike = -1,
    start_train_loss: ArrayLike = math.inf,
) -> optax.GradientTransformationExtraArgs:
    """The filter, applied only while it is active; its state sees every gradient.

    With update ``t = 0, 1, …``, ``L_t`` the train loss at the parameters that ``g_t`` was taken at::

        active_t = t >= start_step  and  (stop_step < 0  or  t < stop_step)  and  some L_s <= start_train_loss, s <= t
        g_hat_t = transform(g)_t if active_t, else g_t, bit for bit

    Since the state always advances, a filter that is switched on late has its memory full. There is no threshold on
    test metrics: they would leak into training. Adds an integer and a flag to the state.

    Args:
      transform: a filter: it maps gradients to gradients.
      start_step: at least 0.
      stop_step: the first update that is not filtered any more; negative: never.
      start_train_loss: once the loss has been at or below it the filter stays on; ``inf``: from the start. Compared
        with ``value``, an argument of ``update`` by optax's convention: ``update(g, state, params, value=loss)``.

    Returns:
      A transform with the extra argument ``value``, a scalar, needed unless ``start_train_loss`` is ``inf``.

    Raises:
      ConfigError: a concrete number outside its interval; when updated, a threshold without a ``value``.

    >>> transform = gate(optax.scale(10.0), start_train_loss=0.5)
    >>> state = transform.init(jnp.zeros(1))
    >>> for loss in (1.0, 0.4, 0.9):
    ...     updates, state = transform.update(jnp.ones(1), state, value=loss)
    ...     print(updates)
    [1.]
    [10.]
    [10.]

    Reference: Lee et al., Grokfast, 2024 (arXiv 2405.20233), section 4 (two stages).
    """
    check_range("filter.start_step", start_step, low=0)
    check_range("filter.stop_step", stop_step)
    if is_concrete(start_train_loss) and np.isnan(np.asarray(start_train_loss)).any():
        raise ConfigError("filter.start_train_loss = nan must be a number, or inf to filter from the start.")
    filtering = optax.with_extra_args_support(transform)
    always = is_concrete(start_train_loss) and bool(np.all(np.asarray(start_train_loss) == np.inf))

    def init(params: PyTree) -> GateState:
        return GateState(jnp.zeros((), jnp.int32), jnp.zeros((), bool), filtering.init(params))

    def update(
        updates: PyTree, state: GateState, params: PyTree | None = None, *, value: Any = None, **extra: Any
    ) -> tuple[PyTree, GateState]:
        if value is None and not always:
            raise ConfigError(
                "gate: start_train_loss needs the train loss: call update(gradients, state, params, value=loss)."
            )
        # A loss of NaN does not keep a filter off that has no threshold.
        reached = state.reached | (jnp.asarray(start_train_loss) == jnp.inf)
        if value is not None:
            reached = reached | (jnp.asarray(value) <= jnp.asarray(start_train_loss))
            extra = {**extra, "value": value}
        begun, stop = state.step >= jnp.asarray(start_step), jnp.asarray(stop_step)
        active = reached & begun & ((stop < 0) | (state.step < stop))
        filtered, inner = filtering.update(updates, state.inner, params, **extra)
        chosen = jax.tree.map(lambda f, g: jnp.where(active, f, g), filtered, updates)
        return chosen, GateState(optax.safe_increment(state.step), reached, inner)

    return optax.GradientTransformationExtraArgs(init, update)
