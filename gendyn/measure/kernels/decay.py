"""How fast the linearised network learns along each eigenvector of its kernel.

All are exact, jit- and vmap-safe; cost ``O(m)`` on eigenvalues.
"""

import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice
from gendyn.types import Array, ArrayLike

RULES = ("flow", "descent")


def condition_number(eigenvalues: Array) -> Array:
    """``max |lambda| / min |lambda|``; infinite for a singular kernel, and limited by ``1 / eps`` of its precision.

    NaN where an eigenvalue is not finite.

    Raises:
      ConfigError: no eigenvalue.

    >>> float(condition_number(jnp.array([4.0, 2.0, 1.0])))
    4.0
    """
    size = jnp.abs(jnp.asarray(eigenvalues))
    if not size.size:
        raise ConfigError(f"eigenvalues has shape {size.shape}; at least one is needed.")
    largest, smallest = jnp.max(size), jnp.min(size)
    # That of a kernel of zeros too, where the quotient would be NaN.
    found = jnp.where(smallest == 0, jnp.inf, largest / jnp.where(smallest == 0, 1, smallest))
    return jnp.where(jnp.isfinite(largest), found, jnp.nan)


def residual_projection(vectors: Array, residual: Array) -> Array:
    """``V^T r``: the residual ``outputs - targets`` in the eigenbasis of the kernel.

    Args:
      vectors: ``[m, r]``, eigenvectors in columns.
      residual: ``[m]``, ``[m, C]``, or ``[N, K]`` with ``N K = m`` for the full kernel.

    Returns:
      ``[r, columns]``.

    >>> residual_projection(jnp.eye(2), jnp.array([3.0, 4.0])).tolist()
    [[3.0], [4.0]]
    """
    vectors, residual = jnp.asarray(vectors), jnp.asarray(residual)
    if vectors.ndim != 2 or residual.size % vectors.shape[0] or not residual.size:
        raise ConfigError(f"residual {residual.shape} does not fit eigenvectors {vectors.shape} in columns.")
    return vectors.T @ residual.reshape(vectors.shape[0], -1)


def predicted_decay(eigenvalues: Array, times: ArrayLike, learning_rate: ArrayLike, *, rule: str = "flow") -> Array:
    """The factor by which each mode of the residual has shrunk, for the loss ``sum of squares / 2`` of a linear model.

    ``flow``: ``exp(-eta lambda t)``; ``descent``: exactly ``(1 - eta lambda)^t`` after ``t`` whole steps. For a *mean*
    over ``n`` examples, ``eta`` is the learning rate divided by ``n``.

    Args:
      eigenvalues: ``[r]``.
      times: ``[S]`` or a scalar, in steps.
      learning_rate: ``eta``.

    Returns:
      ``[S, r]``, or ``[r]`` for one time; NaN for an eigenvalue that is not finite.

    Raises:
      ConfigError: an unknown rule.

    >>> predicted_decay(jnp.array([0.5, 2.0]), jnp.array([0, 2]), 1.0, rule="descent").tolist()
    [[1.0, 1.0], [0.25, 1.0]]
    """
    check_choice("rule", rule, RULES)
    values, times = jnp.asarray(eigenvalues), jnp.asarray(times)[..., None]
    if jnp.issubdtype(values.dtype, jnp.floating):
        # An infinite eigenvalue is no mode that is learned at once: the kernel has diverged.
        values = jnp.where(jnp.isfinite(values), values, jnp.nan)
    if rule == "flow":
        # 0 * inf: a mode of eigenvalue 0 never moves.
        return jnp.where(values == 0, 1.0, jnp.exp(-(learning_rate * values * times)))
    factor = 1.0 - learning_rate * values
    # A negative base has a real power at whole numbers only: by its sign, so that large t keeps its precision.
    sign = jnp.where((factor < 0) & (jnp.mod(times, 2) == 1), -1.0, 1.0)
    return sign * jnp.power(jnp.abs(factor), times)


def gain(values: Array, times: ArrayLike, learning_rate: ArrayLike, rule: str) -> Array:
    """``(1 - decay) / lambda``, continued to ``eta t`` at eigenvalue 0 (to 0 at infinite time)."""
    times = jnp.asarray(times, values.dtype)[..., None]
    if not values.shape[-1]:
        raise ConfigError(f"values has shape {values.shape}; at least one eigenvalue is needed.")
    values = jnp.where(jnp.isfinite(values), values, jnp.nan)
    floor = values.shape[-1] * np.finfo(np.dtype(values.dtype)).eps * jnp.max(jnp.abs(values))
    small = values <= floor
    safe = jnp.where(small, 1.0, values)
    if rule == "flow":
        shrunk = -jnp.expm1(-(learning_rate * safe * times))
    else:
        shrunk = 1.0 - predicted_decay(safe, times[..., 0], learning_rate, rule=rule)
    return jnp.where(small, jnp.where(jnp.isinf(times), 0.0, learning_rate * times), shrunk / safe)
