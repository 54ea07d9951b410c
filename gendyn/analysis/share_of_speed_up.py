"""How much of a speed-up is an ingredient's own, where the same runs without it are faster than the baseline too."""

from collections.abc import Sequence

import numpy as np

from gendyn.analysis.accuracy import arrival_times
from gendyn.analysis.bootstrap import Interval, bootstrap, interval_of
from gendyn.analysis.statistics import median
from gendyn.analysis.time_to_threshold import Crossing
from gendyn.core import ConfigError


def share_of_speed_up(
    baseline: Crossing, arm: Crossing, controls: Sequence[Crossing], *, level: float = 0.9
) -> Interval:
    """Share of the log speed-up over a baseline that is left against the faster of the controls.

    With medians over paired seeds ``T_b`` (baseline), ``T_a`` (arm) and ``T_c`` (the smallest of the controls') it is
    ``(log T_c - log T_a) / (log T_b - log T_a)``: 1 if the controls gain nothing, 0 if they gain all. It is unknown
    where a median lies beyond the budget, or where there is no speed-up to divide. A baseline that is cut off counts as
    arriving then; as a later one brings the share nearer to 0, the interval is widened to 0.

    Args:
        baseline, arm: of the same seeds, fields ``[S]``.
        controls: at least one; each the arm without the ingredient.
        level: in (0, 1).

    Raises:
        ConfigError: no control, unequal numbers of runs, or ``level`` out of range.

    >>> spread, seen = np.array([0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2]), np.ones(7, bool)
    >>> slow, fast, between = (Crossing(step * spread, step * spread - 1.0, seen) for step in (8000.0, 1000.0, 2000.0))
    >>> round(share_of_speed_up(slow, fast, [between]).estimate, 3)  # log 2 / log 8
    0.333
    """
    if not controls:
        raise ConfigError("controls is empty; pass at least one arm without the ingredient.")

    def share(*rows: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            last, first, *others = (np.log(median(row)) for row in rows)
            control = np.min(others, axis=0)
            parts = (control - first) / (last - first)
        return np.where(np.isfinite(last) & np.isfinite(control) & (last > first), parts, np.nan)

    found = bootstrap(share, baseline.time, *(arrival_times(one) for one in (arm, *controls)), level=level)
    ends = found.at
    if baseline.observed.all() or ends is None:
        return found

    def widened(level: float) -> tuple[float, float]:
        low, high = ends(level)
        return min(low, 0.0), max(high, 0.0)

    return interval_of(found.estimate, widened, level, found.defined)
