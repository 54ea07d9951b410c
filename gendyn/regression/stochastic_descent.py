"""Stochastic gradient descent on least squares, one example a step."""

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_key, check_range
from gendyn.regression._design import check_steps
from gendyn.types import Array, ArrayLike


def stochastic_descent(
    key: Array, x: Array, y: Array, start: Array, steps: np.ndarray, *, learning_rate: ArrayLike
) -> Array:
    """Weights after several numbers of steps ``w <- w - learning_rate x_i (x_i . w - y_i)``: ``[T, p, k]``.

    Each step draws its example uniformly, with replacement, the same one for every start. Where all examples can be
    fitted the noise of the draws vanishes with the error, and a constant rate converges. Pure, vmap-safe; in the dtype
    of ``start``.

    Args:
        key: of the examples drawn.
        x: inputs ``[n, p]``.
        y: targets ``[n]``.
        start: ``[p, k]``, for ``k`` descents.
        steps: ``T`` numbers of steps, ascending, not negative, static.
        learning_rate: positive; below ``2 / |x_i|^2`` no step overshoots its example.

    Raises:
        ConfigError: shapes that do not fit, a bad rate, or bad steps.

    >>> x, y = jnp.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), jnp.array([2.0, 4.0])
    >>> path = stochastic_descent(jax.random.key(0), x, y, jnp.zeros((3, 1)), np.array([0, 200]), learning_rate=0.1)
    >>> path[:, :, 0].round(4).tolist()
    [[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]]
    """
    check_key("key", key)
    check_steps(steps)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    if x.ndim != 2 or y.shape != x.shape[:1] or start.ndim != 2 or len(start) != x.shape[1]:
        raise ConfigError(f"x {x.shape}, y {y.shape} and start {start.shape} must be [n, p], [n] and [p, k].")
    examples = jax.random.randint(key, (max(1, int(steps[-1])),), 0, len(x))

    def step(i: Array, w: Array) -> Array:
        row = x[examples[i]]
        return w - learning_rate * row[:, None] * (row @ w - y[examples[i]])

    def segment(w: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        w = jax.lax.fori_loop(*ends, step, w)
        return w, w

    ends = jnp.asarray(steps)
    path: Array = jax.lax.scan(segment, start, (jnp.concatenate([jnp.zeros(1, ends.dtype), ends[:-1]]), ends))[1]
    return path
