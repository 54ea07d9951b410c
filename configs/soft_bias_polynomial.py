"""Plain and regularised polynomials from 10 to 100 examples: law of the inputs x basis x seed.

    python scripts/sweep.py --config=configs/soft_bias_polynomial.py --workdir=runs/soft_bias_polynomial
    python scripts/report.py --workdir=runs/soft_bias_polynomial

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.

Variants, as ``--config=configs/soft_bias_polynomial.py:smoke``:

``default``
    10, 20, ..., 100 examples, noise 0.1, both laws, three bases, 200 redraws. Measured: the claim at every n and target
    fails everywhere; largest ratio to the better plain fit 2.6 (uniform inputs, monomials) to 8e4 (normal, monomials).
    With uniform inputs the regularised fit still has the smallest largest ratio of the three, and in the Legendre basis
    it is at least as good for the targets of order 15 and the cosine.
``smoke``
    Seconds: 8 and 20 examples, monomials, 3 redraws. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``default``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("soft_bias_polynomial", VARIANTS, variant).lock()


def _default() -> ml_collections.ConfigDict:
    return ml_collections.ConfigDict(
        {
            "sizes": tuple(range(10, 101, 10)),
            "num_test": 100,
            "noise": 0.1,
            "normal_domain": 3.0,
            "runs_at_once": 200,
            "axes": (
                ("law", ("normal", "uniform")),
                ("basis", ("monomial", "legendre", "chebyshev")),
                ("seed", tuple(range(200))),
            ),
        }
    )


def _smoke() -> ml_collections.ConfigDict:
    config = _default()
    config.sizes, config.num_test, config.runs_at_once = (8, 20), 20, 3
    config.axes = (config.axes[0], ("basis", ("monomial",)), ("seed", (0, 1, 2)))
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {"default": _default, "smoke": _smoke}
