"""Tables of ``benign_gp``, and the closed form of left-out accuracy."""

import numpy as np

from gendyn.analysis import config_of, redraws_of
from gendyn.experiments.priors.benign_gp.program import AXES
from gendyn.tasks import INDEPENDENT_NOISE_KINDS
from gendyn.theory import corrupted_accuracy
from gendyn.types import Dataset

FIXED, CHOSEN = 0, 1
"""Priors, on the last axis."""
ANY, INCORRECT = 0, 1
"""Kinds of corruption, sorted, on the first axis."""


def redraws(ds: Dataset, *names: str) -> list[np.ndarray]:
    """Of each variable ``[2, S, levels, ...]``, kinds of corruption first."""
    return [redraws_of(ds, AXES, name)[1] for name in names]


def rates_of(ds: Dataset) -> tuple[np.ndarray, int, int]:
    """Levels of corruption, the index of one half, the number of classes."""
    config = config_of(ds)
    rates = np.array(config["corruption"])
    return rates, int(np.argmin(np.abs(rates - 0.5))), len(config["classes"])


def left_out(ds: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Left-out accuracy on corrupted labels, and what follows from that on the true ones; each ``[2, S, levels]``."""
    rates, _, count = rates_of(ds)
    told, true = (table[..., FIXED] for table in redraws(ds, "left_out_told", "left_out_true"))
    kinds = zip(true, INDEPENDENT_NOISE_KINDS, strict=True)
    return told, np.stack([corrupted_accuracy(rows, rates, count, kind) for rows, kind in kinds])
