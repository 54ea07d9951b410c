"""When the runs reach 95 % accuracy, on the grid of train fractions, weight decays and seeds."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import Crossing, Grid, Seeds, accuracy_crossings, grid, seeds_of
from gendyn.core import ConfigError
from gendyn.types import Dataset

AXES = ("data.train_fraction", "optim.weight_decay", "seed")
ACCURACY = 0.95
DELAYED = 2.0
"""From this ratio of test to training crossing on, generalisation is late; a convention."""


class Crossings(NamedTuple):
    """What the runs did, on the grid of fractions ``F``, decays ``W`` and seeds ``S``."""

    layout: Grid
    fractions: np.ndarray
    decays: np.ndarray
    """``[F]`` and ``[W]``, ascending."""
    train: Crossing
    test: Crossing
    """Every field ``[R]``; a diverged run never arrives."""
    seeds: Seeds


def crossings(ds: Dataset) -> Crossings:
    """When each run knows its training equations, and the others.

    Raises:
        ConfigError: fewer than two train fractions or positive weight decays, or an axis beyond :data:`AXES`.
    """
    layout = grid(ds, AXES)
    fractions, decays, _ = layout.axes.values()
    if len(fractions) < 2 or np.sum(decays > 0) < 2:
        raise ConfigError(
            f"the dataset has {len(fractions)} train fractions and {np.sum(decays > 0)} positive weight decays; the "
            "claims are about at least two of each."
        )
    train, test = accuracy_crossings(ds, train=ACCURACY, test=ACCURACY)
    return Crossings(layout, fractions, decays, train, test, seeds_of(ds, layout))
