"""Least squares and ridge on isotropic inputs over numbers of features, and of examples: both sides of the peak.

:mod:`gendyn.regression.isotropic_regression` is the model, and its closed forms are the truth of these.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, eigvalsh
from gendyn.regression._design import full_precision
from gendyn.regression.isotropic_regression import isotropic_risk, isotropic_sample
from gendyn.regression.nested_ridge import nested_ridge, nested_singular_values
from gendyn.regression.prefix_least_squares import prefix_least_squares
from gendyn.types import Array


class IsotropicFeatures(NamedTuple):
    """For ``V`` noise variances, ``P`` numbers of features, and ``Q`` of the ridge fits."""

    risk: Array
    """Of the minimum norm, ``[V, P]``."""
    squared_norm: Array
    """Of its coefficients, ``[V, P]``."""
    ridge_risk: Array
    """With each of ``L`` penalties, ``[V, L, Q]``."""
    optimal_ridge_risk: Array
    """With the penalty ``D (noise_variance + 1) - p``, ``[V, Q]``."""
    smallest_singular_value: Array
    """Of ``X / sqrt(n)``, ``[V, Q]``: the same for every noise, as the two below."""
    condition_number: Array
    """``[V, Q]``."""
    spectrum: Array
    """Density of the singular values of ``X / sqrt(n)`` that are not 0, ``[V, H, bins]``."""


class IsotropicExamples(NamedTuple):
    """Risks with all features in use, for ``C`` numbers of examples."""

    risk: Array
    """Of the minimum norm, ``[V, C]``."""
    optimal_risk: Array
    """With the penalty ``D noise_variance``, ``[V, C]``."""
    smallest_singular_value: Array
    """Of ``X / sqrt(n)``, the smallest that is not 0, ``[V, C]``: the same for every noise."""


def spectrum_edges(num_examples: int, num_features: Sequence[int], bins: int) -> np.ndarray:
    """``[bins + 1]``: from 0 to somewhat beyond the upper edge of the spectrum of the widest ``X / sqrt(n)``.

    Raises:
        ConfigError: no numbers of features, or an argument out of range.

    >>> spectrum_edges(4, (1, 4), 2).tolist()
    [0.0, 1.25, 2.5]
    """
    check_positive_int("num_examples", num_examples)
    check_positive_int("bins", bins)
    check_range("num_features", np.asarray(num_features), low=0, open_low=True)
    if not len(num_features):
        raise ConfigError("num_features is empty; name at least one number of features.")
    return np.linspace(0.0, 1.25 * (1.0 + math.sqrt(max(num_features) / num_examples)), bins + 1)


@full_precision
def isotropic_features(
    key: Array,
    noise_variances: Array,
    *,
    num_examples: int,
    dimension: int,
    num_features: Sequence[int],
    ridge_features: Sequence[int],
    penalties: Sequence[float],
    spectrum_features: Sequence[int],
    bins: int,
) -> IsotropicFeatures:
    """Fits one sample on its first ``p`` features, for many ``p``; the noise levels share its decompositions. Pure.

    Args:
        key: of the sample.
        noise_variances: ``[V]``; may be traced.
        num_examples: ``n``.
        dimension: ``D``.
        num_features: ``P`` values of ``p`` for the minimum norm, static.
        ridge_features: ``Q`` of them for ridge and conditioning, static.
        penalties: ``L`` of them.
        spectrum_features: ``H`` of them for the densities, static.
        bins: of the densities, whose edges are those of :func:`spectrum_edges`.

    Raises:
        ConfigError: an argument out of range.

    >>> import jax
    >>> sizes = {"num_features": (2, 6), "ridge_features": (2,), "spectrum_features": (6,), "penalties": (1.0,)}
    >>> shape = {"num_examples": 4, "dimension": 6, "bins": 3}
    >>> found = isotropic_features(jax.random.key(0), jnp.array([0.0, 0.5]), **shape, **sizes)
    >>> found.risk.shape, found.ridge_risk.shape, found.spectrum.shape
    ((2, 2), (2, 1, 1), (2, 1, 3))

    Reference: Belkin, Hsu & Xu (2020), arXiv:1903.07571.
    """
    check_key("key", key)
    n, some, noise = num_examples, ridge_features, noise_variances
    asked = {"num_features": num_features, "ridge_features": some, "spectrum_features": spectrum_features}
    for name, sizes in asked.items():
        if not sizes or not all(1 <= p <= dimension for p in sizes):
            raise ConfigError(
                f"{name} = {tuple(sizes)} must be one or more integers from 1 to dimension = {dimension}."
            )
    edges = spectrum_edges(n, spectrum_features, bins)

    def density(values: Array, p: int) -> Array:
        return jnp.histogram(values[: min(n, p)], edges)[0] / (min(n, p) * (edges[1] - edges[0]))

    x, y = isotropic_sample(key, num_examples=n, dimension=dimension, noise_variances=noise)
    fits = prefix_least_squares(x, y, num_features).coefficients
    fits = jnp.pad(fits, ((0, 0), (0, dimension - fits.shape[1]), (0, 0)))
    optimal = dimension * (noise + 1.0) - jnp.asarray(some)[:, None]
    ridged = nested_ridge(x, y, some, np.asarray(penalties), optimal, axis="features")
    spectra = nested_singular_values(x, some)
    smallest = spectra[np.arange(len(some)), np.minimum(some, min(n, dimension)) - 1]
    values = nested_singular_values(x, spectrum_features)
    spectrum = jnp.stack([density(*each) for each in zip(values, spectrum_features, strict=True)])
    every = (len(noise), 1)
    return IsotropicFeatures(
        risk=isotropic_risk(fits).T,
        squared_norm=jnp.sum(jnp.square(fits), axis=1).T,
        ridge_risk=isotropic_risk(ridged.fixed).transpose(2, 1, 0),
        optimal_ridge_risk=isotropic_risk(ridged.own).T,
        smallest_singular_value=jnp.tile(smallest, every),
        condition_number=jnp.tile(spectra[:, 0] / smallest, every),
        spectrum=jnp.tile(spectrum, (*every, 1)),
    )


@full_precision
def isotropic_examples(
    key: Array, noise_variances: Array, *, dimension: int, num_examples: Sequence[int]
) -> IsotropicExamples:
    """Fits nested training sets, so that neighbouring numbers are compared on the same examples. Pure.

    Args:
        key: of the largest sample.
        noise_variances: ``[V]``; may be traced.
        dimension: ``D``.
        num_examples: ``C`` numbers, static.

    Raises:
        ConfigError: an argument out of range.

    >>> import jax
    >>> isotropic_examples(jax.random.key(0), jnp.zeros(1), dimension=3, num_examples=(2, 5)).risk[0, 1].round(4).item()
    0.0

    Reference: Nakkiran (2019), More data can hurt for linear regression, arXiv:1912.07242.
    """
    check_key("key", key)
    if not len(num_examples):
        raise ConfigError("num_examples is empty; name at least one number of examples.")
    x, y = isotropic_sample(key, num_examples=max(num_examples), dimension=dimension, noise_variances=noise_variances)
    optimal = jnp.tile(dimension * noise_variances, (len(num_examples), 1))
    found = nested_ridge(x, y, num_examples, np.zeros(1), optimal, axis="examples")
    smallest = _smallest_of_prefixes(x, num_examples)
    return IsotropicExamples(
        isotropic_risk(found.fixed[:, 0]).T, isotropic_risk(found.own).T, jnp.tile(smallest, (len(noise_variances), 1))
    )


def _smallest_of_prefixes(x: Array, counts: Sequence[int]) -> Array:
    """Of ``X / sqrt(n)`` for the first ``n`` examples: the smallest singular value that is not 0, ``[C]``."""
    dimension = x.shape[1]

    def smallest(count: Array) -> Array:
        kept = x * (jnp.arange(len(x)) < count)[:, None]
        squares = eigvalsh(kept.T @ kept / count)
        return jnp.sqrt(jnp.maximum(squares[dimension - jnp.minimum(count, dimension)], 0.0))

    found: Array = jax.lax.map(smallest, jnp.asarray(counts))
    return found
