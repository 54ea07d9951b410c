"""Delays and final losses of the seeds, beside the exact integrals."""

from typing import NamedTuple

import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_linear.program import ACCURACY
from gendyn.types import Dataset

AXES = ("ratio", "seed")


class Tables(NamedTuple):
    """Of the ``S`` seeds that are finished at every one of ``L`` ratios, ``K`` of them below 1."""

    layout: analysis.Grid
    seeds: analysis.Seeds
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


def crossings(ds: Dataset) -> tuple[analysis.Crossing, analysis.Crossing]:
    """When each run reaches 95 % on its training and on the fresh inputs, interpolated between records."""
    steps, never = analysis.record_steps(ds), analysis.run_status(ds) == analysis.DIVERGED
    train, test = (
        analysis.time_to_threshold(
            steps, analysis.history(ds, name), 1 - ACCURACY, direction="below", interpolate=True, never=never
        )
        for name in ("train_error", "test_error")
    )
    return train, test


def tables(ds: Dataset) -> Tables:
    """What the claims are about.

    Raises:
        ConfigError: no run at ratio 0.5.
    """
    layout, config = analysis.grid(ds, AXES), analysis.config_of(ds)
    ratios, seeds = layout.axes["ratio"], analysis.seeds_of(ds, layout)
    if not np.any(np.isclose(ratios, 0.5)):
        raise ConfigError("the dataset has no run at ratio 0.5, which the claims are about.")
    below, rate, tolerance = ratios[ratios < 1].tolist(), config["learning_rate"], config["tolerance"]
    options = {"learning_rate": rate, "tolerance": tolerance, "accuracy": ACCURACY}
    exact = [theory.linear_grokking_delay(ratio, **options) for ratio in below]
    formula = [theory.linear_grokking_delay_limit(ratio, learning_rate=rate) for ratio in below]
    train, test = crossings(ds)
    delays, losses, reached = (
        analysis.seeds_first(analysis.tabulate(layout, values), seeds.complete)
        for values in (
            analysis.arrival_times(analysis.generalisation_delay(train, test)),
            analysis.final_values(ds, "test_loss") / analysis.history(ds, "test_loss")[:, 0],
            test.observed,
        )
    )
    reached = np.where(np.isfinite(losses), reached, np.nan)
    return Tables(layout, seeds, ratios, delays[:, ratios < 1], np.array(exact), np.array(formula), losses, reached)
