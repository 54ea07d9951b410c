"""Plain and regularised polynomials from 10 to 100 examples: law of the inputs x basis x seed."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """10, 20, ..., 100 examples, noise 0.1, both laws, three bases, 200 redraws."""
    return _varied(("monomial", "legendre", "chebyshev"), redraws=200)


def smoke() -> Config:
    """Seconds: 8 and 20 examples, monomials, 3 redraws. Its findings mean nothing."""
    config = _varied(("monomial",), redraws=3)
    config.sizes, config.num_test, config.runs_at_once = (8, 20), 20, 3
    return config


def _varied(bases: tuple[str, ...], redraws: int) -> Config:
    config = declared_config("soft_bias_polynomial")
    config.axes = (("law", ("normal", "uniform")), ("basis", bases), ("seed", tuple(range(redraws))))
    return config


get_config = Variants("soft_bias_polynomial", default, smoke)
