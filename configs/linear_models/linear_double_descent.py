"""Double descent of least squares: noise variance x redraw, over features and over examples, against the closed forms.

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """40 examples of 120 features, signal 1, noise variances 0, 0.25 and 1, 6,000 redraws of each. Measured: risk and norm
    within 1.4 % of the finite-sample law (|p - n| >= 8), both peak at p = n; the optimal ridge within 0.1 % of its
    limit and falling everywhere; with 40 features the risk of 36 examples is at least 4.1 times that of 20 (noise 0.25)
    or of 4 (noise 1).
    """
    near = (34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46)
    return ml_collections.ConfigDict(
        {
            "num_examples": 40,
            "dimension": 120,
            "num_features": (4, 8, 16, 24, 28, 30, 32, *near, 48, 50, 52, 56, 64, 72, 80, 96, 108, 120),
            "ridge_features": (8, 16, 24, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80, 96, 120),
            "penalties": (1.0, 10.0, 1000.0),
            "spectrum_features": (10, 20, 40, 80),
            "fixed_dimension": 40,
            "examples": (4, 8, 12, 16, 20, 24, 28, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80),
            "runs_at_once": 1200,
            "axes": (("noise_variance", (0.0, 0.25, 1.0)), ("seed", tuple(range(6000)))),
        }
    )


def smoke() -> Config:
    """Seconds: 10 examples of 30 features, 24 redraws. Its findings mean little."""
    config = default()
    config.num_examples, config.dimension, config.fixed_dimension = 10, 30, 10
    config.num_features, config.ridge_features = (2, 4, 6, 8, 9, 10, 11, 12, 16, 30), (4, 10, 30)
    config.spectrum_features, config.examples, config.penalties = (5, 10), (2, 6, 14), (1.0,)
    config.runs_at_once, config.axes = 24, (("noise_variance", (0.0, 1.0)), ("seed", tuple(range(24))))
    return config


get_config = Variants("linear_double_descent", default, smoke)
