"""Rates of decay of each frequency, measured and predicted."""

from typing import NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.theory import circle_grid_coefficients
from gendyn.types import Dataset

AXES = ("use_bias", "seed")
FIT_DECAY = 2.0
"""Rates are fitted while the predicted residual is above ``exp(-2)``: later, other frequencies leak in."""


class Decay(NamedTuple):
    """Of one kernel, over the ``S`` seeds that are finished with both."""

    frequencies: np.ndarray
    """``[K]``."""
    steps: np.ndarray
    """``[T]``: recorded training steps."""
    residuals: np.ndarray
    """``[S, T, K]``: ``|residual| / |residual at step 0|``; infinite for a run that diverged."""
    rates: np.ndarray
    """``[S, K]``: of ``(1 - learning_rate * rate)^step``; infinite for a run that diverged."""
    predicted: np.ndarray
    """``[K]``: the closed form of the rates; 0 for odd ``k >= 3`` without bias."""
    sentence: str
    """On seeds left out and runs that diverged."""


def decay(ds: Dataset, *, use_bias: bool) -> Decay:
    """Residuals and rates of every seed: :func:`gendyn.analysis.descent_rates`.

    Raises:
        ConfigError: no seed is finished.
    """
    config, layout, steps = analysis.config_of(ds), analysis.grid(ds, AXES), analysis.record_steps(ds)[0].astype(float)
    frequencies = np.array(config["frequencies"])
    amplitude = np.linalg.norm(
        analysis.tabulate(layout, analysis.history(ds, "residual")), axis=-1
    )  # [bias, seeds, T, K]
    seeds = analysis.seeds_of(ds, layout)
    seeds = seeds.restricted((np.isfinite(amplitude).all(axis=(2, 3)) | seeds.diverged).all(axis=0))
    if not seeds.complete.any():
        raise ConfigError("no seed is finished, so there is nothing to judge; wait for the first chunks.")
    row = list(layout.axes["use_bias"]).index(use_bias)
    chosen, diverged = amplitude[row][seeds.complete], seeds.diverged[row][seeds.complete]
    residuals = np.where(diverged[:, None, None], np.inf, chosen / chosen[:, :1])
    predicted = circle_grid_coefficients(frequencies, config["num_points"], use_bias=use_bias)
    rates = analysis.descent_rates(
        steps, residuals, predicted, learning_rate=config["learning_rate"], fit_decay=FIT_DECAY
    )
    rates = np.where(diverged[:, None], np.inf, rates)
    return Decay(frequencies, steps, residuals, rates, predicted, seeds.sentence)
