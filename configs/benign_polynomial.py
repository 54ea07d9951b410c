"""An order-150 polynomial on simple data, complex data and noise: basis x range x points x seed.

    python scripts/sweep.py --config=configs/benign_polynomial.py --workdir=runs/benign_polynomial
    python scripts/report.py --workdir=runs/benign_polynomial

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.

Variants, as ``--config=configs/benign_polynomial.py:smoke``:

``default``
    Random and equispaced inputs, two bases, half-widths 0.5 to 1.6, 10 to 40 points, sigma 1e-1 to 1e-8, 150 redraws.
    Measured at the reference, 20 equispaced points on [-1.4, 1.4] and sigma 1e-3: monomials leave 56 % of pure noise
    (RMS), Chebyshev polynomials 22 %; nothing fits noise to 10 % there, at any range. Ten points and sigma 1e-7 do.
``smoke``
    Seconds: order 20, one half-width, 4 and 5 points, 3 redraws. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``default``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("benign_polynomial", VARIANTS, variant).lock()


def _default() -> ml_collections.ConfigDict:
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


def _smoke() -> ml_collections.ConfigDict:
    config = _default()
    config.order, config.num_train, config.runs_at_once = 20, 5, 3
    config.axes = (*config.axes[:2], ("half_width", (1.4,)), ("num_train", (4, 5)), ("seed", (0, 1, 2)))
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {"default": _default, "smoke": _smoke}
