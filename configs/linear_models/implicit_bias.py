"""Implicit bias: least norm and largest margin, by gradient descent, momentum and Adam, over redraws of the data."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants, vary
from gendyn.types import Config


def default() -> Config:
    """128 redraws: squared loss with 20 examples of 60 features, logistic loss with 8 of 200 and 30 of 4, ReLU networks
    of 20 units on 20 examples, and the largest margin of 50 examples with 5 flipped labels in 60 to 1,000 dimensions.
    """
    config = declared_config("implicit_bias")
    vary(config, {}, range(128))
    return config


def smoke() -> Config:
    """Seconds: 4 redraws of smaller problems, few steps. Its findings mean nothing."""
    config = declared_config("implicit_bias")
    config.num_examples, config.num_features, config.num_steps, config.learning_rate = 6, 18, 400, 0.1
    config.logistic_steps, config.num_records, config.adam_learning_rates = 1000, 16, (0.03, 0.01)
    config.wide.num_examples, config.wide.num_features, config.runs_at_once = 4, 40, 2
    config.sgd_learning_rate = 0.03
    config.relu.update({"num_examples": 6, "width": 8, "num_steps": 200})
    config.mixture.update({"num_examples": 6, "num_features": (8, 30), "num_flipped": 1})
    vary(config, {}, range(4))
    return config


get_config = Variants("implicit_bias", default, smoke)
