"""Regression on random features against their number: sphere (solved) and images; label noise, ridges, ensembles."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants, vary
from gendyn.types import Config


def default() -> Config:
    """17 numbers of features from 0.1 n to 5 n, 3 ridges, 2 levels of label noise, ensembles of 3 draws, 100 redraws
    each: ReLU features on the sphere (d = 80, n = 160), Fourier features of 200 digits.
    """
    config = declared_config("random_features")
    vary(config, {"data": ("sphere", "images")}, range(100))
    return config


def relu() -> Config:
    """The same with ReLU features of the digits. Some are zero on a whole sample, so that the rank reaches n later."""
    config = default()
    config.images.features = "relu"
    return config


def mnist5k() -> Config:
    """The same with Fourier features of 400 images of MNIST-5k; some five times the cost."""
    config = default()
    config.images.update({"task": "mnist5k", "num_train": 400, "num_test": 1000})
    return config


def smoke() -> Config:
    """Seconds: 3 numbers of features, 3 redraws of 24 points and of 30 digits. Its findings mean nothing."""
    config = declared_config("random_features")
    config.ratios, config.members, config.runs_at_once = (0.5, 1.0, 2.0), 2, 3
    config.sphere.dimension, config.sphere.num_train, config.sphere.num_test = 12, 24, 100
    config.images.num_train, config.images.num_test = 30, 100
    vary(config, {"data": ("sphere", "images")}, range(3))
    return config


get_config = Variants("random_features", default, smoke, relu, mnist5k)
