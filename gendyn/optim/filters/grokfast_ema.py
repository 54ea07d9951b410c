"""Grokfast with an exponential moving average: slow gradients are added to the gradient."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.optim._checks import check_flag
from gendyn.optim._filter import amplify, check_decay, check_gain, check_state_dtype, map_leaves, widen, zeros
from gendyn.types import Array, ArrayLike, PyTree, TransformExample

ROLE = "filter"
PAD_SAFE = True


class GrokfastEmaState(NamedTuple):
    """State of :func:`grokfast_ema`."""

    step: Array
    """int32 ``[]``: gradients seen."""
    mean: PyTree
    """Like the parameters: ``mu``."""


def grokfast_ema(
    alpha: ArrayLike = 0.98,
    lamb: ArrayLike = 2.0,
    bias_correction: bool = False,
    state_dtype: DTypeLike | None = "",
) -> optax.GradientTransformation:
    """Adds ``lamb`` times the moving average of the gradient. Put it before the optimizer: ``chain(filter, adamw(…))``.

    With gradient ``g_t`` at update ``t = 1, 2, …``::

        mu_t = alpha mu_(t-1) + (1 - alpha) g_t,   mu_0 = g_1        bias_correction=False: the first update is
        g_hat_t = g_t + lamb mu_t                                    (1 + lamb) g_1
        mu_0 = 0,  g_hat_t = g_t + lamb mu_t / (1 - alpha^t)         bias_correction=True

    The two differ by how long the first gradient weighs. Weight decay that is added after the filter is not filtered.
    State: one buffer of the size of the parameters and an integer. Elementwise: any sharding of the parameters serves.
    A gradient that is not finite stays in the mean for good: ``optax.apply_if_finite`` around the chain drops it.

    Args:
      alpha: in [0, 1); about ``1 / (1 - alpha)`` updates are remembered.
      lamb: in [0, inf); 0 is the identity, bit for bit.
      bias_correction: static; the mean begins at 0 and is divided by ``1 - alpha^t``, in place of beginning at ``g_1``.
      state_dtype: static; of ``mu``. Empty: that of each parameter. ``"float32"`` for bfloat16 parameters, where
        increments ``(1 - alpha) g`` are otherwise rounded away. Arithmetic is in float32 at least.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a concrete number outside its interval (with a hint where the two look swapped), or a flag or a
        dtype that is none.

    >>> transform = grokfast_ema(alpha=0.5, lamb=2.0)
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 0.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [3.]
    [1.]

    Reference: Lee et al., Grokfast: accelerated grokking by amplifying slow gradients, 2024 (arXiv 2405.20233),
    algorithm 2, started at the first gradient as the authors' code does.
    """
    check_decay("grokfast_ema", alpha, lamb)
    check_gain(lamb)
    check_flag("bias_correction", bias_correction)
    check_state_dtype(state_dtype)

    def init(params: PyTree) -> GrokfastEmaState:
        return GrokfastEmaState(jnp.zeros((), jnp.int32), zeros(params, state_dtype))

    def update(
        updates: PyTree, state: GrokfastEmaState, params: PyTree | None = None
    ) -> tuple[PyTree, GrokfastEmaState]:
        del params
        step = optax.safe_increment(state.step)
        # Exact for a Python number, where 1 - alpha of a rounded alpha would lose digits. log1p(-1) = -inf weighs 1.
        gain = 1.0 - alpha
        weight = -jnp.expm1(step * jnp.log1p(-jnp.asarray(gain, jnp.float32))) if bias_correction else 1.0

        def one(gradient: Array, mean: Array) -> tuple[Array, Array]:
            wide = widen(gradient)
            before = widen(mean)
            if not bias_correction:
                before = jnp.where(state.step == 0, wide, before)
            after = before + gain * (wide - before)
            return amplify(gradient, after / weight, lamb), after.astype(mean.dtype)

        filtered, means = map_leaves(one, updates, state.mean)
        return filtered, GrokfastEmaState(step, means)

    return optax.GradientTransformation(init, update)


def response(
    frequencies: np.ndarray, *, alpha: float, lamb: float, bias_correction: bool, state_dtype: object
) -> np.ndarray:
    """``1 + lamb (1 - alpha) / (1 - alpha e^(-2 pi i f))``; see :func:`gendyn.optim.frequency_response`."""
    del bias_correction, state_dtype  # of the start, and of rounding
    return 1.0 + lamb * (1.0 - alpha) / (1.0 - alpha * np.exp(-2j * np.pi * frequencies))


def example() -> TransformExample:
    return TransformExample(kwargs={}, sweeps={"alpha": (0.0, 0.9, 0.98), "lamb": (0.0, 2.0)})
