"""Delay at ratio one half and across, floor above 1, no generalisation there, and the small-tolerance formula."""

import math

import numpy as np

from gendyn.analysis import bootstrap, finding, largest_distance, mean, median, median_over_seeds, share_interval
from gendyn.experiments.grokking.grokking_linear.program import ACCURACY
from gendyn.experiments.grokking.grokking_linear.tables import tables
from gendyn.types import Dataset, Finding

TOLERANCE_AT_HALF, TOLERANCE = 0.10, 0.15
"""Relative error of a delay that still counts as agreement: at ratio 0.5, and across ratios below 1."""
FLOOR_TOLERANCE = 0.10


def verdict(ds: Dataset) -> list[Finding]:
    """Five findings; seeds with a run that is missing or under way are left out of all."""
    found = tables(ds)
    below, above = found.ratios[found.ratios < 1], found.ratios > 1
    half, larger = int(np.argmin(np.abs(below - 0.5))), found.ratios[above]
    errors, reached = found.delays / found.exact - 1.0, found.reached[:, above]
    left = found.losses[:, above] * larger / (larger - 1.0) - 1.0
    measured = float(np.median(found.delays[:, half])) if len(errors) else math.nan
    claim = "At ratio 0.5 the delay between training and test is the one of the exact integrals."
    error, unit = median_over_seeds(errors[:, half]), "measured / exact delay - 1"
    medians = (
        f"Median over seeds; exact: {found.exact[half]:.0f} steps, measured: {measured:.0f}.{found.seeds.sentence}"
    )
    at_half = finding(claim, error, low=-TOLERANCE_AT_HALF, high=TOLERANCE_AT_HALF, unit=unit, detail=medians)
    claim = f"At every ratio from {below[0]:g} to {below[-1]:g} the delay is the one of the exact integrals."
    worst = bootstrap(lambda rows: largest_distance(median(rows)), errors)
    biased = "Medians over seeds; the largest of several errors is biased upwards, against the claim."
    unit = "largest |measured / exact delay - 1| over ratios"
    across = finding(claim, worst, high=TOLERANCE, unit=unit, detail=biased)
    claim = "Above ratio 1 the test loss stops at 1 - 1 / ratio of what it was."
    worst = bootstrap(lambda rows: largest_distance(mean(rows)), left)
    unit = "largest |share left / floor - 1| over ratios"
    listed = f"Means over seeds, at ratios {', '.join(f'{ratio:g}' for ratio in larger)}."
    floor = finding(claim, worst, high=FLOOR_TOLERANCE, unit=unit, detail=listed)
    share, unit = share_interval(reached), f"share of runs that reach {ACCURACY:.0%} test accuracy"
    exact = f"Of {reached.size} runs; the interval is Clopper and Pearson's."
    never = finding("Above ratio 1 no run generalises.", share, high=0.5, unit=unit, detail=exact)
    claim = "The small-tolerance formula overstates the delay at ratio 0.5."
    ratio, unit = median_over_seeds(found.delays[:, half] / found.formula[half]), "measured delay / formula"
    gives = f"Median over seeds; the formula gives {found.formula[half]:.0f} steps."
    return [at_half, across, floor, never, finding(claim, ratio, high=0.9, unit=unit, detail=gives)]
