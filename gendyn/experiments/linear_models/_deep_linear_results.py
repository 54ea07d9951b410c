"""Tables of the deep-linear experiment's results, and the closed forms that belong to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, time_to_threshold
from gendyn.core import ConfigError
from gendyn.experiments._redraws import finished_runs

if TYPE_CHECKING:
    import xarray

ALIGNED, RANDOM, GAUSSIAN, ORTHOGONAL, COMPLETION = "aligned", "random", "gaussian", "orthogonal", "completion"
"""Cases: two starts of the modes, two kinds of products, and completion."""


def select(ds: "xarray.Dataset", name: str, **at: Any) -> np.ndarray:
    """A measured quantity ``[S, ...]`` of the committed runs at the given places of the axes, in the order of seeds."""
    rows = finished_runs(ds, at)
    values = np.asarray(ds[name].isel(run=rows, record=0).values, float)
    diverged = int(np.sum(~np.isfinite(values.reshape(len(rows), -1)).all(axis=1)))
    if diverged:
        raise ConfigError(f"{name} is not finite in {diverged} of {len(rows)} runs at {at}; lower the learning rate.")
    return values


def paired(rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Tables ``[S, ...]`` cut to the redraws that all of them have; those of a simulation under way differ."""
    return [row[: min(map(len, rows))] for row in rows]


def times(ds: "xarray.Dataset") -> np.ndarray:
    """Learning rate times step of every record of ``modes``."""
    config = config_of(ds)
    return np.linspace(0.0, config["horizon"], config["num_times"])


def step_errors(ds: "xarray.Dataset", depth: int) -> np.ndarray:
    """Largest distance from the closed form over times and modes, ``[S, rates]``, from aligned starts."""
    config = config_of(ds)
    exact = theory.deep_linear_trajectory(times(ds), config["singular_values"], depth=depth, initial=config["initial"])
    rows = [
        np.max(np.abs(select(ds, "modes", case=ALIGNED, depth=depth, learning_rate=rate) - exact), axis=(1, 2))
        for rate in config["learning_rates"]
    ]
    return np.stack(paired(rows), axis=1)


def half_times(ds: "xarray.Dataset", depth: int) -> np.ndarray:
    """When each mode passes half of its strength from random directions, ``[S, K]``; ``inf`` beyond the horizon."""
    modes = select(ds, "modes", case=RANDOM, depth=depth)
    shares = modes / np.array(config_of(ds)["singular_values"])
    rows = np.moveaxis(shares, 2, 1).reshape(-1, shares.shape[1])
    crossing = time_to_threshold(times(ds), rows, 0.5, interpolate=True)
    return np.where(crossing.observed, crossing.time, np.inf).reshape(len(modes), -1)


def exact_half_times(ds: "xarray.Dataset", depth: int, strengths: Any = None) -> np.ndarray:
    """The closed form's, of the modes or of other strengths."""
    config = config_of(ds)
    chosen = config["singular_values"] if strengths is None else strengths
    return np.array([theory.deep_linear_time(s / 2, float(s), depth=depth, initial=config["initial"]) for s in chosen])


def untouched_error(ds: "xarray.Dataset", scales: np.ndarray) -> np.ndarray:
    """Root of the expected squared relative error of entries that keep their start: ``sqrt(1 + size scale^2 / rank)``.

    Exact for the ratio of expectations over all entries; which are unobserved is drawn apart from their values.
    """
    config = config_of(ds)
    return np.sqrt(1.0 + config["completion_size"] * scales**2 / config["completion_rank"])


def rank_table(ds: "xarray.Dataset", case: str) -> np.ndarray:
    """Effective ranks ``[S, depths]`` of one kind of product."""
    rows = [select(ds, "effective_rank", case=case, depth=depth) for depth in config_of(ds)["product_depths"]]
    return np.stack(paired(rows), axis=1)


def completion_table(ds: "xarray.Dataset", name: str, depth: int) -> np.ndarray:
    """``[S, scales]``, scales ascending."""
    scales = sorted(config_of(ds)["scales"])
    rows = [select(ds, name, case=COMPLETION, depth=depth, scale=scale) for scale in scales]
    return np.stack(paired(rows), axis=1)
