"""Which runs generalise and how late, and whether the closed forms say when."""

import math

import numpy as np

from gendyn import analysis
from gendyn.analysis import finding
from gendyn.experiments.grokking.grokking_linear.tables import ACCURACY, tables
from gendyn.types import Dataset, Finding

TOLERANCE_AT_HALF, TOLERANCE = 0.10, 0.15
"""Relative error of a delay that still counts as agreement: at ratio 0.5, and across ratios below 1."""
FLOOR_TOLERANCE = 0.10


def verdict(ds: Dataset) -> list[Finding]:
    """Seven findings; seeds with a run that is missing or under way are left out of all."""
    found = tables(ds)
    below, above = found.ratios[found.ratios < 1], found.ratios > 1
    half, larger = int(np.argmin(np.abs(below - 0.5))), found.ratios[above]
    errors, unit = found.delays / found.exact - 1.0, "measured / exact delay - 1"
    left = found.losses[:, above] * larger / (larger - 1.0) - 1.0
    exact, check = "the interval is Clopper and Pearson's.", "check"
    share = f"share of runs that reach {ACCURACY:.0%} test accuracy"
    # A run that diverged has not generalised; above 1, where that would be for the claim, it is unknown.
    learnt = finding(
        "Below ratio 1 runs generalise.",
        analysis.share_interval(np.nan_to_num(found.reached[:, ~above])),
        low=0.5,
        unit=share,
        detail=f"Of {found.reached[:, ~above].size} runs; {exact}{found.runs.seeds.sentence}",
        role="exploratory",
    )
    never = finding(
        "Above ratio 1 no run generalises.",
        analysis.share_interval(found.reached[:, above]),
        high=0.5,
        unit=share,
        detail=f"Of {found.reached[:, above].size} runs; {exact}",
        given=(learnt,),
    )
    grows = finding(
        "The delay grows with the ratio up to 1.",
        analysis.mean_over_seeds(analysis.spearman(below, found.delays)) if len(below) > 2 else analysis.unknown(),
        low=0.0,
        unit="rank correlation of delay and ratio",
        detail=f"Spearman's, at {len(below)} ratios; mean over seeds, each ratio with data of its own.",
        given=(learnt,),
    )
    formula = finding(
        "The small-tolerance formula overstates the delay at ratio 0.5.",
        analysis.median_over_seeds(found.delays[:, half] / found.formula[half]),
        high=0.9,
        unit="measured delay / formula",
        detail=f"Median over seeds; the formula gives {found.formula[half]:.0f} steps.",
        given=(learnt,),
    )
    measured = float(np.median(found.delays[:, half])) if len(errors) else math.nan
    at_half = finding(
        "At ratio 0.5 the delay between training and test is the one of the exact integrals.",
        analysis.median_over_seeds(errors[:, half]),
        low=-TOLERANCE_AT_HALF,
        high=TOLERANCE_AT_HALF,
        unit=unit,
        detail=f"Median over seeds; exact: {found.exact[half]:.0f} steps, measured: {measured:.0f}.",
        role=check,
    )
    across = finding(
        f"At every ratio from {below[0]:g} to {below[-1]:g} the delay is the one of the exact integrals.",
        analysis.worst_place(None, errors, of="medians", which="distance"),
        high=TOLERANCE,
        unit=f"largest |{unit}| over ratios",
        detail="Medians over seeds.",
        role=check,
    )
    floor = finding(
        "Above ratio 1 the test loss stops at 1 - 1 / ratio of what it was.",
        analysis.worst_place(None, left, which="distance"),
        high=FLOOR_TOLERANCE,
        unit="largest |share left / floor - 1| over ratios",
        detail=f"Means over seeds, at ratios {', '.join(f'{ratio:g}' for ratio in larger)}.",
        role=check,
    )
    return analysis.family([learnt, grows, never, formula, at_half, across, floor])
