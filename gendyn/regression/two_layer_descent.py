"""Regression by a network of one hidden layer, trained by full-batch gradient descent: as small as a network can be."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, normal, stream
from gendyn.regression._design import full_precision
from gendyn.regression.descent_path import descent_path
from gendyn.types import Array, ArrayLike


@full_precision
def two_layer_descent(
    key: Array, x: Array, y: Array, points: Array, *, width: int, steps: Sequence[int], learning_rate: ArrayLike
) -> Array:
    """Predictions of ``sum_h a_h relu(w_h . x / sqrt(d)) / sqrt(H)`` after several numbers of steps: ``[L, Q]``.

    Both layers start at standard normal draws and descend half the mean squared error over all examples. In this
    parameterisation one learning rate serves every width ``H``. Pure; in the dtype of ``x``.

    Args:
        key: of the initial weights.
        x: inputs ``[n, d]``.
        y: targets ``[n]``.
        points: where to predict, ``[Q, d]``.
        width: ``H``, static.
        steps: ``L`` numbers of steps, ascending, static.
        learning_rate: positive; may be traced.

    Raises:
        ConfigError: an argument out of range, or steps that do not ascend.

    >>> x = jnp.linspace(-1.0, 1.0, 9)[:, None]
    >>> found = two_layer_descent(jax.random.key(0), x, x[:, 0], x, width=16, steps=(1, 500), learning_rate=0.5)
    >>> before, after = jnp.mean((found - x[:, 0]) ** 2, axis=1).tolist()
    >>> after < 0.01 < before
    True

    Reference: Jacot, Gabriel & Hongler (2018), arXiv:1806.07572 (the parameterisation).
    """
    check_key("key", key)
    check_positive_int("width", width)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    if not len(steps) or np.any(np.diff(steps, prepend=0) <= 0):
        raise ConfigError(f"steps = {tuple(steps)} must be ascending and above 0. Sort them, each once.")

    def outputs(weights: tuple[Array, Array], x: Array) -> Array:
        hidden, readout = weights
        return jax.nn.relu(x @ hidden.T / math.sqrt(x.shape[1])) @ readout / math.sqrt(len(readout))

    def loss(weights: tuple[Array, Array]) -> Array:
        return 0.5 * jnp.mean(jnp.square(outputs(weights, x) - y))

    shapes = {"hidden": (width, x.shape[1]), "readout": (width,)}
    start = tuple(normal(stream(key, name), shape).astype(x.dtype) for name, shape in shapes.items())
    path = descent_path(jax.grad(loss), start, optax.sgd(learning_rate), steps)
    predicted: Array = jax.lax.map(lambda weights: outputs(weights, points), path)
    return predicted


def two_layer_widths(
    key: Array,
    x: Array,
    y: Array,
    points: Array,
    *,
    widths: Sequence[int],
    steps: Sequence[int],
    learning_rate: ArrayLike,
) -> Array:
    """:func:`two_layer_descent` of every one of ``W`` widths, in float32 whatever the data are: ``[L, W, Q]``.

    Raises:
        ConfigError: as there.

    >>> x = jnp.linspace(-1.0, 1.0, 9)[:, None]
    >>> two_layer_widths(jax.random.key(0), x, x[:, 0], x, widths=(1, 4), steps=(1, 2, 5), learning_rate=0.5).shape
    (3, 2, 9)
    """
    check_key("key", key)
    single = [array.astype(jnp.float32) for array in (x, y, points)]
    fits = [two_layer_descent(key, *single, width=each, steps=steps, learning_rate=learning_rate) for each in widths]
    return jnp.stack(fits, 1)
