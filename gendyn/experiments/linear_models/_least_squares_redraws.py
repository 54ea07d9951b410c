"""The program of ``linear_double_descent``, fits of one draw over features and over examples, and its closed forms.

Sizes are masks on one shape, so that every decomposition is compiled once: a column of zeros gets the coefficient 0
from the minimum norm and from any ridge, and a row of zeros with the label 0 asks nothing.
"""

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gendyn import theory
from gendyn.analysis import config_of
from gendyn.core import singular_values, stream
from gendyn.experiments._linear_redraws import outer_values
from gendyn.regression import prefix_least_squares, ridge
from gendyn.types import Array

if TYPE_CHECKING:
    import xarray

AXES = ("noise_variance", "seed")
BINS = 40
"""Of the histograms of singular values."""


class Setting(NamedTuple):
    """What the compiled program depends on."""

    num_examples: int
    dimension: int
    num_features: tuple[int, ...]
    """Of the minimum-norm fits."""
    ridge_features: tuple[int, ...]
    """Of the ridge fits and of the conditioning."""
    penalties: tuple[float, ...]
    spectrum_features: tuple[int, ...]
    fixed_dimension: int
    """``d`` of the sweep over examples."""
    examples: tuple[int, ...]


def bin_edges(num_examples: int, spectrum_features: tuple[int, ...]) -> np.ndarray:
    """``[BINS + 1]``: from 0 to somewhat beyond the upper edge of the widest design's spectrum."""
    return np.linspace(0.0, 1.25 * (1.0 + math.sqrt(max(spectrum_features) / num_examples)), BINS + 1)


@functools.partial(jax.jit, static_argnums=0)
def redraws(setting: Setting, seeds: Array, noise: Array) -> dict[str, Array]:
    """Records ``[R, V, ...]`` for all seeds and noise variances; run it under ``jax.enable_x64``."""

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        return _over_features(setting, stream(key, "features"), noise) | _over_examples(
            setting, stream(key, "examples"), noise
        )

    return jax.lax.map(one, seeds)


def _draw(key: Array, num_examples: int, dimension: int, noise: Array) -> tuple[Array, Array]:
    """Inputs ``[n, D]`` and labels ``[n, V]``."""
    x = jax.random.normal(stream(key, "inputs"), (num_examples, dimension), float)
    errors = jax.random.normal(stream(key, "errors"), (num_examples, 1), float)
    return x, jnp.sum(x, axis=1, keepdims=True) / math.sqrt(dimension) + errors * jnp.sqrt(noise)


def _risks(coefficients: Array) -> Array:
    """``|w - b|^2`` over the axis of features, the last but one; features left out have the coefficient 0."""
    return jnp.sum(jnp.square(coefficients - 1.0 / math.sqrt(coefficients.shape[-2])), axis=-2)


def _over_features(setting: Setting, key: Array, noise: Array) -> dict[str, Array]:
    n, dimension, levels = setting.num_examples, setting.dimension, jnp.arange(len(noise))
    x, y = _draw(key, n, dimension, noise)
    fits = prefix_least_squares(x, y, setting.num_features).coefficients
    fits = jnp.pad(fits, ((0, 0), (0, dimension - fits.shape[1]), (0, 0)))

    def with_ridge(p: Array) -> tuple[Array, Array]:
        optimal = dimension * (noise + 1.0) - p
        kept = jnp.arange(dimension) < p
        found = ridge(x * kept, y, jnp.concatenate([jnp.asarray(setting.penalties, float), optimal]))
        risks = _risks(found.coefficients)
        return risks[: len(setting.penalties)].T, risks[len(setting.penalties) + levels, levels]

    def values(p: Array) -> Array:
        return singular_values(x * (jnp.arange(dimension) < p)) / math.sqrt(n)

    sizes = jnp.asarray(setting.ridge_features)
    fixed, best = jax.lax.map(with_ridge, sizes)
    spectra = jax.lax.map(values, sizes)
    smallest = spectra[jnp.arange(len(sizes)), jnp.minimum(sizes, min(n, dimension)) - 1]
    edges = jnp.asarray(bin_edges(n, setting.spectrum_features))

    def histogram(p: Array) -> Array:
        count = jnp.minimum(p, min(n, dimension))
        weights = jnp.arange(min(n, dimension)) < count
        return jnp.histogram(values(p), edges, weights=weights)[0] / (count * (edges[1] - edges[0]))

    every = (len(noise), 1)
    return {
        "risk": _risks(fits).T,
        "squared_norm": jnp.sum(jnp.square(fits), axis=1).T,
        "ridge_risk": jnp.moveaxis(fixed, 0, -1),
        "optimal_ridge_risk": best.T,
        "smallest_singular_value": jnp.tile(smallest, every),
        "condition_number": jnp.tile(spectra[:, 0] / smallest, every),
        "spectrum": jnp.tile(jax.lax.map(histogram, jnp.asarray(setting.spectrum_features)), (*every, 1)),
    }


def _over_examples(setting: Setting, key: Array, noise: Array) -> dict[str, Array]:
    """Training sets are nested: neighbouring sizes are compared on the same examples."""
    d, most, levels = setting.fixed_dimension, max(setting.examples), jnp.arange(len(noise))
    x, y = _draw(key, most, d, noise)

    def fit(n: Array) -> tuple[Array, Array]:
        kept = (jnp.arange(most) < n)[:, None]
        risks = _risks(ridge(x * kept, y * kept, jnp.concatenate([jnp.zeros(1), d * noise])).coefficients)
        return risks[0], risks[1 + levels, levels]

    shortest, best = jax.lax.map(fit, jnp.asarray(setting.examples))
    return {"examples_risk": shortest.T, "examples_optimal_risk": best.T}


def laws(ds: "xarray.Dataset") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of features ``[P]``, exact mean risk and exact mean squared norm ``[V, P]``."""
    config = config_of(ds)
    sizes, noise = np.array(config["num_features"]), outer_values(ds, "noise_variance")[:, None]
    shape = {"dimension": config["dimension"], "noise_variance": noise}
    n = config["num_examples"]
    return sizes, theory.min_norm_risk(n, sizes, **shape), theory.min_norm_squared_norm(n, sizes, **shape)


def ridge_law(config: Mapping[str, Any], sizes: np.ndarray, penalty: ArrayLike, noise: float) -> np.ndarray:
    """Limit of the risk on ``sizes`` of the features: those left out act as noise, and are missed in whole."""
    n, share = config["num_examples"], sizes / config["dimension"]
    learned = theory.ridge_risk(sizes / n, np.asarray(penalty) / n, signal=share, noise_variance=noise + 1.0 - share)
    return np.asarray(learned + 1.0 - share)
