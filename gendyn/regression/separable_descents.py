"""Logistic regression on separable data: a sample, three descents on it, and the margins of what they find."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, stream
from gendyn.regression._design import full_precision
from gendyn.regression.descent_path import parallel_descents
from gendyn.regression.implicit_bias import MaxMargin, angle, max_margin
from gendyn.regression.sup_margin import max_sup_margin
from gendyn.types import Array, ArrayLike


class RelativeMargins(NamedTuple):
    """Of directions ``[..., p]``; NumPy, ``[...]``."""

    angle: np.ndarray
    """To the direction of largest margin, radians."""
    margin_share: np.ndarray
    """Margin over the largest one, both by the Euclidean norm."""
    sup_margin_share: np.ndarray
    """The same, by the largest coordinate."""


def separable_sample(key: Array, *, num_examples: int, num_features: int, margin: float = 0.0) -> Array:
    """Examples times labels, ``y_i x_i [n, p]``: ``x ~ N(0, I / p)``, labels of a random hyperplane through the origin.

    Args:
        key: of examples and hyperplane.
        num_examples, num_features: ``n`` and ``p``.
        margin: how far each example is moved away from the hyperplane; not negative.

    Raises:
        ConfigError: an argument out of range.

    >>> separable_sample(jax.random.key(0), num_examples=4, num_features=3, margin=0.5).shape
    (4, 3)
    """
    check_key("key", key)
    check_positive_int("num_examples", num_examples)
    check_positive_int("num_features", num_features)
    check_range("margin", margin, low=0)
    x = jax.random.normal(stream(key, "x"), (num_examples, num_features), float) / math.sqrt(num_features)
    teacher = jax.random.normal(stream(key, "teacher"), (num_features,), float)
    teacher = teacher / jnp.linalg.norm(teacher)
    return x * jnp.sign(x @ teacher)[:, None] + margin * teacher


@full_precision
def separable_descents(
    signed: Array,
    steps: Sequence[int] | np.ndarray,
    *,
    learning_rate: float,
    momentum: float,
    adam_learning_rate: float,
) -> Array:
    """Gradient descent, heavy ball and Adam on the summed logistic loss, from 0: ``[T, p, 3]``.

    Heavy ball has ``1 - momentum`` of the learning rate, which makes the effective rates equal: at the full rate its
    first steps overshoot, and ``log t`` takes exponentially long to catch up. Adam has ``eps = 0``: with it, gradients
    that vanish would turn it into plain descent in the end.

    Args:
        signed: examples times labels, ``[n, p]``.
        steps: ``T`` numbers of steps, ascending, not negative.
        learning_rate: of gradient descent.
        momentum: in ``[0, 1)``.
        adam_learning_rate: of Adam.

    Raises:
        ConfigError: bad steps, or no example or feature.

    >>> rates = {"learning_rate": 1.0, "momentum": 0.9, "adam_learning_rate": 0.1}
    >>> print(separable_descents(jnp.ones((1, 2)), (1,), **rates)[0].round(3))
    [[0.5  0.05 0.1 ]
     [0.5  0.05 0.1 ]]
    """
    if signed.ndim != 2 or 0 in signed.shape:
        raise ConfigError(f"signed {signed.shape} must be [n, p] with at least one example and one feature.")
    damped = optax.chain(optax.ema(momentum, debias=False), optax.scale(-learning_rate))
    transforms = (optax.sgd(learning_rate), damped, optax.adam(adam_learning_rate, eps=0.0))
    start = jnp.zeros((signed.shape[1], 1), signed.dtype)
    return parallel_descents(lambda w: -signed.T @ jax.nn.sigmoid(-(signed @ w)), (start,) * 3, transforms, steps)


def relative_margins(signed: ArrayLike, weights: ArrayLike, *, best: MaxMargin | None = None) -> RelativeMargins:
    """Where weights ``[..., p]`` point and what margins they have, next to the best ones. On the host.

    Cost: a quadratic and a linear program, whatever the number of weights.

    Args:
        signed: examples times labels, ``[n, p]``, separable by a hyperplane through the origin.
        weights: not 0.
        best: :func:`~gendyn.regression.max_margin` of these examples, where it is known.

    Raises:
        ConfigError: as for :func:`~gendyn.regression.max_margin`.

    >>> [round(float(value), 6) for value in relative_margins(np.eye(2), np.array([2.0, 2.0]))]
    [0.0, 1.0, 1.0]
    """
    points, w = np.asarray(signed), np.asarray(weights)
    ones = np.ones(len(points))
    best, sup = best or max_margin(points, ones), max_sup_margin(points, ones)
    turned = np.asarray(angle(w, best.direction))  # refuses weights that are not finite
    margins = np.min(w @ points.T, axis=-1)
    return RelativeMargins(
        turned,
        margins / np.linalg.norm(w, axis=-1) / best.margin,
        margins / np.max(np.abs(w), axis=-1) / sup.margin,
    )
