"""Tables of ``deep_linear``, and the closed forms that belong to them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gendyn import theory
from gendyn.analysis import arrival_times, common_seeds, config_of, redraws_at, time_to_threshold
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, COMPLETION, RANDOM
from gendyn.types import Dataset


def paired(ds: Dataset, name: str, places: Iterable[Mapping[str, Any]]) -> list[np.ndarray]:
    """A measured quantity ``[S, ...]`` at each of several places of the axes, of the seeds that all of them have.

    Raises:
        ConfigError: no finished run at a place, or one that is not finite.
    """
    chosen = list(places)
    seeds = common_seeds(ds, chosen)
    return [redraws_at(ds, place, (name,), seeds=seeds, finite=True)[name] for place in chosen]


def times(ds: Dataset) -> np.ndarray:
    """Learning rate times step of every record of ``modes``."""
    config = config_of(ds)
    return np.linspace(0.0, config["horizon"], config["num_times"])


def step_errors(ds: Dataset, depths: Iterable[int]) -> list[np.ndarray]:
    """Largest distance from the closed form over times and modes, ``[S, rates]`` a depth, from aligned starts."""
    config, depths = config_of(ds), list(depths)
    rates, at = config["learning_rates"], times(ds)
    places = [{"case": ALIGNED, "depth": depth, "learning_rate": rate} for depth in depths for rate in rates]
    modes = iter(paired(ds, "modes", places))
    tables = []
    for depth in depths:
        exact = theory.deep_linear_trajectory(at, config["singular_values"], depth=depth, initial=config["initial"])
        tables.append(np.stack([np.max(np.abs(next(modes) - exact), axis=(1, 2)) for _ in rates], axis=1))
    return tables


def half_times(ds: Dataset, depths: Iterable[int]) -> list[np.ndarray]:
    """When each mode passes half of its strength from random directions, ``[S, K]`` a depth; ``inf``: never."""
    tables = []
    for modes in paired(ds, "modes", ({"case": RANDOM, "depth": depth} for depth in depths)):
        shares = modes / np.array(config_of(ds)["singular_values"])
        rows = np.moveaxis(shares, 2, 1).reshape(-1, shares.shape[1])
        tables.append(arrival_times(time_to_threshold(times(ds), rows, 0.5, interpolate=True)).reshape(len(modes), -1))
    return tables


def exact_half_times(ds: Dataset, depth: int, strengths: Any = None) -> np.ndarray:
    """The closed form's, of the modes or of other strengths."""
    config = config_of(ds)
    chosen = config["singular_values"] if strengths is None else strengths
    return np.array([theory.deep_linear_time(s / 2, float(s), depth=depth, initial=config["initial"]) for s in chosen])


def exact_ranks(ds: Dataset) -> np.ndarray:
    """The closed form's effective ranks of products of Gaussian matrices, ``[depths]``."""
    config = config_of(ds)
    return config["product_size"] * np.array(
        [theory.gaussian_product_effective_rank(depth) for depth in config["product_depths"]]
    )


def untouched_error(ds: Dataset, scales: np.ndarray) -> np.ndarray:
    """Root of the expected squared relative error of entries that keep their start: ``sqrt(1 + size scale^2 / rank)``.

    Exact for the ratio of expectations over all entries; which are unobserved is drawn apart from their values.
    """
    config = config_of(ds)
    return np.sqrt(1.0 + config["completion_size"] * scales**2 / config["completion_rank"])


def rank_table(ds: Dataset, case: str) -> np.ndarray:
    """Effective ranks ``[S, depths]`` of one kind of product."""
    places = ({"case": case, "depth": depth} for depth in config_of(ds)["product_depths"])
    return np.stack(paired(ds, "effective_rank", places), axis=1)


def completion_tables(ds: Dataset, name: str, depths: Iterable[int]) -> list[np.ndarray]:
    """``[S, scales]`` a depth, scales ascending."""
    scales, depths = sorted(config_of(ds)["scales"]), list(depths)
    places = [{"case": COMPLETION, "depth": depth, "scale": scale} for depth in depths for scale in scales]
    columns = paired(ds, name, places)
    size = len(scales)
    return [np.stack(columns[i * size : (i + 1) * size], axis=1) for i in range(len(depths))]
