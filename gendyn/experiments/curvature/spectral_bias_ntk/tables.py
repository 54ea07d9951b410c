"""How fast each frequency is learned: as measured, and by the closed form."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import config_of, grid, history, record_steps, seeds_of, tabulate
from gendyn.core import ConfigError
from gendyn.theory import circle_coefficients
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
    """``[S, K]``: see :func:`decay`; infinite for a run that diverged."""
    predicted: np.ndarray
    """``[K]``: the closed form of the rates."""
    sentence: str
    """On seeds left out and runs that diverged."""


def predicted_rates(ds: Dataset, *, use_bias: bool) -> np.ndarray:
    """``[K]``: the closed form on the grid, ``sum over j of a_(k + j N)``; 0 for odd ``k >= 3`` without bias."""
    config = config_of(ds)
    aliases = config["num_points"] * np.arange(-1000, 1001)
    return circle_coefficients(np.add.outer(config["frequencies"], aliases), use_bias=use_bias).sum(axis=1)


def decay(ds: Dataset, *, use_bias: bool) -> Decay:
    """Residuals and rates ``(1 - exp(slope)) / learning_rate``, of the slope of log residual on step through its start.

    Gradient descent decays as ``(1 - learning_rate * rate)^step``, not as an exponential of the rate. Steps are used
    while the predicted residual is above ``exp(-FIT_DECAY)``; NaN where none is recorded.

    Raises:
        ConfigError: no seed is finished.
    """
    config, layout, steps = config_of(ds), grid(ds, AXES), record_steps(ds)[0].astype(float)
    amplitude = np.linalg.norm(tabulate(layout, history(ds, "residual")), axis=-1)  # [bias, seeds, T, K]
    seeds = seeds_of(ds, layout)
    seeds = seeds.restricted((np.isfinite(amplitude).all(axis=(2, 3)) | seeds.diverged).all(axis=0))
    if not seeds.complete.any():
        raise ConfigError("no seed is finished, so there is nothing to judge; wait for the first chunks.")
    row = list(layout.axes["use_bias"]).index(use_bias)
    chosen, diverged = amplitude[row][seeds.complete], seeds.diverged[row][seeds.complete]
    residuals = np.where(diverged[:, None, None], np.inf, chosen / chosen[:, :1])
    predicted = predicted_rates(ds, use_bias=use_bias)
    # log1p(-...) is the predicted slope; where it is 0 all steps are used.
    used = -np.log1p(-config["learning_rate"] * predicted) * steps[:, None] <= FIT_DECAY
    weights = np.where(used, steps[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.einsum("tk,stk->sk", weights, np.where(used, np.log(residuals), 0.0)) / np.sum(weights**2, axis=0)
    rates = np.where(diverged[:, None], np.inf, -np.expm1(slopes) / config["learning_rate"])
    return Decay(np.array(config["frequencies"]), steps, residuals, rates, predicted, seeds.sentence)
