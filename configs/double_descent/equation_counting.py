"""Equation counting: features and network parameters that interpolate, against examples x outputs."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """Five problems of 240 to 960 equations, 100 redraws of features and 8 of networks with either labels: 3,160 runs.
    ``tolerance`` and ``steps`` are part of what is measured.
    """
    return declared_config("equation_counting")


def smoke() -> Config:
    """Seconds: two small problems, 2 redraws, 100 steps. Its findings mean nothing."""
    config = default()
    config.problems, config.widths = ((8, 2), (12, 2)), (4, 5, 6)
    config.parameters_over_equations = (0.1, 8.0)
    config.num_redraws = config.num_networks = 2
    config.steps = (20, 100)
    return config


get_config = Variants("equation_counting", default, smoke)
