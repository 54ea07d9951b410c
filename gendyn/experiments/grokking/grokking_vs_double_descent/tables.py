"""How fast each run fits and generalises, and how far its test error rises and falls again."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import (
    Seeds,
    accuracy_crossings,
    arm_leaves,
    counted_history,
    grid,
    held_out_rises,
    record_steps,
    seeds_of,
    speed_ratio,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.types import Dataset

AXES = ("arm", "data.label_noise", "model.width", "seed")
FITTED, LEARNT = 0.95, 0.70
"""Training and test accuracy that count as arrived."""


class Speeds(NamedTuple):
    """Tables ``[arm, noise, width, S]`` of the seeds that every cell has; arms in the config's order."""

    arms: tuple[str, ...]
    noises: np.ndarray
    widths: np.ndarray
    seeds: Seeds
    steps: np.ndarray
    """``[T]``."""
    train_error: np.ndarray
    test_error: np.ndarray
    """``[arm, noise, width, S, T]``."""
    ratio: np.ndarray
    """Steps to fit / steps to generalise; ``inf`` where only the latter was seen, 0 where only the former, NaN where
    neither was."""
    rise: np.ndarray
    """Test error at the peak over the first valley, by held-out places; NaN with fewer than two seeds."""
    fall: np.ndarray
    """Test error at the peak over the lowest after it."""


def speeds(ds: Dataset) -> Speeds:
    """Ratios of speeds and rises of every run.

    Raises:
        ConfigError: other than two arms or fewer than two noise rates, the lowest of them not 0.
    """
    layout = grid(ds, AXES)
    names, noises, widths, _ = layout.axes.values()
    listed = tuple(name for name in arm_leaves(ds) if name in names)
    if len(listed) != 2 or len(names) != 2:
        raise ConfigError(
            f"the dataset has the arms {', '.join(map(str, names))}; the claims compare two, which config.arms lists: "
            "first the one in which generalising is slow."
        )
    if len(noises) < 2 or noises[0] != 0:
        raise ConfigError(f"data.label_noise has the values {noises}; the claims need 0 and at least one other.")
    order = [int(np.flatnonzero(names == name)[0]) for name in listed]
    seeds = seeds_of(ds, layout)

    def table(values: np.ndarray) -> np.ndarray:
        return tabulate(layout, values)[order][:, :, :, seeds.complete]

    train_error, test_error = (table(counted_history(ds, name)) for name in ("train_error", "test_error"))
    rise, fall = np.full((2, *test_error.shape[:-1]), np.nan)
    for cell in np.ndindex(*test_error.shape[:3]):
        rise[cell], fall[cell] = held_out_rises(test_error[cell])
    ratio = table(speed_ratio(*accuracy_crossings(ds, train=FITTED, test=LEARNT)))
    return Speeds(listed, noises, widths, seeds, record_steps(ds)[0], train_error, test_error, ratio, rise, fall)
