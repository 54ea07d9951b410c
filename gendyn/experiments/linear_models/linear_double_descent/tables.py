"""Finished redraws, and the closed forms that they should follow."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gendyn import theory
from gendyn.analysis import config_of, finished_table, outer_values
from gendyn.types import Dataset


def redraws(ds: Dataset, name: str) -> np.ndarray:
    """A recorded array of the seeds that are finished at every noise level, ``[S, V, ...]``."""
    return finished_table(ds, name, ("noise_variance", "seed"))


def noise_variances(ds: Dataset) -> np.ndarray:
    """``[V]``, ascending."""
    return outer_values(ds, "noise_variance")


def laws(ds: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of features ``[P]``, exact mean risk and exact mean squared norm ``[V, P]``."""
    config = config_of(ds)
    n, sizes = config["num_examples"], np.array(config["num_features"])
    shape = {"dimension": config["dimension"], "noise_variance": noise_variances(ds)[:, None]}
    return sizes, theory.min_norm_risk(n, sizes, **shape), theory.min_norm_squared_norm(n, sizes, **shape)


def ridge_law(config: Mapping[str, Any], sizes: np.ndarray, penalty: ArrayLike, noise: float) -> np.ndarray:
    """Limit of the risk on ``sizes`` of the features: those left out act as noise, and are missed in whole."""
    n, share = config["num_examples"], sizes / config["dimension"]
    learned = theory.ridge_risk(sizes / n, np.asarray(penalty) / n, signal=share, noise_variance=noise + 1.0 - share)
    return np.asarray(learned + 1.0 - share)


def optimal_ridge_law(config: Mapping[str, Any], sizes: np.ndarray, noise: float) -> np.ndarray:
    """The same with the optimal penalty, another one at each size."""
    return ridge_law(config, sizes, config["dimension"] * (noise + 1.0) - sizes, noise)
