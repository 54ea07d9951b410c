"""The weak-feature regression: errors, effective dimension and its complement against the number of features."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants, vary
from gendyn.types import Config


def default() -> Config:
    """The published sizes: 200 examples, 5, 7, ..., 399 features; penalties 0.2 (published) and 1; 3,000 redraws."""
    config = declared_config("weak_features")
    vary(config, {}, range(3000))
    return config


def smoke() -> Config:
    """Seconds: 20 examples, 3 to 39 features, 24 redraws. Its findings mean little."""
    config = declared_config("weak_features")
    config.num_examples, config.num_features, config.penalties = 20, (3, 7, 11, 15, 20, 25, 29, 33, 39), (0.02, 1.0)
    config.runs_at_once = 24
    vary(config, {}, range(24))
    return config


get_config = Variants("weak_features", default, smoke)
