"""Tables of ``benign_gp``, and the closed form of left-out accuracy."""

import numpy as np

from gendyn.analysis import config_of, redraws_of
from gendyn.experiments.priors.benign_gp.program import AXES
from gendyn.types import Dataset

FIXED, CHOSEN = 0, 1
"""Priors, on the last axis."""
ANY, INCORRECT = 0, 1
"""Kinds of corruption, sorted, on the first axis."""


def redraws(ds: Dataset, name: str) -> np.ndarray:
    """``[2, S, levels, ...]``, kinds of corruption first."""
    return redraws_of(ds, AXES, name)[1]


def rates_of(ds: Dataset) -> tuple[np.ndarray, int, int]:
    """Levels of corruption, the index of one half, the number of classes."""
    config = config_of(ds)
    rates = np.array(config["corruption"])
    return rates, int(np.argmin(np.abs(rates - 0.5))), len(config["classes"])


def identity(ds: Dataset) -> np.ndarray:
    """Left-out accuracy on corrupted labels that follows from that on the true ones, ``[2, S, levels]``."""
    rates, _, count = rates_of(ds)
    true = redraws(ds, "left_out_true")[..., FIXED]
    lucky = np.stack([np.full_like(true[ANY], 1.0 / count), (1.0 - true[INCORRECT]) / (count - 1)])
    return (1.0 - rates) * true + rates * lucky
