"""Adds the gradient as a Kalman filter in its steady state estimates it under noise."""

import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.core import check_choice, check_range, is_concrete
from gendyn.optim._filter import check_gain, check_state_dtype
from gendyn.optim.filters._sections import Section, add_filtered, transfer
from gendyn.types import ArrayLike, TransformExample

ROLE = "filter"
PAD_SAFE = True
MODELS = ("level", "trend")


def kalman(
    signal_to_noise: ArrayLike = 4e-4, model: str = "level", lamb: ArrayLike = 2.0, state_dtype: DTypeLike | None = ""
) -> optax.GradientTransformation:
    """``g_hat = g + lamb s``, ``s`` the steady-state Kalman estimate of the gradient. Put it before the optimizer.

    Each coordinate of the gradient is taken for a true value ``p`` that drifts, seen under white noise::

        "level"   g_t = p_t + noise,  p_t = p_(t-1) + drift             a random walk
        "trend"   g_t = p_t + noise,  p_t = p_(t-1) + v_(t-1) + drift / 2,  v_t = v_(t-1) + drift

    With ``q = signal_to_noise``, the variance of ``drift`` over that of ``noise``, the gain that the Kalman recursion
    converges to is constant, and so is the filter (from a past of zeros)::

        "level"   s_t = s_(t-1) + k (g_t - s_(t-1)),        k = (sqrt(q^2 + 4 q) - q) / 2
        "trend"   r_t = g_t - s_(t-1) - v_(t-1),  s_t = g_t - (1 - k) r_t,  v_t = v_(t-1) + h r_t,
                  d = (sqrt(8 sqrt(q) + q) - sqrt(q)) / 4,  k = d (2 - d),  h = 2 d^2

    "level" is a moving average with ``alpha = 1 - k`` (the default ``q`` has ``k = 0.0198``); "trend" follows a
    gradient that changes steadily without a lag, and amplifies what is a little above its band. One scale for all
    coordinates: no variance is estimated. State: one buffer of the size of the parameters ("level") or two ("trend").
    A gradient that is not finite stays in them for good: ``optax.apply_if_finite`` around the chain drops it.

    Args:
      signal_to_noise: ``q``, in (0, inf).
      model: static, ``"level"`` or ``"trend"``.
      lamb: in [0, inf); 0 is the identity, bit for bit.
      state_dtype: static; of the buffers. Empty: that of each parameter.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a concrete number outside its interval, an unknown model or dtype.

    >>> transform = kalman(signal_to_noise=0.5, lamb=1.0)  # k = 0.5
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 1.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [1.5]
    [1.75]

    Reference: Kalata, The tracking index, IEEE Transactions on Aerospace and Electronic Systems 20, 1984 (the gains).
    """
    check_range("signal_to_noise", signal_to_noise, low=0, open_low=True)
    check_choice("model", model, MODELS)
    check_gain(lamb)
    check_state_dtype(state_dtype)
    return add_filtered([_section(signal_to_noise, model)], lamb, state_dtype)


def _section(signal_to_noise: ArrayLike, model: str) -> Section:
    concrete = is_concrete(signal_to_noise)
    q = np.asarray(signal_to_noise, np.float64) if concrete else jnp.asarray(signal_to_noise)
    root = np.sqrt if concrete else jnp.sqrt
    if model == "level":
        # The form without a cancellation at large q.
        gain = 2 * q / (root(q * q + 4 * q) + q)
        return Section((gain, gain), (gain,), 1.0)
    index = root(q)
    d = 2 * index / (root(8 * index + q) + index)
    gain, slope = d * (2 - d), 2 * d * d
    return Section((gain, gain + slope, slope), (gain + slope, slope), 1.0)


def response(
    frequencies: np.ndarray, *, signal_to_noise: float, model: str, lamb: float, state_dtype: object
) -> np.ndarray:
    """``1 + lamb H(e^(2 pi i f))``; see :func:`gendyn.optim.frequency_response`."""
    del state_dtype
    return 1.0 + lamb * transfer([_section(signal_to_noise, model)], frequencies)


def example() -> TransformExample:
    return TransformExample(kwargs={"model": "trend"}, sweeps={"signal_to_noise": (4e-4, 0.1), "lamb": (0.0, 2.0)})
