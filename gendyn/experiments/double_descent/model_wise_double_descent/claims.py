"""What model-wise double descent claims of each level of label noise."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gendyn.analysis import (
    Interval,
    bootstrap,
    finding,
    geometric_mean,
    held_out_ratios,
    interpolation_threshold,
    median,
    median_over_seeds,
    peak_centre,
    spanning,
)
from gendyn.experiments.double_descent.model_wise_double_descent.tables import (
    Level,
    levels,
    num_equations,
    parameters_of,
)
from gendyn.types import Dataset, Finding

FACTOR = 2.0
"""How far from the threshold, in parameters, a peak still counts as being at it."""

Threshold = Callable[[np.ndarray], tuple[Any, Any]]
"""Training errors ``[B, S, W] -> (low [B], high [B])``: the threshold lies between the two."""


def verdict(ds: Dataset) -> list[Finding]:
    """Findings for each level of label noise, highest first, so that the control (0) comes last."""
    parameters, equations = parameters_of(ds), num_equations(ds)
    return [found for level in levels(ds) for found in _findings(level, parameters, equations)]


def _findings(level: Level, parameters: np.ndarray, equations: int) -> list[Finding]:
    at = f"at {level.noise:.0%} label noise" if level.noise > 0 else "without label noise (control)"
    held_out = "Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
    few = np.full(len(level.loss), math.nan)
    left, right = held_out_ratios(level.loss) if len(few) >= 2 else (few, few)
    exists = finding(
        f"Test loss has an interior peak {at}.",
        median_over_seeds(np.minimum(left, right)),
        low=1.0,
        unit="peak / higher of its two valleys",
        detail=held_out + level.left_out,
    )
    second = finding(
        f"Test loss descends a second time beyond the peak {at}.",
        median_over_seeds(right),
        low=1.0,
        unit="peak / lowest loss after it",
        detail=held_out,
        given=(exists,),
    )
    below = finding(
        f"The second descent goes below the first valley {at}.",
        median_over_seeds(left / right),
        high=1.0,
        unit="lowest loss after the peak / first valley",
        detail=held_out,
        given=(exists,),
    )
    thresholds: dict[str, Threshold] = {
        "the measured threshold": functools.partial(_measured, parameters),
        f"n K = {equations:,}": lambda _: (float(equations), float(equations)),
    }
    places = [
        finding(
            f"Test loss peaks within a factor {FACTOR:g} of {name} {at}.",
            _place(parameters, level, threshold),
            low=1.0 / FACTOR,
            high=FACTOR,
            unit="parameters at peak / at threshold",
            detail="The place of the peak is the centre of the interval above half its height, on the geometric mean "
            "over seeds. The bootstrap resamples seeds; the threshold adds its grid step.",
            given=(exists,),
        )
        for name, threshold in thresholds.items()
        if level.noise > 0
    ]
    return [exists, second, below, *places]


def _measured(parameters: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median run reaches zero training error between the two, ``[B]`` each."""
    found = interpolation_threshold(parameters, median(errors))
    return np.where(found.reached, found.previous, np.nan), found.value


def _place(parameters: np.ndarray, level: Level, threshold: Threshold) -> Interval:
    """Parameters at the peak over parameters at the threshold, as far apart and as close as seeds and grid allow."""

    def ratio(losses: np.ndarray, errors: np.ndarray, end: int) -> np.ndarray:
        # The geometric mean, not the median: the place depends on the whole curve, and on log-normal scatter the median
        # curve is the noisier one (tests/analysis/test_peaks.py).
        return np.asarray(peak_centre(parameters, geometric_mean(losses)) / threshold(errors)[end])

    lowest, highest = (bootstrap(functools.partial(ratio, end=end), level.loss, level.error) for end in (1, 0))
    return spanning(lowest, highest)
