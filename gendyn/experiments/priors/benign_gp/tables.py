"""Levels of corruption of ``benign_gp``, and the closed form of left-out accuracy."""

import numpy as np

from gendyn.analysis import config_of, finished_tables
from gendyn.experiments.priors.benign_gp.program import AXES
from gendyn.tasks import INDEPENDENT_NOISE_KINDS
from gendyn.theory import corrupted_accuracy
from gendyn.types import Dataset

ANY, INCORRECT = 0, 1
"""Kinds of corruption, sorted: tables are ``[S, kinds, levels]``, with the priors on a last axis."""
FIXED, CHOSEN = 0, 1
"""Priors."""


def rates_of(ds: Dataset) -> tuple[np.ndarray, int, int]:
    """Levels of corruption, the index of one half, the number of classes."""
    config = config_of(ds)
    rates = np.array(config["corruption"])
    return rates, int(np.argmin(np.abs(rates - 0.5))), len(config["classes"])


def left_out(ds: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Left-out accuracy on corrupted labels, and what follows from that on the true ones."""
    told, true = (table[..., FIXED] for table in finished_tables(ds, AXES, "left_out_told", "left_out_true"))
    rates, _, count = rates_of(ds)
    kinds = enumerate(INDEPENDENT_NOISE_KINDS)
    return told, np.stack([corrupted_accuracy(true[:, i], rates, count, kind) for i, kind in kinds], axis=1)
