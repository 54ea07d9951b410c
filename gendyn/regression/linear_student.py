"""A linear student of a linear teacher along gradient descent: the smallest model whose test accuracy comes late."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import check_key, check_positive_int, check_range, stream
from gendyn.regression._design import full_precision
from gendyn.regression.descent_path import descent_path
from gendyn.types import Array, ArrayLike


class StudentErrors(NamedTuple):
    """At ``T`` recorded steps, each ``[T]``; NaN once a student has diverged."""

    train_loss: Array
    """Mean squared error on the training inputs."""
    train_error: Array
    """Fraction of them with a squared error of at least the tolerance."""
    test_loss: Array
    """Mean squared error on a new input, exact: ``|w - w*|^2``."""
    test_error: Array
    """Fraction of fresh inputs with a squared error of at least the tolerance."""


@full_precision
def linear_student(
    key: Array,
    *,
    dimension: int,
    num_train: int,
    num_test: int,
    steps: tuple[int, ...] | np.ndarray | Array,
    learning_rate: ArrayLike,
    tolerance: ArrayLike,
) -> StudentErrors:
    """Errors of a student ``w . x`` of a teacher ``w* . x`` after several numbers of full-batch steps.

    ``x ~ N(0, I)`` in ``d`` dimensions; ``w*`` and the student's start are ``N(0, I / 2 d)``, so that both losses are
    about 1 at the start. The loss is ``|X (w - w*)|^2 / n`` without a half: a step is
    ``w <- w - 2 learning_rate S (w - w*)`` with the ``[d, d]`` second moments ``S = X^T X / n``, computed once, which
    costs the same whatever ``n``. What large ``d`` makes of it: :func:`gendyn.theory.linear_losses`.

    Args:
        key: typed PRNG key of inputs, teacher and start.
        dimension, num_train, num_test: ``d``, ``n`` and the number of fresh inputs; static.
        steps: ``[T]``, ascending, not negative; may be traced.
        learning_rate: positive; may be traced.
        tolerance: squared error from which on an output is wrong; positive; may be traced.

    Raises:
        ConfigError: an argument out of range, or steps that do not ascend.

    >>> sizes = {"dimension": 40, "num_train": 80, "num_test": 100}
    >>> found = linear_student(jax.random.key(0), **sizes, steps=(0, 60, 4000), learning_rate=0.05, tolerance=1e-3)
    >>> bool(found.train_error[1] < 0.8 < found.test_error[1]), found.test_error[2].item()
    (True, 0.0)

    Reference: Levi, Beck & Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441, section 3.
    """
    check_key("key", key)
    for name, count in (("dimension", dimension), ("num_train", num_train), ("num_test", num_test)):
        check_positive_int(name, count)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    check_range("tolerance", tolerance, low=0, open_low=True)
    x = jax.random.normal(stream(key, "train"), (num_train, dimension))
    x_test = jax.random.normal(stream(key, "test"), (num_test, dimension))
    start, teacher = jax.random.normal(stream(key, "weights"), (2, dimension)) / math.sqrt(2 * dimension)
    moments = x.T @ x / num_train

    def gradient(weights: Array) -> Array:
        return 2.0 * (moments @ (weights - teacher))

    def errors(weights: Array) -> StudentErrors:
        train, test = (jnp.square(inputs @ (weights - teacher)) for inputs in (x, x_test))
        # A comparison with NaN is false, and no output would be wrong.
        wrong, wrong_test = (
            jnp.mean(jnp.where(jnp.isnan(each - tolerance), jnp.nan, each >= tolerance)) for each in (train, test)
        )
        return StudentErrors(jnp.mean(train), wrong, jnp.sum(jnp.square(weights - teacher)), wrong_test)

    return jax.lax.map(errors, descent_path(gradient, start, optax.sgd(learning_rate), steps))
