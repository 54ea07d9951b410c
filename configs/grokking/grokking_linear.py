"""Grokking of a linear student: ratio (dimension / examples) x seed, against the exact integrals."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config

RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.25, 2.0)


def default() -> Config:
    """1,000 dimensions, learning rate 0.01, tolerance 1e-3, ratios 0.1 to 0.9 and 1.25 and 2, 20 seeds: 220 runs of 514
    to 39,610 full-batch steps. Single runs scatter by 6 to 15 %, so few seeds decide nothing.
    """
    config = declared_config("grokking_linear")
    config.axes = (("ratio", RATIOS), ("seed", tuple(range(20))))
    return config


def full() -> Config:
    """For a GPU: twice the dimensions and five times the seeds. Tried with two seeds at ratios 0.5 and 2 only."""
    config = default()
    config.dimension, config.num_test = 2000, 4000
    config.axes = (("ratio", RATIOS), ("seed", tuple(range(100))))
    return config


def smoke() -> Config:
    """Seconds: 60 dimensions, 2 ratios, 2 seeds, learning rate 0.05. Its findings mean nothing."""
    config = default()
    config.dimension, config.num_test, config.num_records, config.runs_at_once = 60, 200, 40, 2
    config.learning_rate, config.axes = 0.05, (("ratio", (0.5, 2.0)), ("seed", (0, 1)))
    return config


get_config = Variants("grokking_linear", default, full, smoke)
