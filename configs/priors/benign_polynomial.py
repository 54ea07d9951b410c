"""An order-150 polynomial on simple data, complex data and noise: basis x range x points x seed.

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """Random and equispaced inputs, two bases, half-widths 0.5 to 1.6, 10 to 40 points, sigma 1e-1 to 1e-8, 150 redraws.
    Measured at the reference, 20 equispaced points on [-1.4, 1.4] and sigma 1e-3: monomials leave 56 % of pure noise
    (RMS), Chebyshev polynomials 22 %; nothing fits noise to 10 % there, at any range. Ten points and sigma 1e-7 do.
    """
    return ml_collections.ConfigDict(
        {
            "order": 150,
            "sigma": 1e-3,
            "sigmas": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8),
            "half_width": 1.4,
            "num_train": 20,
            "inputs": "equispaced",
            "runs_at_once": 150,
            "axes": (
                ("inputs", ("random", "equispaced")),
                ("basis", ("monomial", "chebyshev")),
                ("half_width", (0.5, 0.8, 1.0, 1.2, 1.4, 1.6)),
                ("num_train", (10, 20, 40)),
                ("seed", tuple(range(150))),
            ),
        }
    )


def smoke() -> Config:
    """Seconds: order 20, one half-width, 4 and 5 points, 3 redraws. Its findings mean nothing."""
    config = default()
    config.order, config.num_train, config.runs_at_once = 20, 5, 3
    config.axes = (*config.axes[:2], ("half_width", (1.4,)), ("num_train", (4, 5)), ("seed", (0, 1, 2)))
    return config


get_config = Variants("benign_polynomial", default, smoke)
