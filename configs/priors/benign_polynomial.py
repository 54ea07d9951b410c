"""An order-150 polynomial on simple data, complex data and noise: inputs x basis x range x points x seed."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """Both laws of inputs, two bases, half-widths 0.5 to 1.6, 10 to 40 points, sigma 1e-1 to 1e-8, 150 redraws."""
    config = declared_config("benign_polynomial")
    laws = (("inputs", ("random", "equispaced")), ("basis", ("monomial", "chebyshev")))
    places = (("half_width", (0.5, 0.8, 1.0, 1.2, 1.4, 1.6)), ("num_train", (10, 20, 40)))
    config.axes = (*laws, *places, ("seed", tuple(range(150))))
    return config


def smoke() -> Config:
    """Seconds: order 20, one half-width, 4 and 5 points, 3 redraws. Its findings mean nothing."""
    config = default()
    config.axes = (*config.axes[:2], ("half_width", (1.4,)), ("num_train", (4, 5)), ("seed", (0, 1, 2)))
    config.order, config.num_train, config.runs_at_once = 20, 5, 3
    return config


get_config = Variants("benign_polynomial", default, smoke)
