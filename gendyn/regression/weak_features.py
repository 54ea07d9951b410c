"""Least squares on weak features, each of them the label plus noise of its own: what theory.weak_features_risk solves.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1g (the model).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import check_key, check_positive_int, stream
from gendyn.regression._design import full_precision
from gendyn.regression.prefix_least_squares import prefix_least_squares, prefix_ridge
from gendyn.types import Array


class WeakFeatureFits(NamedTuple):
    """Of the minimum-norm fits ``w`` on the first ``d`` features, for ``P`` values of ``d`` and ``A`` penalties."""

    risk: Array
    """``(1 - sum w)^2 + |w|^2``, the exact mean squared test error given ``w``, ``[P]``."""
    train_squared_error: Array
    """Mean over the examples, ``[P]``."""
    test_root_error: Array
    """``|X w - y| / |y|`` on as many new examples, ``[P]``."""
    train_root_error: Array
    """The same on the training examples, ``[P]``."""
    effective_dimension: Array
    """``sum s^2 / (s^2 + penalty)`` over the singular values of ``X``, ``[A, P]``."""
    complement: Array
    """``min(n, d)`` less it, ``[A, P]``."""


@full_precision
def weak_feature_fits(
    key: Array, *, num_examples: int, num_features: Sequence[int], penalties: Sequence[float]
) -> WeakFeatureFits:
    """Draws ``y ~ N(0, I_n)`` and ``x_j = y + z_j``, ``z_j ~ N(0, I_n)``, fits ``y`` on every prefix of columns.

    One factorisation serves all prefixes, and one more each penalty. Pure; next to ``d = n`` it needs float64.

    Args:
        key: of training and test examples.
        num_examples: ``n``, of each.
        num_features: ``P`` values of ``d``, static.
        penalties: ``A`` of them, positive, in units of squared singular values.

    Raises:
        ConfigError: an argument out of range.

    >>> found = weak_feature_fits(jax.random.key(0), num_examples=4, num_features=(2, 9), penalties=(0.1,))
    >>> found.risk.shape, found.complement.shape, bool(found.train_squared_error[1] < 1e-9)
    ((2,), (1, 2), True)
    """
    check_key("key", key)
    check_positive_int("num_examples", num_examples)

    def draw(key: Array) -> tuple[Array, Array]:
        y = jax.random.normal(stream(key, "labels"), (num_examples,), float)
        return y[:, None] + jax.random.normal(stream(key, "features"), (num_examples, max(num_features)), float), y

    (x, y), (x_test, y_test) = draw(stream(key, "train")), draw(stream(key, "test"))
    fits = prefix_least_squares(x, y, num_features).coefficients
    residuals = fits @ x.T - y
    dimension = jnp.stack([prefix_ridge(x, y, penalty, num_features)[1] for penalty in penalties])
    return WeakFeatureFits(
        risk=jnp.square(1.0 - jnp.sum(fits, axis=1)) + jnp.sum(jnp.square(fits), axis=1),
        train_squared_error=jnp.mean(jnp.square(residuals), axis=1),
        test_root_error=jnp.linalg.norm(fits @ x_test.T - y_test, axis=1) / jnp.linalg.norm(y_test),
        train_root_error=jnp.linalg.norm(residuals, axis=1) / jnp.linalg.norm(y),
        effective_dimension=dimension,
        complement=jnp.minimum(num_examples, jnp.asarray(num_features)) - dimension,
    )
