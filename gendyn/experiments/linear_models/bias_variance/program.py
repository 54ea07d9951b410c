"""The leaves of both learners, and a redraw of each: its risk, the parts of it, and ensembles."""

import functools
from typing import Any

import jax
import numpy as np

from gendyn import regression, theory
from gendyn.core import ConfigError
from gendyn.core.rules import choice, each, integer, number, positive
from gendyn.experiments.linear_models import _sphere
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Config

LEARNERS = ("random_features", "mlp")
PARTS = ("noise", "init", "sample", "noise:init", "noise:sample", "init:sample", "noise:init:sample")
_RATIOS = (0.2, 0.4, 0.55, 0.65, 0.75, 0.9, 1.0, 1.1, 1.25, 1.6, 2.5, 4.0)
_COUNTS, _WIDTHS = each(integer(1), _sphere.ENDS), (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48)
LEAVES = {
    "members": Leaf(4, rule=integer(2), meaning="initialisations of an ensemble"),
    "num_test": Leaf(500, rule=integer(1), meaning="test points of a redraw"),
    "random_features.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "random_features.num_train": Leaf(80, rule=integer(2), meaning="n"),
    "random_features.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "random_features.ridges": Leaf((0.0, 0.001, 0.1), rule=_sphere.ridges(3), meaning="in the closed form's units"),
    "random_features.ratios": Leaf(_RATIOS, rule=_sphere.RATIOS, meaning="N / n"),
    "mlp.dimension": Leaf(8, rule=integer(2), meaning="d"),
    "mlp.num_train": Leaf(36, rule=integer(2), meaning="n"),
    "mlp.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "mlp.learning_rate": Leaf(0.5, rule=positive(), meaning="for every width"),
    "mlp.steps": Leaf((100, 600, 3000), rule=_COUNTS, meaning="after which predictions are recorded"),
    "mlp.widths": Leaf(_WIDTHS, rule=_COUNTS, meaning="hidden units"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "learner": Leaf("random_features", "axis", choice(LEARNERS), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Sizes on both sides of the peak, and as many sizes and strengths of both learners."""
    features, network = config.random_features, config.mlp
    sizes = _sphere.feature_counts(features.ratios, features.num_train, name="config.random_features.ratios")
    if len(network.widths) != len(sizes) or len(network.steps) != len(features.ridges):
        raise ConfigError(
            f"config.mlp has {len(network.widths)} widths and {len(network.steps)} steps; config.random_features must "
            f"have as many ratios, not {len(sizes)}, and ridges, not {len(features.ridges)}: one table holds both."
        )


def program(config: Config) -> Simulation:
    """Every redraw of both learners; each quantity by regularisation ``L`` and size ``P``."""
    features, network = config.random_features, config.mlp
    sizes = _sphere.feature_counts(features.ratios, features.num_train)
    descent = {name: network[name] for name in ("widths", "steps", "learning_rate")}
    learners: dict[str, regression.Learner] = {
        "random_features": functools.partial(regression.sphere_features_ridge, sizes=sizes, ridges=features.ridges),
        "mlp": functools.partial(regression.two_layer_widths, **descent),
    }

    @functools.partial(jax.jit, static_argnames="learner")
    def fits_of(seeds: Array, learner: str) -> Any:
        shape = {leaf: config[learner][leaf] for leaf in ("dimension", "num_train", "noise_variance")}
        shape |= {leaf: config[leaf] for leaf in ("num_test", "members")}
        crossed: Any = functools.partial(regression.crossed_sphere_fits, learner=learners[learner], **shape)
        # Redraws in one batch win for small trained networks, not for decompositions.
        batch = config.runs_at_once if learner == "mlp" else 1
        return jax.lax.map(lambda seed: crossed(jax.random.key(seed)), seeds, batch_size=batch)

    def redraw(seeds: Array, learner: str) -> dict[str, np.ndarray]:
        fits, target = jax.device_get(fits_of(seeds, learner))
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

    shape = (len(features.ridges), len(sizes))
    measured = {
        "risk": Measured("mean squared error against noiseless targets", shape, "float64"),
        "squared_bias": Measured("squared bias", shape, "float64"),
        "ensemble_risk": Measured("risk of an average over initialisations", shape, "float64"),
        "bagged_risk": Measured("risk of an average over initialisations and bootstrap resamples", shape, "float64"),
        "training_error": Measured("mean squared error on the noisy training targets", shape, "float64"),
        "components": Measured(f"variance by {', '.join(PARTS)}", (len(PARTS), *shape), "float64"),
    }
    return redraw_simulation(config, measured, redraw)
