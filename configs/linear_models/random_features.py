"""Regression on random features against their number: sphere (solved) and images; label noise, ridges, ensembles.

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """17 numbers of features from 0.1 n to 5 n, 3 ridges, 2 levels of label noise, ensembles of 3 draws, 100 redraws each:
    ReLU features on the sphere (d = 80, n = 160), Fourier features of 200 digits. Measured on the sphere: largest error
    against the closed form 5.1 % without a ridge away from the peak, 3.5 % with one; on both kinds of data the peaks of
    risk and norm are within 1 % of n, the largest ridge leaves none, and the average of 3 draws has a third of the
    risk there.
    """
    return ml_collections.ConfigDict(
        {
            "ratios": (0.1, 0.2, 0.4, 0.6, 0.75, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0),
            "members": 3,
            "sphere": {
                "dimension": 80,
                "num_train": 160,
                "num_test": 1000,
                "num_targets": 8,
                "label_noise": (0.0, 0.5),
                "ridges": (0.0, 0.01, 0.2),
            },
            "images": {
                "task": "digits",
                "num_train": 200,
                "num_test": 797,
                "features": "fourier",
                "lengthscale": 1.0,
                "label_noise": (0.0, 0.2),
                "ridges": (0.0, 0.001, 0.1),
            },
            "runs_at_once": 10,
            "axes": (("data", ("sphere", "images")), ("seed", tuple(range(100)))),
        }
    )


def relu() -> Config:
    """The same with ReLU features of the digits. In 14 redraws the peak is not at n but at 1.10 n [1.08, 1.11]: 7 % of the
    features are zero on a whole sample, so that the rank reaches n later.
    """
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
    config = default()
    config.ratios, config.members, config.runs_at_once = (0.5, 1.0, 2.0), 2, 3
    config.sphere.dimension, config.sphere.num_train, config.sphere.num_test = 12, 24, 100
    config.images.num_train, config.images.num_test = 30, 100
    config.axes = (("data", ("sphere", "images")), ("seed", (0, 1, 2)))
    return config


get_config = Variants("random_features", default, smoke, relu, mnist5k)
