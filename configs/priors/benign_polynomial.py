"""An order-150 polynomial on simple data, complex data and noise: inputs x basis x range x points x seed."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """Both laws of inputs, two bases, half-widths 0.5 to 1.6, 10 to 40 points, sigma 1e-1 to 1e-8, 150 redraws."""
    return _varied((0.5, 0.8, 1.0, 1.2, 1.4, 1.6), (10, 20, 40), redraws=150)


def smoke() -> Config:
    """Seconds: order 20, one half-width, 4 and 5 points, 3 redraws. Its findings mean nothing."""
    config = _varied((1.4,), (4, 5), redraws=3)
    config.order, config.num_train, config.runs_at_once = 20, 5, 3
    return config


def _varied(half_widths: tuple[float, ...], sizes: tuple[int, ...], redraws: int) -> Config:
    config = declared_config("benign_polynomial")
    config.axes = (
        ("inputs", ("random", "equispaced")),
        ("basis", ("monomial", "chebyshev")),
        ("half_width", half_widths),
        ("num_train", sizes),
        ("seed", tuple(range(redraws))),
    )
    return config


get_config = Variants("benign_polynomial", default, smoke)
