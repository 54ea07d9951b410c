"""The leaves of both kinds of data, and a redraw of either."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, lookup, said_of, stream
from gendyn.core.rules import choice, each, integer, number, positive
from gendyn.experiments.linear_models import _sphere
from gendyn.sweep import Leaf, Measured, Simulation, mapped_redraws
from gendyn.tasks import one_hot_sample
from gendyn.types import Array, Config

DATA = ("sphere", "images")
_RATIOS = (0.1, 0.2, 0.4, 0.6, 0.75, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0)
_SHARES, _VARIANCES = (each(number(0, most), _sphere.ENDS, least=2) for most in (1, np.inf))
LEAVES = {
    "ratios": Leaf(_RATIOS, rule=_sphere.RATIOS, meaning="N / n"),
    "members": Leaf(3, rule=integer(2), meaning="feature draws of an ensemble"),
    "sphere.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "sphere.num_train": Leaf(160, rule=integer(2), meaning="n"),
    "sphere.num_test": Leaf(1000, rule=integer(1), meaning="test points"),
    "sphere.num_targets": Leaf(8, rule=integer(1), meaning="teachers of a redraw"),
    "sphere.label_noise": Leaf((0.0, 0.5), rule=_VARIANCES, meaning="variances, beside the signal 1"),
    "sphere.ridges": Leaf((0.0, 0.01, 0.2), rule=_sphere.ridges(2), meaning="in the closed form's units"),
    "images.task": Leaf("digits", meaning="a classification"),
    "images.num_train": Leaf(200, rule=integer(2), meaning="n, out of the task's pool"),
    "images.num_test": Leaf(797, rule=integer(1), meaning="the first test images"),
    "images.features": Leaf("fourier", rule=choice(("fourier", "relu")), meaning="their family"),
    "images.lengthscale": Leaf(1.0, rule=positive(), meaning="of Fourier features"),
    "images.label_noise": Leaf((0.0, 0.2), rule=_SHARES, meaning="shares of wrong labels"),
    "images.ridges": Leaf((0.0, 0.001, 0.1), rule=_sphere.ridges(2), meaning="for each feature"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "data": Leaf("sphere", "axis", choice(DATA), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}
QUANTITIES = {
    "risk": "mean squared error against noiseless targets, of one feature draw",
    "ensemble_risk": "mean squared error against noiseless targets, of the average over feature draws",
    "test_error": "share of wrong test points (sphere: wrong signs), of one feature draw",
    "ensemble_test_error": "share of wrong test points (sphere: wrong signs), of the average over feature draws",
    "coefficient_norm": "norm of the coefficients of features divided by sqrt(N)",
}


def check(config: Config) -> None:
    """Tables of one shape, sizes on both sides of the peak, and images that there are."""
    if len({(len(config[data].label_noise), len(config[data].ridges)) for data in DATA}) > 1:
        raise ConfigError(
            "config.sphere and config.images must have as many label_noise as each other and as many ridges: their "
            "results are one table."
        )
    for data in DATA:
        problem(config, data)


def program(config: Config) -> Simulation:
    """Every redraw on the sphere and on images; each quantity by label noise, ridge and number of features."""
    shape = (len(config.sphere.label_noise), len(config.sphere.ridges), len(config.ratios))
    measured = {name: Measured(long_name, shape, "float64") for name, long_name in QUANTITIES.items()}
    measured["condition_number"] = Measured("largest condition number of the features of a sample", shape[-1:])
    return mapped_redraws(config, measured, functools.partial(redraw, config))


def problem(config: Config, data: str) -> tuple[Callable[..., tuple[Array, ...]], dict[str, Any]]:
    """The sample of a redraw's key, and what :func:`gendyn.regression.feature_ensemble` is told of its fits."""
    leaves = config[data]
    n, sizes = leaves.num_train, _sphere.feature_counts(config.ratios, leaves.num_train)
    shape = {"num_train": n, "num_test": leaves.num_test}
    if data == "sphere":
        shape |= {"dimension": leaves.dimension, "num_targets": leaves.num_targets}
        sample: Callable[..., tuple[Array, ...]] = functools.partial(
            regression.sphere_sample, **shape, noise_variances=leaves.label_noise
        )
        penalties = [regression.sphere_penalty(leaves.ridges, size, n, leaves.dimension) for size in sizes]
        features: Callable[..., Array] = regression.random_sphere_features
    else:
        with said_of("config.images"):
            sample = one_hot_sample(lookup("tasks", leaves.task)(), **shape, label_noise=leaves.label_noise)
        penalties = [size * np.array(leaves.ridges) for size in sizes]
        features = functools.partial(regression.random_relu_features, bias=True)
        if leaves.features == "fourier":
            features = functools.partial(regression.random_fourier_features, lengthscale=leaves.lengthscale)
    return sample, {"features": features, "sizes": sizes, "penalties": np.stack(penalties), "one_hot": data == "images"}


def redraw(config: Config, key: Array, data: str) -> dict[str, Array]:
    """Records ``[V, L, P]`` of one redraw, and ``condition_number [P]``."""
    sample, fits = problem(config, data)
    x, y, x_test, targets = sample(stream(key, "data"))
    keys = jax.random.split(stream(key, "features"), config.members)
    return regression.feature_ensemble(keys, x=x, y=y, x_test=x_test, targets=targets, **fits)._asdict()
