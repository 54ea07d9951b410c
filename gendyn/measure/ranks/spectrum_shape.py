"""How many eigenvalues carry a spectrum, and which share of it is negative."""

import jax.numpy as jnp

from gendyn.measure.ranks._numbers import check_broadcasts, ratio, real
from gendyn.types import Array, ArrayLike


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
    values = real(eigenvalues, "eigenvalues", 1)
    scaled = ratio(values, jnp.max(jnp.abs(values), axis=-1, keepdims=True))
    return ratio(jnp.square(jnp.sum(scaled, axis=-1)), jnp.sum(jnp.square(scaled), axis=-1))


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
        ``[...]`` in [0, 1]; NaN where the spectrum is not finite.

    Raises:
        ConfigError: no axis, no entries, complex entries, or weights that do not broadcast to the eigenvalues.

    >>> float(negative_mass_fraction(jnp.array([3.0, -1.0, 0.0])))
    0.25
    """
    values = real(eigenvalues, "eigenvalues", 1)
    if weights is not None:
        check_broadcasts("weights", weights, values.shape)
    size = jnp.abs(values)
    relative = values.shape[-1] * jnp.finfo(values.dtype).eps if tolerance is None else tolerance
    mass = size if weights is None else size * jnp.asarray(weights, values.dtype)
    negative = values < -relative * jnp.max(size, axis=-1, keepdims=True)
    share = ratio(jnp.sum(jnp.where(negative, mass, 0.0), axis=-1), jnp.sum(mass, axis=-1))
    # An infinite eigenvalue has all of the mass, and what is left would read as a convex point.
    return jnp.where(jnp.isfinite(jnp.sum(mass, axis=-1)), share, jnp.nan)
