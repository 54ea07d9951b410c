"""Finished redraws, and the closed forms that they should follow."""

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, finished_table, outer_values
from gendyn.types import Dataset


def redraws(ds: Dataset, name: str) -> np.ndarray:
    """A recorded array of the seeds that are finished at every noise level, ``[S, V, ...]``."""
    return finished_table(ds, name, ("noise_variance", "seed"))


def laws(ds: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean risk and exact mean squared norm of the minimum norm, ``[V, P]`` each."""
    config, noise = config_of(ds), outer_values(ds, "noise_variance")[:, None]
    given = config["num_examples"], np.array(config["num_features"])
    shape = {"dimension": config["dimension"], "noise_variance": noise}
    return theory.min_norm_risk(*given, **shape), theory.min_norm_squared_norm(*given, **shape)


def ridge_law(ds: Dataset, sizes: np.ndarray, noise: float, penalty: float | None = None) -> np.ndarray:
    """Limit of the risk with a penalty, by default the optimal one, another at each size: ``[Q]``."""
    config = config_of(ds)
    dimension, optimal = config["dimension"], config["dimension"] * (noise + 1.0) - sizes
    strength = optimal if penalty is None else penalty
    shape = {"dimension": dimension, "noise_variance": noise}
    return theory.misspecified_ridge_risk(config["num_examples"], sizes, strength, **shape)
