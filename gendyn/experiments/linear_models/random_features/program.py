"""Ridge regression on random features: every number of features, ridge and label noise of a redraw, and ensembles."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, choice, each, integer, number, positive
from gendyn.experiments.linear_models._sphere import (
    ENDS,
    RATIOS,
    Sample,
    feature_counts,
    ridges,
    sphere_penalty,
    sphere_sample,
)
from gendyn.experiments.linear_models.random_features.images import FAMILIES, image_features, image_sample
from gendyn.regression import random_sphere_features, ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config

DATA = ("sphere", "images")
_RATIOS = (0.1, 0.2, 0.4, 0.6, 0.75, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0)
_SHARES, _VARIANCES = (each(number(0, most), ascending(ENDS), least=2) for most in (1, np.inf))
LEAVES = {
    "ratios": Leaf(_RATIOS, rule=RATIOS, meaning="N / n"),
    "members": Leaf(3, rule=integer(2), meaning="feature draws of an ensemble"),
    "sphere.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "sphere.num_train": Leaf(160, rule=integer(2), meaning="n"),
    "sphere.num_test": Leaf(1000, rule=integer(1), meaning="test points"),
    "sphere.num_targets": Leaf(8, rule=integer(1), meaning="teachers of a redraw"),
    "sphere.label_noise": Leaf((0.0, 0.5), rule=_VARIANCES, meaning="variances, beside the signal 1"),
    "sphere.ridges": Leaf((0.0, 0.01, 0.2), rule=ridges(2), meaning="in the closed form's units"),
    "images.task": Leaf("digits", meaning="a classification"),
    "images.num_train": Leaf(200, rule=integer(2), meaning="n, out of the task's pool"),
    "images.num_test": Leaf(797, rule=integer(1), meaning="the first test images"),
    "images.features": Leaf("fourier", rule=choice(FAMILIES), meaning="their family"),
    "images.lengthscale": Leaf(1.0, rule=positive(), meaning="of Fourier features"),
    "images.label_noise": Leaf((0.0, 0.2), rule=_SHARES, meaning="shares of wrong labels"),
    "images.ridges": Leaf((0.0, 0.001, 0.1), rule=ridges(2), meaning="for each feature"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "data": Leaf("sphere", "axis", choice(DATA), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Tables of one shape, sizes on both sides of the peak, and images that there are."""
    if len({(len(config[data].label_noise), len(config[data].ridges)) for data in DATA}) > 1:
        raise ConfigError(
            "config.sphere and config.images must have as many label_noise as each other and as many ridges: their "
            "results are one table."
        )
    for data in DATA:
        Problem.of(config, data)


def program(config: Config) -> Simulation:
    """Every redraw on the sphere and on images; each quantity by label noise, ridge and number of features."""
    frozen = ml_collections.FrozenConfigDict(config)
    shape = (len(config.sphere.label_noise), len(config.sphere.ridges), len(config.ratios))
    quantities = {
        "risk": "mean squared error against noiseless targets, of one feature draw",
        "ensemble_risk": "mean squared error against noiseless targets, of the average over feature draws",
        "test_error": "share of wrong test points (sphere: wrong signs), of one feature draw",
        "ensemble_test_error": "share of wrong test points (sphere: wrong signs), of the average over feature draws",
        "coefficient_norm": "norm of the coefficients of features divided by sqrt(N)",
    }
    measured = {name: Measured(long_name, shape, "float64") for name, long_name in quantities.items()}
    measured["condition_number"] = Measured("largest condition number of the features of a sample", shape[-1:])
    groups = redraw_groups(dict(config.axes), lambda seeds, data: redraws(frozen, data, seeds))
    return Simulation(tuple(groups), measured, config.runs_at_once)


class Problem(NamedTuple):
    """What is drawn and solved on one kind of data."""

    sizes: tuple[int, ...]
    features: Callable[[Array, Array, int], Array]
    """``(key, x [n, d], N) -> [n, N]``."""
    sample: Callable[[Array], Sample]
    """Of a redraw's key."""
    penalties: Callable[[int], np.ndarray]
    """Of ``N``: beside the sum of squared errors, ``[L]``."""

    @classmethod
    def of(cls, config: Config, data: str) -> "Problem":
        """The problem that a config states."""
        leaves = config[data]
        sizes, shape = (
            feature_counts(config.ratios, leaves.num_train),
            {name: leaves[name] for name in ("num_train", "num_test")},
        )
        if data == "images":
            features = functools.partial(image_features, leaves.features, leaves.lengthscale)
            sample = image_sample(leaves.task, **shape, label_noise=leaves.label_noise)
            return cls(sizes, features, sample, lambda size: size * np.array(leaves.ridges))
        shape |= {"dimension": leaves.dimension, "num_targets": leaves.num_targets}
        return cls(
            sizes,
            random_sphere_features,
            functools.partial(sphere_sample, **shape, noise_variances=leaves.label_noise),
            lambda size: sphere_penalty(leaves.ridges, size, leaves.num_train, leaves.dimension),
        )


@functools.partial(jax.jit, static_argnums=(0, 1))
def redraws(config: Config, data: str, seeds: Array) -> dict[str, Array]:
    """Records ``[R, V, L, P]``, and ``condition_number [R, P]``, of redraws one after the other.

    ``risk``, ``test_error`` and ``coefficient_norm`` are means over the feature draws of an ensemble, each on its own;
    ``ensemble_risk`` and ``ensemble_test_error`` are of the average of their predictions.
    """
    problem = Problem.of(config, data)

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        drawn = problem.sample(stream(key, "data"))
        outputs = drawn.y_test.shape[1]
        keys = jax.random.split(stream(key, "features"), config.members)
        draw = jax.vmap(lambda key, x: problem.features(key, x, max(problem.sizes)), (0, None))
        train, test = draw(keys, drawn.x_train), draw(keys, drawn.x_test)

        def score(predicted: Array) -> tuple[Array, Array]:
            """Risk and error, ``[..., V]``, of predictions ``[..., M, V, C]``."""
            clean = drawn.y_test[:, None]
            risk = jnp.mean(jnp.sum(jnp.square(predicted - clean), -1), -2)
            if data == "images":
                wrong = (jnp.argmax(predicted, -1) != jnp.argmax(clean, -1)).astype(risk.dtype)
            else:
                wrong = jnp.mean(predicted * clean <= 0, -1)
            return risk, jnp.mean(wrong, -2)

        columns = []
        for size in problem.sizes:
            penalties = problem.penalties(size)
            solved = jax.vmap(lambda z, penalties=penalties: ridge(z, drawn.y_train, penalties))(train[..., :size])
            predicted = jnp.einsum("kmi,klic->klmc", test[..., :size], solved.coefficients)
            predicted = predicted.reshape(*predicted.shape[:3], -1, outputs)
            risk, error = score(predicted)
            ensemble_risk, ensemble_error = score(predicted.mean(0))
            norms = jnp.sum(jnp.square(solved.coefficients), 2).reshape(*predicted.shape[:2], -1, outputs).sum(-1)
            by_ridge = {
                "risk": risk.mean(0),
                "test_error": error.mean(0),
                "ensemble_risk": ensemble_risk,
                "ensemble_test_error": ensemble_error,
                "coefficient_norm": jnp.sqrt(size * norms).mean(0),
            }
            column = {name: value.T for name, value in by_ridge.items()}
            columns.append(column | {"condition_number": solved.condition_number.max()})
        return jax.tree.map(lambda *values: jnp.stack(values, -1), *columns)

    found: dict[str, Array] = jax.lax.map(one, seeds)
    return found
