"""Switches a gradient filter on and off while training."""

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
    fitted: Array
    """bool ``[]``: whether it has been at or below ``stop_train_loss``."""
    inner: PyTree
    """State of the filter, which advances at every update."""


def gate(
    transform: optax.GradientTransformation,
    *,
    start_step: ArrayLike = 0,
    stop_step: ArrayLike = -1,
    start_train_loss: ArrayLike | None = None,
    stop_train_loss: ArrayLike | None = None,
) -> optax.GradientTransformationExtraArgs:
    """The filter, applied only while it is active; its state sees every gradient.

    With update ``t = 0, 1, …``, ``L_t`` the train loss at the parameters that ``g_t`` was taken at::

        active_t = t >= start_step        and  some L_s <= start_train_loss, s <= t
                   and not (t >= stop_step >= 0)  and  no L_s <= stop_train_loss, s <= t
        g_hat_t = transform(g)_t if active_t, else g_t, bit for bit

    A threshold is passed once, however the loss moves later (on minibatches one lucky batch passes it): to filter until
    the training set is fitted, give a ``stop_train_loss``. Since the state always advances, a filter that is switched
    on late has its memory full. There is no threshold on test metrics: they would leak into training. Adds an integer
    and two flags to the state.

    Args:
      transform: a filter: it maps gradients to gradients.
      start_step: an integer of at least 0.
      stop_step: the first update that is not filtered any more; negative: never; 0: nothing is filtered.
      start_train_loss: ``None`` or ``inf``: from the start. Thresholds are compared with ``value``, an argument of
        ``update`` by optax's convention: ``update(g, state, params, value=loss)``.
      stop_train_loss: ``None`` or ``-inf``: never.

    Returns:
      A transform with the extra argument ``value``, a scalar, needed where a threshold is not ``None``.

    Raises:
      ConfigError: what is no number, a concrete number outside its interval, or concrete starts and stops between
        which the filter is never active; when updated, a threshold without a ``value``.

    >>> transform = gate(optax.scale(10.0), start_train_loss=0.5, stop_train_loss=0.1)
    >>> state = transform.init(jnp.zeros(1))
    >>> for loss in (1.0, 0.4, 0.9, 0.1, 0.2):
    ...     updates, state = transform.update(jnp.ones(1), state, value=loss)
    ...     print(updates)
    [1.]
    [10.]
    [10.]
    [1.]
    [1.]

    Reference: Lee et al., Grokfast, 2024 (arXiv 2405.20233), section 4 (two stages).
    """
    _check_steps(start_step, stop_step)
    _check_losses(start_train_loss, stop_train_loss)
    filtering = optax.with_extra_args_support(transform)
    start_loss = jnp.inf if start_train_loss is None else start_train_loss
    stop_loss = -jnp.inf if stop_train_loss is None else stop_train_loss

    def init(params: PyTree) -> GateState:
        # Made twice: one buffer in two places of a state cannot be donated.
        return GateState(jnp.zeros((), jnp.int32), jnp.zeros((), bool), jnp.zeros((), bool), filtering.init(params))

    def update(
        updates: PyTree, state: GateState, params: PyTree | None = None, *, value: Any = None, **extra: Any
    ) -> tuple[PyTree, GateState]:
        # A loss of NaN does not keep a filter off that has no threshold.
        reached = state.reached | (jnp.asarray(start_loss) == jnp.inf)
        fitted = state.fitted
        if value is not None:
            reached = reached | (jnp.asarray(value) <= jnp.asarray(start_loss))
            fitted = fitted | (jnp.asarray(value) <= jnp.asarray(stop_loss))
            extra = {**extra, "value": value}
        elif start_train_loss is not None or stop_train_loss is not None:
            raise ConfigError(
                "gate: start_train_loss and stop_train_loss need the train loss: call "
                "update(gradients, state, params, value=loss), or leave both None."
            )
        begun, stop = state.step >= jnp.asarray(start_step), jnp.asarray(stop_step)
        active = reached & begun & ~fitted & ((stop < 0) | (state.step < stop))
        filtered, inner = filtering.update(updates, state.inner, params, **extra)
        chosen = jax.tree.map(lambda f, g: jnp.where(active, f, g), filtered, updates)
        return chosen, GateState(optax.safe_increment(state.step), reached, fitted, inner)

    return optax.GradientTransformationExtraArgs(init, update)


def _check_steps(start: ArrayLike, stop: ArrayLike) -> None:
    check_range("start_step", start, low=0)
    check_range("stop_step", stop)
    for name, step in (("start_step", start), ("stop_step", stop)):
        if is_concrete(step) and np.any(np.asarray(step) % 1):
            raise ConfigError(f"{name} = {step} must be an integer: it counts updates.")
    if is_concrete(start) and is_concrete(stop):
        # A stop at 0 says what it does, and is a control in a sweep over stops.
        late, early = np.asarray(start), np.asarray(stop)
        if np.any((early > 0) & (early <= late)):
            raise ConfigError(
                f"stop_step = {stop} must be greater than start_step = {start}: the filter is never active. "
                "For no filter at all set stop_step to 0, for no stop to -1."
            )


def _check_losses(start: ArrayLike | None, stop: ArrayLike | None) -> None:
    for name, loss in (("start_train_loss", start), ("stop_train_loss", stop)):
        if loss is None or not is_concrete(loss):
            continue
        # Infinite ones are thresholds too: no range says so.
        array = np.asarray(loss)
        if not jnp.issubdtype(array.dtype, jnp.number) or np.isnan(array).any():
            raise ConfigError(f"{name} = {loss!r} must be a number, or None for no threshold.")
    if start is None or stop is None or not (is_concrete(start) and is_concrete(stop)):
        return
    if np.any(np.asarray(stop) >= np.asarray(start)):
        raise ConfigError(
            f"stop_train_loss = {stop} must be less than start_train_loss = {start}: the filter is never "
            "active. For no threshold leave it None."
        )
