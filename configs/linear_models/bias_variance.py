"""Bias, and variance by label noise, initialisation and sample, of random features and of a small network."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants, vary
from gendyn.types import Config


def default() -> Config:
    """ReLU random features (d = n = 80, 12 numbers of features, 3 ridges) and a network of one hidden layer (d = 8,
    n = 36, 12 widths, 100, 600 and 3,000 steps), 150 redraws each of 2 label noises x 2 initialisations x 2 samples
    and of two ensembles of 4.
    """
    config = declared_config("bias_variance")
    vary(config, {"learner": ("random_features", "mlp")}, range(150))
    return config


def smoke() -> Config:
    """Seconds: 3 sizes, 3 redraws of 16 points, ensembles of 2. Its findings mean nothing."""
    config = declared_config("bias_variance")
    config.members, config.num_test, config.runs_at_once = 2, 50, 3
    features, network = config.random_features, config.mlp
    features.dimension, features.num_train, features.ratios = 8, 16, (0.5, 1.0, 2.0)
    network.num_train, network.steps, network.widths = 16, (10, 30, 100), (1, 3, 8)
    vary(config, {"learner": ("random_features", "mlp")}, range(3))
    return config


get_config = Variants("bias_variance", default, smoke)
