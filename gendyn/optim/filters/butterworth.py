"""Adds the slow part of the gradient, as a Butterworth low-pass filter of any order lets it through."""

import math

import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.core import check_range, is_concrete
from gendyn.optim._checks import check_static_int
from gendyn.optim._filter import check_gain, check_state_dtype
from gendyn.optim.filters._sections import Section, add_filtered, transfer
from gendyn.types import ArrayLike, TransformExample

ROLE = "filter"
PAD_SAFE = True


def butterworth(
    cutoff: ArrayLike = 0.01, order: int = 2, lamb: ArrayLike = 2.0, state_dtype: DTypeLike | None = ""
) -> optax.GradientTransformation:
    """``g_hat = g + lamb H(z) g``, ``H`` a digital Butterworth low-pass filter. Put it before the optimizer.

    The filter with the flattest pass band, by the bilinear transform, at frequency ``f`` in cycles per update::

        |H(f)|^2 = 1 / (1 + (tan(pi f) / tan(pi cutoff))^(2 order)),   H(0) = 1,   |H(cutoff)|^2 = 1/2

    that of ``scipy.signal.butter(order, cutoff, fs=1)``, from a past of zero gradients; its coefficients are closed
    forms of ``cutoff``, which may thus be swept. For comparison, the average of :func:`gendyn.optim.grokfast_ema` falls
    to 1/2 in power near ``(1 - alpha) / (2 pi)`` cycles per update and then as slowly as order 1. State: ``order``
    buffers of the size of the parameters. A gradient that is not finite stays in them for good:
    ``optax.apply_if_finite`` around the chain drops it.

    Args:
      cutoff: in (0, 0.5), cycles per update: 0.01 passes what lasts longer than 100 updates.
      order: static, at least 1; the slope, and the delay, which grows with it.
      lamb: in [0, inf); 0 is the identity, bit for bit.
      state_dtype: static; of the buffers. Empty: that of each parameter.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a concrete number outside its interval, or an unknown dtype.

    >>> transform = butterworth(cutoff=0.25, order=1, lamb=1.0)
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 1.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [1.5]
    [2.]

    Reference: Oppenheim and Schafer, Discrete-time signal processing (bilinear transform).
    """
    check_range("cutoff", cutoff, low=0, high=0.5, open_low=True, open_high=True)
    check_static_int("order", order)
    check_gain(lamb)
    check_state_dtype(state_dtype)
    return add_filtered(_sections(cutoff, order), lamb, state_dtype)


def _sections(cutoff: ArrayLike, order: int) -> list[Section]:
    """Closed forms without a cancellation: every coefficient in the delta operator is a sum of positive terms."""
    warped = math.pi * np.asarray(cutoff, np.float64) if is_concrete(cutoff) else jnp.pi * jnp.asarray(cutoff)
    k = np.tan(warped) if is_concrete(cutoff) else jnp.tan(warped)
    sections = []
    if order % 2:
        sections.append(Section((k / (1 + k), 2 * k / (1 + k)), (2 * k / (1 + k),), 1.0))
    for pair in range(order // 2):
        # Each pair of analogue poles has damping 2 sin(theta), theta its angle from the imaginary axis.
        damping = 2 * math.sin(math.pi * (2 * pair + 1) / (2 * order))
        scale = 1 / (1 + damping * k + k * k)
        square = scale * k * k
        sections.append(
            Section((square, 4 * square, 4 * square), (4 * square + 2 * damping * k * scale, 4 * square), 1.0)
        )
    return sections


def response(frequencies: np.ndarray, *, cutoff: float, order: int, lamb: float, state_dtype: object) -> np.ndarray:
    """``1 + lamb H(e^(2 pi i f))``; see :func:`gendyn.optim.frequency_response`."""
    del state_dtype
    return 1.0 + lamb * transfer(_sections(cutoff, order), frequencies)


def example() -> TransformExample:
    return TransformExample(kwargs={"order": 3}, sweeps={"cutoff": (0.01, 0.1, 0.4), "lamb": (0.0, 2.0)})
