"""Equation counting: features and network parameters that interpolate, against examples x outputs.

The experiment has programs of its own, not a sweep's: leaves are set by ``--config.leaf=value``.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """Five problems of 240 to 960 equations, 100 redraws of features and 8 of networks with either labels: 3,160 runs.
    Measured, in parameters over equations: features exactly 1; networks 0.97 to 1.07 for uniform labels (1.36 to 1.44
    after 2,000 steps) and 0.50 to 0.98 for true ones. ``tolerance`` and ``steps`` are part of what is measured.
    """
    return ml_collections.ConfigDict(
        {
            "problems": ((48, 5), (32, 10), (48, 10), (64, 10), (96, 10)),
            "num_redraws": 100,
            "num_networks": 8,
            "widths": (4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57),
            "parameters_over_equations": (0.3, 1.75),
            "steps": (2000, 8000),
            "learning_rate": 0.01,
            "tolerance": 1e-3,
            "runs_at_once": 200,
        }
    )


def smoke() -> Config:
    """Seconds: two small problems, 2 redraws, 100 steps. Its findings mean nothing."""
    config = default()
    config.problems, config.widths = ((8, 2), (12, 2)), (4, 5, 6)
    config.parameters_over_equations = (0.1, 8.0)
    config.num_redraws = config.num_networks = 2
    config.steps = (20, 100)
    return config


get_config = Variants("equation_counting", default, smoke)
