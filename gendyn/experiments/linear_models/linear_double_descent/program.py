"""Fits of one draw over features and over examples."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, each, integer, number, positive
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import Array, Config

_NEAR = (34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46)
_FEATURES = (4, 8, 16, 24, 28, 30, 32, *_NEAR, 48, 50, 52, 56, 64, 72, 80, 96, 108, 120)
_RIDGE_FEATURES = (8, 16, 24, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80, 96, 120)
_EXAMPLES = (4, 8, 12, 16, 20, 24, 28, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80)
_SIZES = each(integer(1), ascending("curves over sizes are read from left to right"))
LEAVES = {
    "num_examples": Leaf(40, rule=integer(5), meaning="n, where features are swept"),
    "dimension": Leaf(120, rule=integer(1), meaning="D: all features that the signal is in"),
    "num_features": Leaf(_FEATURES, rule=_SIZES, meaning="p of the minimum-norm fits"),
    "ridge_features": Leaf(_RIDGE_FEATURES, rule=_SIZES, meaning="p of the ridge fits and of the conditioning"),
    "penalties": Leaf((1.0, 10.0, 1000.0), rule=each(positive()), meaning="fixed ones, beside the optimal"),
    "spectrum_features": Leaf((10, 20, 40, 80), rule=_SIZES, meaning="p of the histograms of singular values"),
    "fixed_dimension": Leaf(40, rule=integer(6), meaning="d, where examples are swept"),
    "examples": Leaf(_EXAMPLES, rule=_SIZES, meaning="n at the fixed dimension"),
    "runs_at_once": Leaf(1200, "execution", integer(1), "runs of a chunk"),
    "noise_variance": Leaf(0.25, "axis", number(0), "of the labels, beside the signal 1"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}
BINS = 40
"""Of the histograms of singular values."""


def check(config: Config) -> None:
    """Sizes on both sides of the peak, none larger than there are columns, and noise that more data can hurt with."""
    n, fixed, noise = config.num_examples, config.fixed_dimension, dict(config.axes)["noise_variance"]
    for name in ("num_features", "ridge_features", "spectrum_features"):
        if (largest := config[name][-1]) > config.dimension:
            raise ConfigError(f"config.{name} holds {largest} of {config.dimension} columns. Raise config.dimension.")
        if n not in config[name][1:-1] and name != "spectrum_features":
            raise ConfigError(
                f"config.{name} = {config[name]} must hold num_examples = {n}, a smaller and a larger size: the peak "
                "is there."
            )
    if not set(config.ridge_features) <= set(config.num_features):
        raise ConfigError(
            f"config.ridge_features = {config.ridge_features} must be among num_features = {config.num_features}, so "
            "that penalties are compared with none."
        )
    if sum(count <= fixed - 4 for count in config.examples) < 2:
        raise ConfigError(
            f"config.examples = {config.examples} must hold two sizes of at most fixed_dimension - 4 = {fixed - 4}: "
            "the claim that more data hurt compares them."
        )
    if max(noise) <= 0:
        raise ConfigError(
            f"config.axes: noise_variance = {noise} must hold one above 0, such as 0.25: the claim that more data hurt "
            "is about noisy labels."
        )


def program(config: Config) -> Simulation:
    """Draws and solves every redraw; the spectrum is the density of the singular values that are not 0."""
    frozen, axes = ml_collections.FrozenConfigDict(config), dict(config.axes)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
        seeds, seed_of = np.unique([point["seed"] for point in points], return_inverse=True)
        noise, noise_of = np.unique([point["noise_variance"] for point in points], return_inverse=True)
        with jax.enable_x64(True):
            records = _redraws(frozen, jnp.asarray(seeds, jnp.uint32), jnp.asarray(noise, float))
            return {name: np.asarray(values)[seed_of, noise_of] for name, values in records.items()}

    # Seeds outside: the noise levels of one seed come in one chunk, and its decompositions serve them all.
    points = tuple({"noise_variance": v, "seed": seed} for seed in axes["seed"] for v in axes["noise_variance"])
    many, some, counts = ((len(sizes),) for sizes in (config.num_features, config.ridge_features, config.examples))
    measured = {
        "risk": Measured("risk, minimum norm", many),
        "squared_norm": Measured("squared norm of the coefficients, minimum norm", many),
        "ridge_risk": Measured("risk, ridge", (len(config.penalties), *some)),
        "optimal_ridge_risk": Measured("risk, optimal ridge", some),
        "smallest_singular_value": Measured("smallest singular value of X / sqrt(n)", some),
        "condition_number": Measured("condition number of X", some),
        "spectrum": Measured("density of singular values of X / sqrt(n)", (len(config.spectrum_features), BINS)),
        "examples_risk": Measured("risk at fixed dimension, minimum norm", counts),
        "examples_optimal_risk": Measured("risk at fixed dimension, optimal ridge", counts),
    }
    return Simulation((Group(points, compute),), measured, config.runs_at_once)


def bin_edges(num_examples: int, spectrum_features: tuple[int, ...]) -> np.ndarray:
    """``[BINS + 1]``: from 0 to somewhat beyond the upper edge of the widest design's spectrum."""
    return np.linspace(0.0, 1.25 * (1.0 + math.sqrt(max(spectrum_features) / num_examples)), BINS + 1)


@functools.partial(jax.jit, static_argnums=0)
def _redraws(config: Config, seeds: Array, noise: Array) -> dict[str, Array]:
    """Records ``[R, V, ...]`` for all seeds and noise variances; run it under ``jax.enable_x64``."""
    n, dimension, fixed, counts = config.num_examples, config.dimension, config.fixed_dimension, config.examples
    some, chosen, risk = config.ridge_features, config.spectrum_features, regression.isotropic_risk
    edges = bin_edges(n, chosen)

    def sample(key: Array, num_examples: int, dimension: int) -> tuple[Array, Array]:
        return regression.isotropic_sample(key, num_examples=num_examples, dimension=dimension, noise_variances=noise)

    def density(values: Array, p: int) -> Array:
        return jnp.histogram(values[: min(n, p)], edges)[0] / (min(n, p) * (edges[1] - edges[0]))

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        x, y = sample(stream(key, "features"), n, dimension)
        fits = regression.prefix_least_squares(x, y, config.num_features).coefficients
        fits = jnp.pad(fits, ((0, 0), (0, dimension - fits.shape[1]), (0, 0)))
        optimal = dimension * (noise + 1.0) - jnp.asarray(some)[:, None]
        ridged = regression.nested_ridge(x, y, some, config.penalties, optimal, axis="features")
        spectra = regression.nested_singular_values(x, some)
        smallest = spectra[np.arange(len(some)), np.minimum(some, min(n, dimension)) - 1]
        values = regression.nested_singular_values(x, chosen)
        spectrum = jnp.stack([density(*each) for each in zip(values, chosen, strict=True)])
        # Training sets are nested: neighbouring sizes are compared on the same examples.
        x, y = sample(stream(key, "examples"), max(counts), fixed)
        optimal = jnp.tile(fixed * noise, (len(counts), 1))
        of_examples = regression.nested_ridge(x, y, counts, np.zeros(1), optimal, axis="examples")
        every = (len(noise), 1)
        return {
            "risk": risk(fits).T,
            "squared_norm": jnp.sum(jnp.square(fits), axis=1).T,
            "ridge_risk": risk(ridged.fixed).transpose(2, 1, 0),
            "optimal_ridge_risk": risk(ridged.own).T,
            "smallest_singular_value": jnp.tile(smallest, every),
            "condition_number": jnp.tile(spectra[:, 0] / smallest, every),
            "spectrum": jnp.tile(spectrum, (*every, 1)),
            "examples_risk": risk(of_examples.fixed[:, 0]).T,
            "examples_optimal_risk": risk(of_examples.own).T,
        }

    found: dict[str, Array] = jax.lax.map(one, seeds)
    return found
