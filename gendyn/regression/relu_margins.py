"""The normalised margin of a ReLU network in training: what logistic loss goes on raising once all is classified."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_key, check_positive_int, check_range, stream
from gendyn.regression._design import check_steps, full_precision
from gendyn.types import Array, ArrayLike

_Weights = tuple[Array, Array]
LOSSES = ("logistic", "squared")
"""In the order of the records."""


class ReluMargins(NamedTuple):
    """After each of ``T`` numbers of steps, with each of both losses, ``[2, T]``."""

    margin: Array
    """``min_i y_i f(x_i) / |theta|^2``: it does not change as all weights grow together."""
    loss: Array
    """Summed over examples."""


@full_precision
def relu_margins(
    key: Array, *, num_examples: int, num_features: int, width: int, steps: np.ndarray, learning_rate: ArrayLike
) -> ReluMargins:
    """Full-batch descent of ``f(x) = sum_h a_h relu(w_h . x)`` on random labels, by logistic and by squared loss. Pure.

    Inputs are Gaussian of variance ``1 / d``; half of the labels are 1, the others -1. First-layer weights start with
    variance ``1 / d``, the others with ``1 / H``. The rate is ``learning_rate / (1 + |theta|^2)``, and on logistic
    loss it is divided by the mean loss too. That follows the path of a constant rate with a faster clock: with a
    constant one the logarithm of the time would have to grow as the margin does.

    Args:
        key: of data and start, which both losses share.
        num_examples, num_features: ``n`` and ``d``.
        width: ``H``.
        steps: ``T`` numbers of steps, ascending, not negative.
        learning_rate: see above.

    Raises:
        ConfigError: an argument out of range, or bad steps.

    >>> shape = {"num_examples": 4, "num_features": 6, "width": 8}
    >>> found = relu_margins(jax.random.key(0), **shape, steps=np.array([0, 400]), learning_rate=1.0)
    >>> bool(found.margin[0, 1] > 0), bool((found.loss[:, 1] < found.loss[:, 0]).all())
    (True, True)

    Reference: Lyu & Li (2020), Gradient descent maximizes the margin of homogeneous neural networks, arXiv:1906.05890.
    """
    check_key("key", key)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    check_steps(steps)
    for name, value in {"num_examples": num_examples, "num_features": num_features, "width": width}.items():
        check_positive_int(name, value)
    scale = 1.0 / math.sqrt(num_features)
    x = scale * jax.random.normal(stream(key, "x"), (num_examples, num_features), float)
    y = jnp.where(jax.random.permutation(stream(key, "labels"), num_examples) % 2 == 0, 1.0, -1.0)
    start = (
        scale * jax.random.normal(stream(key, "hidden"), (width, num_features), float),
        jax.random.normal(stream(key, "readout"), (width,), float) / math.sqrt(width),
    )

    def answers(weights: _Weights) -> Array:
        return y * (jax.nn.relu(x @ weights[0].T) @ weights[1])

    def squared_norm(weights: _Weights) -> Array:
        return jnp.sum(jnp.square(weights[0])) + jnp.sum(jnp.square(weights[1]))

    def mean_loss(weights: _Weights, logistic: bool) -> Array:
        right = answers(weights)
        return jnp.mean(jax.nn.softplus(-right) if logistic else 0.5 * jnp.square(right - 1.0))

    def path(logistic: bool) -> ReluMargins:
        def step(_: Array, weights: _Weights) -> _Weights:
            loss, slopes = jax.value_and_grad(mean_loss)(weights, logistic)
            rate = learning_rate / (1.0 + squared_norm(weights)) / (loss if logistic else 1.0)
            return weights[0] - rate * slopes[0], weights[1] - rate * slopes[1]

        def segment(weights: _Weights, ends: tuple[Array, Array]) -> tuple[_Weights, ReluMargins]:
            weights = jax.lax.fori_loop(*ends, step, weights)
            margin = jnp.min(answers(weights)) / squared_norm(weights)
            return weights, ReluMargins(margin, num_examples * mean_loss(weights, logistic))

        found: ReluMargins = jax.lax.scan(segment, start, (begins, ends))[1]
        return found

    ends = jnp.asarray(steps)
    begins = jnp.concatenate([jnp.zeros(1, ends.dtype), ends[:-1]])
    return ReluMargins(*(jnp.stack(both) for both in zip(path(True), path(False), strict=True)))
