"""Least squares on every prefix of one draw's columns: one factorisation serves all of them, one more each penalty."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, each, integer, positive
from gendyn.regression import prefix_least_squares, prefix_ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config

OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle."""
_SIZES = each(integer(2), ascending("the first and the last are the ends of the two descents"))
LEAVES = {
    "num_examples": Leaf(200, rule=integer(5), meaning="n, for training and for testing"),
    "num_features": Leaf(tuple(range(5, 400, 2)), rule=_SIZES, meaning="d"),
    "penalties": Leaf((0.2, 1.0), rule=each(positive()), meaning="of the effective dimension; published: 0.001 n"),
    "runs_at_once": Leaf(100, "execution", integer(1), "runs of a chunk"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Sizes on both sides of the peak."""
    n, sizes = config.num_examples, config.num_features
    if sizes[0] > (1.0 - OFF_PEAK) * n or sum(d >= (1.0 + OFF_PEAK) * n for d in sizes) < 3:
        raise ConfigError(
            f"config.num_features = {sizes} must begin at or below {1.0 - OFF_PEAK:g} num_examples = "
            f"{(1.0 - OFF_PEAK) * n:g} and hold three sizes of at least {(1.0 + OFF_PEAK) * n:g}: the claims are about "
            "both sides of the peak."
        )


def program(config: Config) -> Simulation:
    """Draws and solves every redraw."""
    sizes, every = (len(config.num_features),), (len(config.penalties), len(config.num_features))
    measured = {
        "risk": Measured("mean squared test error, exact given the fit", sizes),
        "train_squared_error": Measured("mean squared training error", sizes),
        "test_root_error": Measured("root relative test error", sizes),
        "train_root_error": Measured("root relative training error", sizes),
        "effective_dimension": Measured("effective dimension", every),
        "complement": Measured("min(n, d) - effective dimension", every),
    }

    def redraw(seeds: Array) -> Mapping[str, Array]:
        return _redraws(config.num_examples, config.num_features, config.penalties, seeds)

    return Simulation(tuple(redraw_groups(dict(config.axes), redraw)), measured, config.runs_at_once)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _redraws(n: int, num_features: tuple[int, ...], penalties: tuple[float, ...], seeds: Array) -> dict[str, Array]:
    """Records ``[R, ...]``; run it under ``jax.enable_x64``."""

    def draw(key: Array) -> tuple[Array, Array]:
        y = jax.random.normal(stream(key, "labels"), (n,), float)
        return y[:, None] + jax.random.normal(stream(key, "features"), (n, max(num_features)), float), y

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        (x, y), (x_test, y_test) = draw(stream(key, "train")), draw(stream(key, "test"))
        fits = prefix_least_squares(x, y, num_features).coefficients
        residuals = fits @ x.T - y
        dimension = jnp.stack([prefix_ridge(x, y, penalty, num_features)[1] for penalty in penalties])
        return {
            "risk": jnp.square(1.0 - jnp.sum(fits, axis=1)) + jnp.sum(jnp.square(fits), axis=1),
            "train_squared_error": jnp.mean(jnp.square(residuals), axis=1),
            "test_root_error": jnp.linalg.norm(fits @ x_test.T - y_test, axis=1) / jnp.linalg.norm(y_test),
            "train_root_error": jnp.linalg.norm(residuals, axis=1) / jnp.linalg.norm(y),
            "effective_dimension": dimension,
            "complement": jnp.minimum(n, jnp.asarray(num_features)) - dimension,
        }

    return jax.lax.map(one, seeds)
