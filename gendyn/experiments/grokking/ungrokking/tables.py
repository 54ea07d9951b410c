"""Test accuracies of networks that go on with fewer data, and of those that began with them, and where they cross."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import (
    Places,
    counted_history,
    grid,
    last_crossing,
    record_steps,
    seeds_first,
    seeds_of,
    settled_at,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.types import Dataset

DECAY, CHANGE, FRACTION = "optim.weight_decay", "data.change_step", "data.changed_train_fraction"
AXES = (DECAY, CHANGE, FRACTION, "seed")
CONTROL, CONTINUED = 0, 1


class Accuracies(NamedTuple):
    """Of the seeds that have ended everywhere; ``W`` weight decays, ``A = 2`` (control, continued), ``F`` fractions."""

    decays: np.ndarray
    """``[W]``"""
    fractions: np.ndarray
    """``[F]``, ascending."""
    before: np.ndarray
    """``[S, W, F]``: test accuracy when the data are taken away, of the continued networks."""
    earlier: np.ndarray
    """``[S, W, A, F]``: two thirds of the way from there to the end."""
    final: np.ndarray
    """``[S, W, A, F]``"""
    left_out: str
    """The sentence on seeds that are left out or diverged."""


def accuracies(ds: Dataset) -> Accuracies:
    """Test accuracies of both arms on the grid of weight decay and fraction; 0 once a run has diverged.

    Raises:
        ConfigError: other axes, other than two change steps, or no seed that is finished everywhere.
    """
    layout = grid(ds, AXES)
    decays, changes, fractions, _ = layout.axes.values()
    if len(changes) != 2 or len(fractions) < 2:
        raise ConfigError(
            f"the dataset has {len(changes)} values of {CHANGE} and {len(fractions)} of {FRACTION}; pass two changes "
            "(1 for the control, and one after generalisation) and at least two fractions."
        )
    seeds = seeds_of(ds, layout, required=True)
    steps = tabulate(layout, record_steps(ds))[..., seeds.complete, :]
    accuracy = 1.0 - tabulate(layout, counted_history(ds, "test_error"))[..., seeds.complete, :]
    end = np.nanmax(steps, axis=-1, keepdims=True)
    change = np.asarray(changes, float)[None, :, None, None, None]
    before, earlier, final = (
        seeds_first(settled_at(steps, accuracy, step)) for step in (change, change + (end - change) * 2.0 / 3.0, end)
    )
    return Accuracies(decays, fractions, before[:, :, CONTINUED], earlier, final, seeds.sentence)


def crossing(found: Accuracies, accuracy: np.ndarray, level: float) -> Places:
    """The fractions, ``[S, W, A]``, at which accuracies ``[S, W, A, F]`` cross a level; between 0 and 1 in any case."""
    return last_crossing(found.fractions, accuracy, level, ends=(0.0, 1.0))
