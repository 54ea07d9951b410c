"""Delays, final test losses and arrivals of the runs, with the closed forms they are held against."""

from typing import NamedTuple

import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError
from gendyn.types import Dataset

ERRORS = ("train_error", "test_error")
ACCURACY = 0.95
"""The level of both thresholds."""


class Tables(NamedTuple):
    """Of the ``S`` seeds that are finished at every one of ``L`` ratios, ``K`` of them below 1."""

    runs: analysis.LaidOut
    ratios: np.ndarray
    """``[L]``."""
    delays: np.ndarray
    """``[S, K]``: steps from the training to the test threshold; ``inf`` for a run that has not generalised."""
    exact: np.ndarray
    """``[K]``: delays of the integrals."""
    formula: np.ndarray
    """``[K]``: delays of the small-tolerance formula."""
    losses: np.ndarray
    """``[S, L]``: share of the initial test loss that is left at the end. The start's own ``|w_0 - w*|^2`` scatters by
    ``sqrt(2 / d)``, which is not what the floor is about."""
    reached: np.ndarray
    """``[S, L]``: 1 where the test threshold was reached, else 0; NaN for a diverged run."""


def tables(ds: Dataset) -> Tables:
    """What the claims are about.

    Raises:
        ConfigError: no run at ratio 0.5.
    """
    runs, config = analysis.laid_out(ds, ("ratio", "seed")), analysis.config_of(ds)
    ratios = runs.axes["ratio"]
    if not np.any(np.isclose(ratios, 0.5)):
        raise ConfigError("the dataset has no run at ratio 0.5, which the claims are about.")
    below, rate, tolerance = ratios[ratios < 1].tolist(), config["learning_rate"], config["tolerance"]
    options = {"learning_rate": rate, "tolerance": tolerance, "accuracy": ACCURACY}
    exact = [theory.linear_grokking_delay(ratio, **options) for ratio in below]
    formula = [theory.linear_grokking_delay_limit(ratio, learning_rate=rate) for ratio in below]
    steps, never = analysis.record_steps(ds), analysis.run_status(ds) == analysis.DIVERGED
    train, test = (
        analysis.time_to_threshold(
            steps, analysis.history(ds, name), 1 - ACCURACY, direction="below", interpolate=True, never=never
        )
        for name in ERRORS
    )
    delays, losses, reached = (
        analysis.seeds_first(runs.table(values), runs.seeds.complete)
        for values in (
            analysis.arrival_times(analysis.generalisation_delay(train, test)),
            analysis.final_values(ds, "test_loss") / analysis.history(ds, "test_loss")[:, 0],
            test.observed,
        )
    )
    reached = np.where(np.isfinite(losses), reached, np.nan)
    return Tables(runs, ratios, delays[:, ratios < 1], np.array(exact), np.array(formula), losses, reached)
