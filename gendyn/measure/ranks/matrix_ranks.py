"""Real-valued ranks of a matrix: how many directions carry it, without a threshold."""

import jax.numpy as jnp

from gendyn.core import singular_values
from gendyn.measure.ranks._numbers import ratio, real
from gendyn.types import Array, ArrayLike


def effective_rank(matrix: ArrayLike) -> Array:
    """``exp(H(p))`` with ``p_i = s_i / sum of s`` over the singular values ``s`` and ``H`` the entropy in nats.

    Between 1 and ``min(m, n)``: ``r`` equal singular values give ``r``. Scaling and zero rows or columns change
    nothing. The zero matrix gives 0. Exact.

    Cost: one singular value decomposition without vectors, ``O(m n min(m, n))``.

    Args:
        matrix: real ``[..., m, n]``; computed in float32, or float64 if given so.

    Returns:
        ``[...]``.

    Raises:
        ConfigError: fewer than two axes, no entries, or complex entries.

    >>> float(effective_rank(jnp.diag(jnp.array([3.0, 3.0, 0.0])))).__round__(5)
    2.0

    Reference: Roy & Vetterli (2007), The effective rank, definition 1.
    """
    return spectral_effective_rank(_singular_values(matrix))


def stable_rank(matrix: ArrayLike) -> Array:
    """``||A||_F^2 / ||A||_2^2``: the sum of squared singular values over the largest one squared.

    Between 1 and the rank. Scaling and zero rows or columns change nothing. The zero matrix gives 0. Exact.

    Cost: one singular value decomposition without vectors, ``O(m n min(m, n))``.

    Args:
        matrix: real ``[..., m, n]``; computed in float32, or float64 if given so.

    Returns:
        ``[...]``.

    Raises:
        ConfigError: fewer than two axes, no entries, or complex entries.

    >>> float(stable_rank(jnp.diag(jnp.array([2.0, 1.0])))).__round__(5)
    1.25

    Reference: Rudelson & Vershynin (2007), section 1.
    """
    values = _singular_values(matrix)
    top = jnp.max(values, axis=-1, keepdims=True)
    # Divided before squaring, so that neither small nor large matrices leave the range of floats.
    return jnp.sum(jnp.square(ratio(values, top)), axis=-1)


def spectral_effective_rank(values: ArrayLike) -> Array:
    """:func:`effective_rank` from singular values, or of a covariance from its eigenvalues, ``[..., k]`` to ``[...]``.

    Values below 0, which rounding gives an eigenvalue of 0, count as 0.

    >>> float(spectral_effective_rank(jnp.array([1.0, 1.0, 1.0, -1e-9]))).__round__(5)
    3.0
    """
    given = real(values, "values", 1)
    # -inf is below 0 too, and no rounding.
    positive = jnp.where(jnp.isneginf(given), jnp.nan, jnp.maximum(given, 0.0))
    share = ratio(positive, jnp.sum(positive, axis=-1, keepdims=True))
    entropy = -jnp.sum(share * jnp.log(jnp.where(share > 0, share, 1.0)), axis=-1)
    # Not "where any is positive": of NaN none is, and a diverged network would look like one of rank 0.
    return jnp.where(jnp.all(positive == 0, axis=-1), jnp.zeros_like(entropy), jnp.exp(entropy))


def _singular_values(matrix: ArrayLike) -> Array:
    return jnp.vectorize(singular_values, signature="(p,q)->(k)")(real(matrix, "matrix", 2))
