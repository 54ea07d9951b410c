"""Real-valued ranks of matrices and spectra: how many directions carry the weight, without a threshold."""

import jax.numpy as jnp

from gendyn.core import ConfigError, singular_values
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
    return jnp.sum(jnp.square(_ratio(values, top)), axis=-1)


def spectral_effective_rank(values: ArrayLike) -> Array:
    """:func:`effective_rank` from singular values, or of a covariance from its eigenvalues, ``[..., k]`` to ``[...]``.

    Values below 0, which rounding gives an eigenvalue of 0, count as 0.

    >>> float(spectral_effective_rank(jnp.array([1.0, 1.0, 1.0, -1e-9]))).__round__(5)
    3.0
    """
    positive = jnp.maximum(_real(values, "values", 1), 0.0)
    share = _ratio(positive, jnp.sum(positive, axis=-1, keepdims=True))
    entropy = -jnp.sum(share * jnp.log(jnp.where(share > 0, share, 1.0)), axis=-1)
    return jnp.where(jnp.any(positive > 0, axis=-1), jnp.exp(entropy), jnp.zeros_like(entropy))


def participation_ratio(eigenvalues: ArrayLike) -> Array:
    """``(sum of l)^2 / sum of l^2``: ``r`` for ``r`` equal eigenvalues and zeros; 0 if all are 0. Exact.

    Meant for positive semidefinite spectra (a covariance, a tangent kernel). With negative eigenvalues the numerator is
    the squared trace and the result may fall below 1: see :func:`negative_mass_fraction`.

    Args:
        eigenvalues: real ``[..., k]``.

    Returns:
        ``[...]``.

    Raises:
        ConfigError: no axis, no entries, or complex entries.

    >>> float(participation_ratio(jnp.array([2.0, 2.0, 0.0])))
    2.0

    Reference: Gao et al. (2017), A theory of multineuronal dimensionality, eq. 5.
    """
    values = _real(eigenvalues, "eigenvalues", 1)
    scaled = _ratio(values, jnp.max(jnp.abs(values), axis=-1, keepdims=True))
    return _ratio(jnp.square(jnp.sum(scaled, axis=-1)), jnp.sum(jnp.square(scaled), axis=-1))


def negative_mass_fraction(
    eigenvalues: ArrayLike, weights: ArrayLike | None = None, *, tolerance: float | None = None
) -> Array:
    """``sum of w |l| over l < -t max|l|``, over ``sum of w |l|``: the share of a spectrum's mass that is negative.

    0 for a convex point, 1/2 for a spectrum symmetric about 0. ``t`` keeps rounding of zero eigenvalues out. All zero
    gives 0. As exact as the spectrum: with Ritz nodes and weights it is the quadrature estimate.

    Args:
        eigenvalues: real ``[..., k]``, or Ritz nodes.
        weights: non-negative, broadcastable to it; ``None``: 1 each.
        tolerance: ``t``, relative to the largest ``|l|``; ``None``: ``k`` times the dtype's epsilon, the rounding of a
            dense eigendecomposition.

    Returns:
        ``[...]`` in [0, 1].

    Raises:
        ConfigError: no axis, no entries, or complex entries.

    >>> float(negative_mass_fraction(jnp.array([3.0, -1.0, 0.0])))
    0.25
    """
    values = _real(eigenvalues, "eigenvalues", 1)
    size = jnp.abs(values)
    relative = values.shape[-1] * jnp.finfo(values.dtype).eps if tolerance is None else tolerance
    mass = size if weights is None else size * jnp.asarray(weights, values.dtype)
    negative = values < -relative * jnp.max(size, axis=-1, keepdims=True)
    return _ratio(jnp.sum(jnp.where(negative, mass, 0.0), axis=-1), jnp.sum(mass, axis=-1))


def _singular_values(matrix: ArrayLike) -> Array:
    return jnp.vectorize(singular_values, signature="(p,q)->(k)")(_real(matrix, "matrix", 2))


def _ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient, and 0 where the denominator is 0."""
    return jnp.where(
        denominator == 0, jnp.zeros_like(numerator), numerator / jnp.where(denominator == 0, 1, denominator)
    )


def _real(array: ArrayLike, name: str, axes: int) -> Array:
    given = jnp.asarray(array)
    if jnp.issubdtype(given.dtype, jnp.complexfloating):
        raise ConfigError(f"{name} is {given.dtype}; it must be real. Take the real part, or the modulus, first.")
    if given.ndim < axes or given.size == 0:
        raise ConfigError(f"{name} has shape {given.shape}; it must have at least {axes} axes and one entry.")
    # Half precision has no decompositions and would lose the entropy's digits.
    return given.astype(jnp.promote_types(given.dtype, jnp.float32))
