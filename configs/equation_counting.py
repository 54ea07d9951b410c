"""Equation counting: features and network parameters that interpolate, against examples x outputs.

    python scripts/sweep.py --config=configs/equation_counting.py --workdir=runs/equation_counting
    python scripts/report.py --workdir=runs/equation_counting

The experiment has programs of its own, not a sweep's: leaves are set by ``--config.leaf=value``.

Variants, as ``--config=configs/equation_counting.py:smoke``:

``default``
    Five problems of 240 to 960 equations, 100 redraws of features and 8 of networks with either labels: 3,160 runs.
    Measured, in parameters over equations: features exactly 1; networks 0.97 to 1.07 for uniform labels (1.36 to 1.44
    after 2,000 steps) and 0.50 to 0.98 for true ones. ``tolerance`` and ``steps`` are part of what is measured.
``smoke``
    Seconds: two small problems, 2 redraws, 100 steps. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``default``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("equation_counting", VARIANTS, variant).lock()


def _default() -> ml_collections.ConfigDict:
    return ml_collections.ConfigDict(
        {
            "problems": ((48, 5), (32, 10), (48, 10), (64, 10), (96, 10)),
            "num_redraws": 100,
            "num_networks": 8,
            "widths": (4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57),
            "parameters_over_equations": (0.3, 1.75),
            "steps": (2000, 8000),
            "learning_rate": 0.01,
            "tolerance": 1e-3,
            "runs_at_once": 200,
        }
    )


def _smoke() -> ml_collections.ConfigDict:
    config = _default()
    config.problems, config.widths = ((8, 2), (12, 2)), (4, 5, 6)
    config.parameters_over_equations = (0.1, 8.0)
    config.num_redraws = config.num_networks = 2
    config.steps = (20, 100)
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {"default": _default, "smoke": _smoke}
