"""Delays and final losses of every seed, beside those of the exact integrals."""

from typing import NamedTuple

import numpy as np

from gendyn import theory
from gendyn.analysis import (
    DIVERGED,
    Crossing,
    Grid,
    Seeds,
    arrival_times,
    config_of,
    final_values,
    generalisation_delay,
    grid,
    history,
    record_steps,
    run_status,
    seeds_first,
    seeds_of,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_linear.program import ACCURACY
from gendyn.types import Dataset

AXES = ("ratio", "seed")


class Tables(NamedTuple):
    """Of the ``S`` seeds that are finished at every one of ``L`` ratios."""

    layout: Grid
    seeds: Seeds
    ratios: np.ndarray
    """``[L]``."""
    below: np.ndarray
    """bool ``[L]``: the ratio is below 1; so it is at ``K`` of them."""
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


def crossings(ds: Dataset) -> tuple[Crossing, Crossing]:
    """When each run reaches 95 % on its training and on the fresh inputs, interpolated between records."""
    steps, never = record_steps(ds), run_status(ds) == DIVERGED
    train, test = (
        time_to_threshold(steps, history(ds, name), 1 - ACCURACY, direction="below", interpolate=True, never=never)
        for name in ("train_error", "test_error")
    )
    return train, test


def tables(ds: Dataset) -> Tables:
    """What the claims are about.

    Raises:
        ConfigError: no run at ratio 0.5.
    """
    layout, config = grid(ds, AXES), config_of(ds)
    ratios, seeds = layout.axes["ratio"], seeds_of(ds, layout)
    if not np.any(np.isclose(ratios, 0.5)):
        raise ConfigError("the dataset has no run at ratio 0.5, which the claims are about.")
    train, test = crossings(ds)
    below = ratios < 1

    def table(values: np.ndarray) -> np.ndarray:
        return seeds_first(tabulate(layout, values), seeds.complete)

    rate, smooth = config["learning_rate"], {"accuracy": ACCURACY, "tolerance": config["tolerance"]}
    exact = [theory.linear_grokking_delay(ratio, learning_rate=rate, **smooth) for ratio in ratios[below].tolist()]
    formula = [theory.linear_grokking_delay_limit(ratio, learning_rate=rate) for ratio in ratios[below].tolist()]
    losses = table(final_values(ds, "test_loss") / history(ds, "test_loss")[:, 0])
    return Tables(
        layout,
        seeds,
        ratios,
        below,
        table(arrival_times(generalisation_delay(train, test)))[:, below],
        np.array(exact),
        np.array(formula),
        losses,
        np.where(np.isfinite(losses), table(test.observed), np.nan),
    )
