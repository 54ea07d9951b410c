"""Plain and regularised polynomials from 10 to 100 examples: law of the inputs x basis x seed."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """10, 20, ..., 100 examples, noise 0.1, both laws, three bases, 200 redraws."""
    config = declared_config("soft_bias_polynomial")
    bases = ("monomial", "legendre", "chebyshev")
    config.axes = (("law", ("normal", "uniform")), ("basis", bases), ("seed", tuple(range(200))))
    return config


def smoke() -> Config:
    """Seconds: 8 and 20 examples, monomials, 3 redraws. Its findings mean nothing."""
    config = default()
    config.axes = (config.axes[0], ("basis", ("monomial",)), ("seed", (0, 1, 2)))
    config.sizes, config.judged, config.num_test, config.runs_at_once = (8, 20), 20, 20, 3
    return config


get_config = Variants("soft_bias_polynomial", default, smoke)
