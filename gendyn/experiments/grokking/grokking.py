"""Grokking: at which train fraction and weight decay does a network never generalise, generalise late, or at once?

Claim: A network that knows all its training equations of modular arithmetic learns the others much later (grokking),
but only between two regimes: with little weight decay or few equations it never does within the budget, with much of
both at once. The time to generalise falls with the train fraction and with the weight decay.

Refuted if: at the middle train fraction and weight decay the median ratio of the test to the training crossing of 95 %
is below 2, or fewer than half of the seeds generalise; Kendall's rank correlation between the time to generalise and
the train fraction, or the weight decay, is not below 0; half of the seeds generalise without weight decay. Runs that
the budget cuts off are later than all others and tie with each other. A seed draws its own initial weights and its own
split.

Cost: the default, 180 runs of 6,000 steps with 81 records, took 258 s of CPU time and 452 s of wall time on two x86-64
cores shared with several times their load. Found there: grokking in the middle cell, 7.3 [6.9, 7.7] times as many steps
to the test as to the training threshold; Kendall's tau -0.92 [-0.94, -0.90] with the train fraction and -0.91
[-0.95, -0.88] with the weight decay; no run of 36 without weight decay generalised. One cell alone is immediate.

Reference: Power, Burda, Edwards, Babuschkin & Misra (2022), Grokking, arXiv:2201.02177, figures 1 and 2; Liu et al.
(2022), Towards understanding grokking, arXiv:2205.10343 (phases); Gromov (2023), arXiv:2301.02679 (quadratic network).
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    DIVERGED,
    GROKKING,
    IMMEDIATE,
    NO_GENERALISATION,
    UNFINISHED,
    Crossing,
    Grid,
    Interval,
    bootstrap,
    finding,
    generalisation_delay,
    grid,
    grokking_phase,
    history,
    record_steps,
    run_status,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.plots import Curves, phase_diagram
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("data.train_fraction", "optim.weight_decay", "seed")
ACCURACY = 0.95
DELAYED = 2.0
"""From this ratio of test to training crossing on, generalisation is late; a convention."""
LEVEL = 0.9


class Table(NamedTuple):
    """What the runs did, on the grid of fractions ``F``, decays ``W`` and seeds ``S``."""

    layout: Grid
    train: Crossing
    test: Crossing
    """Every field ``[R]``."""
    finished: np.ndarray
    """bool ``[S]``: no run of the seed is missing or under way."""
    times: np.ndarray
    """``[F, W, S]``: step of the test crossing; ``inf`` where the budget ended before it."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def table(ds: "xarray.Dataset") -> Table:
    """Crossings of 95 % accuracy on the grid. A diverged run never arrives.

    Raises:
        ConfigError: fewer than two train fractions or positive weight decays, or an axis beyond :data:`AXES`.
    """
    layout = grid(ds, AXES)
    fractions, decays, _ = layout.axes.values()
    if len(fractions) < 2 or np.sum(decays > 0) < 2:
        raise ConfigError(
            f"the dataset has {len(fractions)} train fractions and {np.sum(decays > 0)} positive weight decays; the "
            "claims are about at least two of each."
        )
    status = run_status(ds)
    train, test = (
        time_to_threshold(record_steps(ds), 1.0 - history(ds, name), ACCURACY, never=status == DIVERGED)
        for name in ("train_error", "test_error")
    )
    done = tabulate(layout, status != UNFINISHED) == 1.0
    times = tabulate(layout, np.where(test.observed, test.time, np.inf))
    return Table(layout, train, test, done.all(axis=(0, 1)), times)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Shares of phases and median delays over the grid; below, accuracies of one cell for each phase."""
    found = table(ds)
    fractions, decays, _ = found.layout.axes.values()
    missing = found.layout.runs < 0
    kinds = grokking_phase(found.train, found.test, immediate=DELAYED)
    kinds = np.where(run_status(ds) == UNFINISHED, "", kinds)
    phases = np.where(missing, "", kinds[found.layout.runs])
    delay = generalisation_delay(found.train, found.test)
    delays = tabulate(found.layout, np.where(delay.observed, delay.time, np.inf))
    delays[(phases == "")] = np.nan
    medians = np.full(delays.shape[:2], np.nan)
    for i, j in np.ndindex(*medians.shape):
        known = np.sort(delays[i, j][~np.isnan(delays[i, j])])
        if len(known):
            medians[i, j] = known[len(known) // 2]  # the later of two middle ones: half or more that never do give inf
    steps = record_steps(ds)[0]
    accuracies = [tabulate(found.layout, 1.0 - history(ds, name)) for name in ("train_error", "test_error")]
    curves = []
    for phase in (NO_GENERALISATION, GROKKING, IMMEDIATE):
        cell = typical_cell(phases, phase)
        if cell is not None:
            label = f"{phase}\nfraction {fractions[cell[0]]:g}, decay {decays[cell[1]]:g}"
            train, test = (array[cell][phases[cell] != ""] for array in accuracies)
            curves.append(Curves(label, steps, train, test))
    return phase_diagram(
        fractions,
        decays,
        phases,
        medians,
        curves=curves,
        accuracy=ACCURACY,
        level=LEVEL,
        note=(
            f"crossings of {ACCURACY:.0%}; immediate: test by {DELAYED:g} x the training step; "
            f"no generalisation: not within {np.nanmax(steps):,.0f} steps"
        ),
    )


def typical_cell(phases: np.ndarray, phase: str) -> tuple[int, int] | None:
    """The cell of ``phases [F, W, S]`` with the largest share of a phase, of several the one nearest the middle.

    ``None`` where no cell has half of its seeds in that phase.
    """
    count = np.maximum(np.sum(phases != "", axis=2), 1)
    share = np.sum(phases == phase, axis=2) / count
    if share.max() < 0.5:
        return None
    middle = [(size - 1) / 2 for size in share.shape]
    best = np.argwhere(share == share.max())
    i, j = best[np.argmin(np.sum((best - middle) ** 2, axis=1))].tolist()
    return i, j


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Grokking in the middle cell, how time falls with fraction and decay, and what happens without decay.

    Seeds with a run that is missing or under way are left out of all findings.
    """
    found = table(ds)
    fractions, decays, _ = found.layout.axes.values()
    positive = np.flatnonzero(decays > 0)
    column, row = len(fractions) // 2, int(positive[len(positive) // 2])
    keep = found.finished
    left_out = "" if keep.all() else f" {np.sum(~keep)} of {len(keep)} seeds are left out."
    times = found.times[:, :, keep]
    cell = times[column, row]
    budget = float(np.nanmax(record_steps(ds)))

    where = f"at train fraction {fractions[column]:g} and weight decay {decays[row]:g}"
    generalises = finding(
        f"Networks generalise {where}, the middle of the grid.",
        share_interval(int(np.isfinite(cell).sum()), len(cell)),
        low=0.5,
        unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy",
        detail=f"Within {budget:,.0f} steps; the interval is Clopper and Pearson's." + left_out,
    )
    late = finding(
        f"They do so late {where} (grokking).",
        _median(_ratios(found)[column, row, keep]),
        low=DELAYED,
        unit="test / training crossing",
        detail=(
            f"Median over seeds of the record before the test crossing over that of the training crossing: the least "
            f"that the records allow. Median test crossing: step {np.median(cell) if len(cell) else math.nan:,.0f}."
        ),
        given=(generalises,),
    )
    result = [generalises, late]
    for name, values, axis in (("train fraction", fractions, 0), ("weight decay", decays[positive], 1)):
        lines = np.moveaxis(times[:, positive], axis, 0).reshape(len(values), -1, times.shape[2])
        result.append(
            finding(
                f"The time to generalise falls with the {name}.",
                _mean(rank_correlations(values, lines)),
                high=0.0,
                unit="Kendall's tau",
                detail=(
                    f"Between time and {name}, from {values[0]:g} to {values[-1]:g}, at fixed others, mean over lines "
                    "of the grid where any run generalises, then over seeds; runs that do not are tied last."
                ),
            )
        )
    if positive[0] > 0:
        ever = np.isfinite(times[:, 0]).any(axis=0)
        result.append(
            finding(
                f"Without weight decay networks do not generalise within {budget:,.0f} steps.",
                share_interval(int(ever.sum()), len(ever)),
                high=0.5,
                unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy at any train fraction",
                detail=f"Train fractions up to {fractions[-1]:g}; the interval is Clopper and Pearson's.",
            )
        )
    return result


def rank_correlations(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Kendall's tau-b between ``values [V]`` and ``times [V, L, S]``, mean over the lines ``L``: ``[S]``.

    A line on which no run arrives says nothing and is left out; one whose times are all the same counts 0.
    """
    from scipy.stats import kendalltau

    taus = np.full(times.shape[1:], np.nan)
    for line in np.ndindex(*taus.shape):
        column = times[(slice(None), *line)]
        if np.isfinite(column).any():
            tau = kendalltau(values, column).statistic
            taus[line] = 0.0 if np.isnan(tau) else tau
    counts = np.sum(~np.isnan(taus), axis=0)
    return np.where(counts > 0, np.nansum(taus, axis=0) / np.maximum(counts, 1), np.nan)


def share_interval(count: int, total: int) -> Interval:
    """Clopper and Pearson's interval of ``count`` out of ``total``; without any all of the line."""
    from scipy.stats import binomtest

    if total == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    low, high = binomtest(count, total).proportion_ci(LEVEL)
    return Interval(count / total, float(low), float(high), LEVEL, 1.0)


def _ratios(found: Table) -> np.ndarray:
    """Smallest ratio of test to training crossing ``[F, W, S]``; NaN where the training set is not fitted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(found.train.observed, np.maximum(found.test.previous, 0.0) / found.train.time, np.nan)
    return tabulate(found.layout, ratio)


def _median(values: np.ndarray) -> Interval:
    def middle(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.median(rows, axis=1))

    return _over_seeds(middle, values)


def _mean(values: np.ndarray) -> Interval:
    def average(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.mean(rows, axis=1))

    return _over_seeds(average, values)


def _over_seeds(statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> Interval:
    if len(values) == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    return bootstrap(statistic, values, level=LEVEL)
