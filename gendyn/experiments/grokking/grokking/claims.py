"""Grokking in the middle of the grid, how the time to generalise falls, and what happens without weight decay."""

import math

import numpy as np

from gendyn.analysis import (
    arrival_times,
    finding,
    kendall_over_lines,
    least_delay_ratio,
    mean_over_seeds,
    median_over_seeds,
    record_steps,
    share_interval,
    tabulate,
)
from gendyn.experiments.grokking.grokking.tables import ACCURACY, DELAYED, crossings
from gendyn.types import Dataset, Finding


def verdict(ds: Dataset) -> list[Finding]:
    """Two findings on the middle cell, one on each axis, and one on networks without weight decay."""
    found = crossings(ds)
    layout, fractions, decays, keep = found.layout, found.fractions, found.decays, found.seeds.complete
    positive = np.flatnonzero(decays > 0)
    column, row = len(fractions) // 2, int(positive[len(positive) // 2])
    times = tabulate(layout, arrival_times(found.test))[:, :, keep]
    ratios = tabulate(layout, least_delay_ratio(found.train, found.test))[column, row, keep]
    cell = times[column, row]
    budget = float(np.nanmax(record_steps(ds)))

    where = f"at train fraction {fractions[column]:g} and weight decay {decays[row]:g}, the middle of the grid"
    generalises = finding(
        f"Networks generalise {where}.",
        share_interval(np.isfinite(cell)),
        low=0.5,
        unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy",
        detail=f"Within {budget:,.0f} steps; the interval is Clopper and Pearson's.{found.seeds.sentence}",
    )
    late = finding(
        f"Networks generalise late (grokking) {where}.",
        median_over_seeds(ratios),
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
        lines = np.moveaxis(times[:, positive], axis, 0)
        result.append(
            finding(
                f"The time to generalise falls with the {name}.",
                mean_over_seeds(kendall_over_lines(values, lines)),
                high=0.0,
                unit="Kendall's tau",
                detail=(
                    f"Between time and {name}, from {values[0]:g} to {values[-1]:g}, along each line of the grid on "
                    "which any run generalises; mean over lines, then over seeds. Runs that do not generalise tie last."
                ),
            )
        )
    if positive[0] > 0:
        result.append(
            finding(
                f"Without weight decay networks do not generalise within {budget:,.0f} steps.",
                share_interval(np.isfinite(times[:, 0]).any(axis=0)),
                high=0.5,
                unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy at any train fraction",
                detail=f"Train fractions up to {fractions[-1]:g}; the interval is Clopper and Pearson's.",
            )
        )
    return result
