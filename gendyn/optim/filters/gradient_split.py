"""The slow or the fast part of the gradient alone: which of the two trains?"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.core import check_choice
from gendyn.optim._filter import check_decay, check_gain, check_state_dtype, map_leaves, widen, zeros
from gendyn.types import Array, ArrayLike, PyTree, TransformExample

ROLE = "filter"
PAD_SAFE = True
COMPONENTS = ("slow", "fast")


class GradientSplitState(NamedTuple):
    """State of :func:`gradient_split`."""

    started: Array
    """bool ``[]``: whether a gradient has been seen."""
    mean: PyTree
    """Like the parameters: ``mu``."""


def gradient_split(
    component: str = "slow", alpha: ArrayLike = 0.98, lamb: ArrayLike = 1.0, state_dtype: DTypeLike | None = ""
) -> optax.GradientTransformation:
    """Keeps the slow or the fast part of the gradient, and drops the other. Put it before the optimizer.

    With gradient ``g_t`` at update ``t = 1, 2, …`` and the moving average of :func:`gendyn.optim.grokfast_ema`::

        mu_t = alpha mu_(t-1) + (1 - alpha) g_t,   mu_0 = g_1
        g_hat_t = lamb mu_t             component="slow"
        g_hat_t = lamb (g_t - mu_t)     component="fast": 0 at the first update

    At ``lamb = 1`` the two add up to the gradient. State: one buffer of the size of the parameters and a flag.
    A gradient that is not finite stays in the mean for good: ``optax.apply_if_finite`` around the chain drops it.

    Args:
      component: static, ``"slow"`` or ``"fast"``.
      alpha: in [0, 1); 0 makes the whole gradient slow.
      lamb: in [0, inf).
      state_dtype: static; of ``mu``. Empty: that of each parameter.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: a concrete number outside its interval, an unknown component or dtype.

    >>> transform = gradient_split("fast", alpha=0.5)
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 3.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [0.]
    [1.]

    Reference: Lee et al., Grokfast, 2024 (arXiv 2405.20233) (slow gradients alone).
    """
    check_choice("component", component, COMPONENTS)
    check_decay("gradient_split", alpha, lamb)
    check_gain(lamb)
    check_state_dtype(state_dtype)

    def init(params: PyTree) -> GradientSplitState:
        return GradientSplitState(jnp.zeros((), bool), zeros(params, state_dtype))

    def update(
        updates: PyTree, state: GradientSplitState, params: PyTree | None = None
    ) -> tuple[PyTree, GradientSplitState]:
        del params

        def one(gradient: Array, mean: Array) -> tuple[Array, Array]:
            wide = widen(gradient)
            before = jnp.where(state.started, widen(mean), wide)
            # At the first update exactly the gradient: in the fast part nothing but rounding would be left.
            after = before + (1.0 - alpha) * (wide - before)
            kept = after if component == "slow" else wide - after
            return jnp.asarray(lamb * kept, gradient.dtype), jnp.asarray(after, mean.dtype)

        kept, means = map_leaves(one, updates, state.mean)
        return kept, GradientSplitState(jnp.ones((), bool), means)

    return optax.GradientTransformation(init, update)


def response(frequencies: np.ndarray, *, component: str, alpha: float, lamb: float, state_dtype: object) -> np.ndarray:
    """``lamb M`` or ``lamb (1 - M)``, ``M = (1 - alpha) / (1 - alpha e^(-2 pi i f))``; see
    :func:`gendyn.optim.frequency_response`."""
    del state_dtype
    slow = (1.0 - alpha) / (1.0 - alpha * np.exp(-2j * np.pi * frequencies))
    return lamb * (slow if component == "slow" else 1.0 - slow)


def example() -> TransformExample:
    return TransformExample(kwargs={"component": "fast"}, sweeps={"alpha": (0.0, 0.9, 0.98), "lamb": (0.5, 2.0)})
