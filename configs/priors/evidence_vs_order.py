"""Log marginal likelihood against model order: basis x prior x noise x seed, exact."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """50 points, a cubic target, models of order 0 to 25, four bases, two priors, three noise levels, 400 redraws."""
    config = declared_config("evidence_vs_order")
    compared = (
        ("basis", ("monomial", "chebyshev", "fourier", "fourier_wide")),
        ("prior", ("isotropic", "order_dependent")),
    )
    config.axes = (*compared, ("noise", (0.03, 0.1, 0.3)), ("seed", tuple(range(400))))
    return config


def smoke() -> Config:
    """Seconds: 12 points, orders to 6, 3 redraws. Its findings mean nothing."""
    config = default()
    bases = ("basis", ("monomial", "chebyshev"))
    config.axes = (bases, config.axes[1], ("noise", (0.1, 0.3)), ("seed", (0, 1, 2)))
    config.num_points, config.max_order, config.runs_at_once = 12, 6, 3
    return config


get_config = Variants("evidence_vs_order", default, smoke)
