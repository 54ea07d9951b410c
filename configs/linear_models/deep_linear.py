"""Deep linear networks: modes in a staircase, ranks of products, matrix completion, against depth.

The experiment has programs of its own, not a sweep's: leaves are set by ``--config.leaf=value``.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """100 redraws of random starts, matrices and completions, 5 of aligned starts: 3,260 runs. Measured: error ratio 9.95
    to 10.03 for the last decade of the learning rate; half-times from random directions 12 to 20 % late at depth 2, up
    to 58 % at depth 4; effective ranks of 128 x 128 products within 1.0 % of the closed form (64 x 64: 3.0 % at 16
    factors, for the closed form is a limit); completion from 1e-5: median error 0.002 at depth 3, 0.23 at depth 2.
    """
    return ml_collections.ConfigDict(
        {
            "dimension": 8,
            "singular_values": (4.0, 3.0, 2.0, 1.0),
            "initial": 0.01,
            "depths": (1, 2, 3, 4),
            "horizon": 8.0,
            "num_times": 161,
            "learning_rates": (1e-2, 1e-3, 1e-4),
            "num_aligned": 5,
            "random_learning_rate": 1e-3,
            "product_size": 128,
            "product_depths": (1, 2, 4, 8, 16),
            "completion_size": 30,
            "completion_rank": 3,
            "num_observed": 300,
            "completion_depths": (1, 2, 3),
            "completion_rate": 0.6,
            "completion_steps": 10_000,
            "scales": (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
            "num_redraws": 100,
            "runs_at_once": 100,
        }
    )


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
