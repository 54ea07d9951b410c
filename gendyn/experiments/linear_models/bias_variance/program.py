"""Crossed draws of both learners, and their parts by analysis of variance."""

import functools

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.core.rules import ascending, choice, each, integer, number, positive
from gendyn.experiments.linear_models._sphere import ENDS, RATIOS, feature_counts, ridges
from gendyn.regression import CrossedFits, crossed_sphere_fits, sphere_features_ridge, two_layer_descent
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config

PARTS = ("noise", "init", "sample", "noise:init", "noise:sample", "init:sample", "noise:init:sample")
_RATIOS = (0.2, 0.4, 0.55, 0.65, 0.75, 0.9, 1.0, 1.1, 1.25, 1.6, 2.5, 4.0)
_COUNTS, _WIDTHS = each(integer(1), ascending(ENDS)), (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48)
LEAVES = {
    "members": Leaf(4, rule=integer(2), meaning="initialisations of an ensemble"),
    "num_test": Leaf(500, rule=integer(1), meaning="test points of a redraw"),
    "random_features.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "random_features.num_train": Leaf(80, rule=integer(2), meaning="n"),
    "random_features.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "random_features.ridges": Leaf((0.0, 0.001, 0.1), rule=ridges(3), meaning="in the closed form's units"),
    "random_features.ratios": Leaf(_RATIOS, rule=RATIOS, meaning="N / n"),
    "mlp.dimension": Leaf(8, rule=integer(2), meaning="d"),
    "mlp.num_train": Leaf(36, rule=integer(2), meaning="n"),
    "mlp.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "mlp.learning_rate": Leaf(0.5, rule=positive(), meaning="for every width"),
    "mlp.steps": Leaf((100, 600, 3000), rule=_COUNTS, meaning="after which predictions are recorded"),
    "mlp.widths": Leaf(_WIDTHS, rule=_COUNTS, meaning="hidden units"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "learner": Leaf("random_features", "axis", choice(("random_features", "mlp")), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Sizes on both sides of the peak, and as many sizes and strengths of both learners."""
    features, network = config.random_features, config.mlp
    sizes = feature_counts(features.ratios, features.num_train, name="config.random_features.ratios")
    if len(network.widths) != len(sizes) or len(network.steps) != len(features.ridges):
        raise ConfigError(
            f"config.mlp has {len(network.widths)} widths and {len(network.steps)} steps; config.random_features must "
            f"have as many ratios, not {len(sizes)}, and ridges, not {len(features.ridges)}: one table holds both."
        )


def program(config: Config) -> Simulation:
    """Every redraw of both learners; each quantity by regularisation ``L`` and size ``P``."""
    frozen = ml_collections.FrozenConfigDict(config)

    def redraw(seeds: Array, learner: str) -> dict[str, np.ndarray]:
        fits, target = jax.device_get(_redraws(frozen, learner, seeds))
        cells, target = np.asarray(fits.cells, np.float64), np.asarray(target, np.float64)[:, None, None]
        parts = theory.variance_components(np.moveaxis(cells, 0, 3), target=target)
        assert parts.squared_bias is not None
        return {
            "risk": np.mean(np.square(cells - target[:, None, None, None]), axis=(1, 2, 3, -1)),
            "squared_bias": parts.squared_bias.mean(-1),
            "components": np.stack([parts.components[name].mean(-1) for name in PARTS], 1),
            "ensemble_risk": np.mean(np.square(fits.ensemble - target), -1),
            "bagged_risk": np.mean(np.square(fits.bagged - target), -1),
            "training_error": fits.training_error,
        }

    shape = (len(config.random_features.ridges), len(config.random_features.ratios))
    quantities = {
        "risk": "mean squared error against noiseless targets",
        "squared_bias": "squared bias",
        "ensemble_risk": "risk of an average over initialisations",
        "bagged_risk": "risk of an average over initialisations and bootstrap resamples",
        "training_error": "mean squared error on the noisy training targets",
    }
    measured = {name: Measured(long_name, shape, "float64") for name, long_name in quantities.items()}
    measured["components"] = Measured(f"variance by {', '.join(PARTS)}", (len(PARTS), *shape), "float64")
    return Simulation(tuple(redraw_groups(dict(config.axes), redraw)), measured, config.runs_at_once)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _redraws(config: Config, name: str, seeds: Array) -> tuple[CrossedFits, Array]:
    """The crossed fits of a learner, and the noiseless targets ``[M]``; of every seed, on a leading axis."""
    leaves = config[name]
    shape = {leaf: leaves[leaf] for leaf in ("dimension", "num_train", "noise_variance")}
    shape |= {"num_test": config.num_test, "members": config.members}

    def learn(key: Array, x: Array, y: Array, points: Array) -> Array:
        if name == "random_features":
            sizes = feature_counts(leaves.ratios, leaves.num_train)
            return sphere_features_ridge(key, x, y, points, sizes=sizes, ridges=leaves.ridges)
        x, y, points = (array.astype(jnp.float32) for array in (x, y, points))
        fit = functools.partial(two_layer_descent, steps=leaves.steps, learning_rate=leaves.learning_rate)
        return jnp.stack([fit(key, x, y, points, width=width) for width in leaves.widths], 1)

    # Redraws in one batch win for small trained networks, not for decompositions.
    batch = config.runs_at_once if name == "mlp" else 1
    found: tuple[CrossedFits, Array] = jax.lax.map(
        lambda seed: crossed_sphere_fits(jax.random.key(seed), learn, **shape), seeds, batch_size=batch
    )
    return found
