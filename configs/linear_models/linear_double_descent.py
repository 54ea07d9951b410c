"""Double descent of least squares over features and over examples: noise variance x redraw, against closed forms."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants, vary
from gendyn.types import Config


def default() -> Config:
    """40 examples of 120 features, signal 1, noise variances 0, 0.25 and 1, 6,000 redraws of each."""
    config = declared_config("linear_double_descent")
    vary(config, {"noise_variance": (0.0, 0.25, 1.0)}, range(6000))
    return config


def smoke() -> Config:
    """Seconds: 10 examples of 30 features, 24 redraws. Its findings mean little."""
    config = declared_config("linear_double_descent")
    config.num_examples, config.dimension, config.fixed_dimension = 10, 30, 10
    config.num_features, config.ridge_features = (2, 4, 6, 8, 9, 10, 11, 12, 16, 30), (4, 10, 30)
    config.spectrum_features, config.examples, config.penalties = (5, 10), (2, 6, 14), (1.0,)
    config.more_examples, config.more_features, config.num_aligned = 14, (6, 10, 14, 20, 30), 2
    config.runs_at_once = 24
    vary(config, {"noise_variance": (0.0, 1.0)}, range(24))
    return config


get_config = Variants("linear_double_descent", default, smoke)
