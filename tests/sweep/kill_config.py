"""The config of the sweep that ``killing.py`` starts and kills."""

from gendyn.sweep import Variants, base_config
from gendyn.types import Config


def digits() -> Config:
    """One hidden layer on 64 handwritten digits."""
    config = base_config(task="digits", model="mlp", optim="adam")
    config.model.depth = 1
    config.data.num_train, config.data.label_noise = 64, 0.2
    config.optim.learning_rate = 3e-3
    config.loss = "squared_error"
    return config


get_config = Variants("", digits)
