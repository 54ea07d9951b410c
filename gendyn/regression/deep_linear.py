"""Linear maps as products of matrices, and gradient descent on the factors: deep linear networks, matrix completion."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_range
from gendyn.regression._design import check_steps, full_precision
from gendyn.regression.descent_path import descent_path
from gendyn.types import Array, ArrayLike


@full_precision
def factor_product(factors: ArrayLike) -> Array:
    """``W_N ... W_1`` of ``[..., N, n, n]``: the first factor is applied first. NumPy for NumPy arrays, else JAX.

    Raises:
        ConfigError: no factor, or factors that are not square.

    >>> factor_product(np.array([[[1.0, 1.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]])).tolist()
    [[2.0, 2.0], [0.0, 3.0]]
    """
    given = factors if isinstance(factors, np.ndarray) else jnp.asarray(factors)
    if given.ndim < 3 or 0 in given.shape[-3:] or given.shape[-1] != given.shape[-2]:
        raise ConfigError(f"factors {given.shape} must be [..., N, n, n]: one square matrix or more.")
    done = given[..., 0, :, :]
    for place in range(1, given.shape[-3]):
        done = given[..., place, :, :] @ done
    return done  # type: ignore[return-value]


def balanced_factors(
    orthogonal: np.ndarray, initial: float, *, left: np.ndarray | None = None, right: np.ndarray | None = None
) -> np.ndarray:
    """Orthogonal factors ``[..., N, n, n]`` times ``initial^(1 / N)``: ``W_(i+1)^T W_(i+1) = W_i W_i^T``, which
    gradient flow keeps, and every singular value of their product is ``initial``.

    Args:
        orthogonal: of any directions, such as uniform ones (:func:`gendyn.linalg.haar_orthogonal`).
        initial: not negative.
        left, right: orthogonal ``[..., n, n]``, both or none. Given, the last factor is replaced such that the product
            is ``initial left right^T``: aligned with a map of these singular vectors.

    Raises:
        ConfigError: a negative start, or one of the two without the other.

    >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> balanced_factors(np.stack([swap, swap]), 4.0, left=np.eye(2), right=np.eye(2)).tolist()
    [[[0.0, 2.0], [2.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]]

    Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120; Arora, Cohen & Hazan (2018), arXiv:1802.06509.
    """
    check_range("initial", initial, low=0)
    if (left is None) != (right is None):
        raise ConfigError("left and right belong together: give the singular vectors of both sides, or none.")
    factors, depth = np.array(orthogonal), orthogonal.shape[-3]
    if left is not None and right is not None:
        before = np.asarray(factor_product(factors[..., :-1, :, :])) @ right if depth > 1 else right
        factors[..., -1, :, :] = left @ np.swapaxes(before, -1, -2)
    return np.asarray(initial ** (1.0 / depth) * factors)


@full_precision
def factored_descent(
    start: ArrayLike,
    target: ArrayLike,
    learning_rate: ArrayLike,
    steps: Sequence[int] | np.ndarray,
    *,
    observed: ArrayLike | None = None,
) -> Array:
    """The product after several numbers of steps of gradient descent on its factors, ``[T, ..., n, n]``.

    The loss is ``|W_N ... W_1 - target|_F^2 / 2``, the squared loss on whitened inputs; with ``observed`` it is summed
    over those entries alone (matrix completion). Pure; in the dtype of ``start``; one program a shape, whatever the
    learning rate and the steps.

    Args:
        start: factors ``[..., N, n, n]``; leading axes are problems side by side.
        target: ``[..., n, n]``.
        learning_rate: positive; may be traced.
        steps: ``T`` numbers of steps, ascending, not negative.
        observed: ``[..., n, n]``, 1 or 0; ``None``: all entries.

    Raises:
        ConfigError: a learning rate that is not positive, bad steps, or shapes that do not fit.

    >>> found = factored_descent(jnp.ones((2, 1, 1)), jnp.array([[4.0]]), 0.05, (0, 200))
    >>> found[:, 0, 0].round(4).tolist()
    [1.0, 4.0]

    Reference: Arora, Cohen, Hu & Luo (2019), arXiv:1905.13655.
    """
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    check_steps(steps)
    factors = jnp.asarray(start)
    aim = jnp.asarray(target, factors.dtype)
    seen = None if observed is None else jnp.asarray(observed, factors.dtype)
    shapes = {aim.shape, aim.shape if seen is None else seen.shape}
    if factors.ndim < 3 or shapes != {factors.shape[:-3] + factors.shape[-2:]}:
        raise ConfigError(f"start {factors.shape} must be [..., N, n, n], and target and observed [..., n, n] like it.")
    return _descend(factors, aim, seen, jnp.asarray(learning_rate, factors.dtype), jnp.asarray(steps, jnp.int32))


@jax.jit
def _descend(start: Array, target: Array, observed: Array | None, learning_rate: Array, steps: Array) -> Array:
    def loss(factors: Array) -> Array:
        errors = jnp.square(factor_product(factors) - target)
        return 0.5 * jnp.sum(errors if observed is None else observed * errors)

    path = descent_path(jax.grad(loss), start, optax.sgd(learning_rate), steps)
    return jax.lax.map(factor_product, path)
