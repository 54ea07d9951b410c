"""The errors of ``benign_polynomial`` as one table, their limits, and where the config's reference lies in it."""

import numpy as np

from gendyn.analysis import finished_tables, grid, median
from gendyn.experiments.priors.benign_polynomial.program import AXES
from gendyn.types import Dataset

GENERALISES, FITTED = 0.05, 0.1
"""Of the target's RMS: largest test error; of the noise: largest RMS left at the points."""
LIMITS = np.array([GENERALISES, GENERALISES, FITTED])


def errors_of(ds: Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Axes, and ``[S, 3, inputs, bases, half-widths, sizes, sigmas]``: test error of simple and complex; noise left."""
    test, train = finished_tables(ds, AXES, "test_rmse", "train_rmse")
    table = np.concatenate([test[..., :2, :], train[..., 2:, :]], axis=-2)
    return grid(ds, AXES).axes, np.moveaxis(table, 5, 1)


def summary(table: np.ndarray) -> np.ndarray:
    """Median test errors, root mean square of what is left of noise: ``[B, S, 3, ...] -> [B, 3, ...]``."""
    noise = np.sqrt(np.mean(table[:, :, 2:] ** 2, axis=1))
    return np.concatenate([median(table[:, :, :2]), noise], axis=1)


def reference(config: dict, axes: dict[str, np.ndarray]) -> tuple[int, int, int]:
    """Where the config's reference is: half-width, number of points, sigma."""
    width, size = (list(axes[name]).index(config[name]) for name in ("half_width", "num_train"))
    return width, size, list(config["sigmas"]).index(config["sigma"])
