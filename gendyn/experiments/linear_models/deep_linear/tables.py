"""Tables of ``deep_linear``, and the closed forms that belong to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gendyn import theory
from gendyn.analysis import arrival_times, config_of, paired_table, time_to_threshold
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, COMPLETION, RANDOM
from gendyn.types import Dataset


def times(ds: Dataset) -> np.ndarray:
    """Learning rate times step of every record of ``modes``."""
    config = config_of(ds)
    return np.linspace(0.0, config["horizon"], config["num_times"])


def exact_modes(ds: Dataset, depth: int) -> np.ndarray:
    """The closed form of ``modes`` from aligned starts, ``[T, K]``."""
    config = config_of(ds)
    return theory.deep_linear_trajectory(times(ds), config["singular_values"], depth=depth, initial=config["initial"])


def step_errors(ds: Dataset) -> np.ndarray:
    """Largest distance from the closed form over times and modes, from aligned starts: ``[S, depths, rates]``."""
    depths, rates = config_of(ds)["depths"], config_of(ds)["learning_rates"]
    modes = paired_table(ds, "modes", {"case": ALIGNED}, {"depth": depths, "learning_rate": rates})
    exact = np.stack([exact_modes(ds, depth) for depth in depths])
    return np.asarray(np.max(np.abs(modes - exact[:, None]), axis=(3, 4)))


def half_times(ds: Dataset, depths: Sequence[int]) -> np.ndarray:
    """When each mode passes half of its strength from random directions, ``[S, depths, K]``; ``inf``: never."""
    modes = paired_table(ds, "modes", {"case": RANDOM}, {"depth": depths})
    shares = np.moveaxis(modes / np.array(config_of(ds)["singular_values"]), 2, 3)
    passed = time_to_threshold(times(ds), shares.reshape(-1, shares.shape[-1]), 0.5, interpolate=True)
    return arrival_times(passed).reshape(shares.shape[:-1])


def exact_half_times(ds: Dataset, depth: int, strengths: Any = None) -> np.ndarray:
    """The closed form's, of the modes or of other strengths."""
    config = config_of(ds)
    chosen = config["singular_values"] if strengths is None else strengths
    return np.array([theory.deep_linear_time(s / 2, float(s), depth=depth, initial=config["initial"]) for s in chosen])


def rank_table(ds: Dataset, case: str) -> np.ndarray:
    """Effective ranks ``[S, depths]`` of one kind of product."""
    return paired_table(ds, "effective_rank", {"case": case}, {"depth": config_of(ds)["product_depths"]})


def exact_ranks(ds: Dataset) -> np.ndarray:
    """The closed form's effective ranks of products of Gaussian matrices, ``[depths]``."""
    shares = [theory.gaussian_product_effective_rank(depth) for depth in config_of(ds)["product_depths"]]
    return config_of(ds)["product_size"] * np.array(shares)


def completion_table(ds: Dataset, name: str, depths: Sequence[int]) -> np.ndarray:
    """``[S, depths, scales]``, scales ascending."""
    axes = {"depth": depths, "scale": sorted(config_of(ds)["scales"])}
    return paired_table(ds, name, {"case": COMPLETION}, axes)


def untouched_error(ds: Dataset, scales: np.ndarray) -> np.ndarray:
    """Root of the expected squared relative error of entries that keep their start: ``sqrt(1 + size scale^2 / rank)``.

    Exact for the ratio of expectations over all entries; which are unobserved is drawn apart from their values.
    """
    config = config_of(ds)
    return np.sqrt(1.0 + config["completion_size"] * scales**2 / config["completion_rank"])
