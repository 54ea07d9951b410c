"""Log marginal likelihood against model order: basis x prior x noise x seed, exact.

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """50 points, a cubic target, models of order 0 to 25, two bases, two priors, three noise levels, 400 redraws.
    Measured: isotropic, best order 3, and the largest order loses at least 40 nats (Chebyshev) or 3.1 (monomials);
    order-dependent, it loses at most 14.5 or 1.3 and then levels off: 0.02 nats over the last third of the orders.
    """
    return ml_collections.ConfigDict(
        {
            "num_points": 50,
            "max_order": 25,
            "teacher_order": 3,
            "runs_at_once": 400,
            "axes": (
                ("basis", ("monomial", "chebyshev")),
                ("prior", ("isotropic", "order_dependent")),
                ("noise", (0.03, 0.1, 0.3)),
                ("seed", tuple(range(400))),
            ),
        }
    )


def smoke() -> Config:
    """Seconds: 12 points, orders to 6, 3 redraws. Its findings mean nothing."""
    config = default()
    config.num_points, config.max_order, config.runs_at_once = 12, 6, 3
    config.axes = (*config.axes[:2], ("noise", (0.1, 0.3)), ("seed", (0, 1, 2)))
    return config


get_config = Variants("evidence_vs_order", default, smoke)
