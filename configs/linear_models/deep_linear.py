"""Deep linear networks: modes in a staircase, ranks of products, matrix completion, against depth."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """100 redraws of random starts, matrices and completions, 5 of aligned starts: 3,260 runs."""
    return declared_config("deep_linear")


def smoke() -> Config:
    """Seconds: 2 redraws of everything, smaller sizes, fewer steps. Its findings mean nothing."""
    config = default()
    config.dimension, config.depths, config.horizon, config.num_times = 4, (2,), 3.0, 16
    config.singular_values, config.learning_rates, config.random_learning_rate = (3.0, 2.0), (1e-2, 1e-3), 1e-2
    config.num_aligned = config.num_redraws = 2
    config.product_size, config.product_depths, config.scales = 16, (1, 4), (1e-3, 1.0)
    config.completion_size, config.completion_rank, config.num_observed, config.completion_steps = 8, 1, 40, 200
    return config


get_config = Variants("deep_linear", default, smoke)
