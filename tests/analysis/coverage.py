"""How often intervals hold what they are about: simulated, or exactly for shares.

    python -m tests.analysis.coverage --page=docs/coverage.md

Each case draws rows of a law, makes the interval at a level of 90 %, and says whether the truth is below, in or above.
"""

import argparse
import functools
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom, multinomial

from gendyn import analysis
from gendyn.analysis import Crossing, Places

LAWS = ("normal", "t3", "lognormal")
COUNTS = (5, 7, 10, 20)
NUM_SETS = 600
CLOSED, RESAMPLED, COMPARED = 10, 0.5, 0.25
"""Of the number of sets: for intervals that are made many at once, by resampling, or shown for comparison only."""
LEVEL, ENOUGH, TOO_MUCH = 0.9, 0.88, 0.95
SEVENTY = {"normal": 0.5244, "t3": 0.5844, "lognormal": math.exp(0.5244)}
"""The quantile of each law beyond which runs are censored."""
MEANS = {"normal": 0.0, "t3": 0.0, "lognormal": math.exp(0.5)}
MEDIANS = {"normal": 0.0, "t3": 0.0, "lognormal": 1.0}
FAR = {"normal": 6.0, "t3": 8.0, "lognormal": 0.0}
"""Added where rows must be positive."""


class Case(NamedTuple):
    """An interval and its target."""

    name: str
    target: str
    draw: Callable[..., tuple[tuple[Any, Any], float]]
    """From a random state, a law and a number of rows to the ends and the truth; if ``part`` is ``CLOSED`` with the
    number of sets too, and ends ``[sets]``."""
    part: float = 1.0
    """Of the number of sets."""


def rows_of(random: np.random.Generator, law: str, *shape: int) -> np.ndarray:
    if law == "normal":
        return random.normal(size=shape)
    return random.standard_t(3, size=shape) if law == "t3" else random.lognormal(size=shape)


def pairs_of(random, law, count):
    """Two columns of the same law up to a factor of 2, which share one of their two parts."""
    common, one, other = rows_of(random, law, 3, count) + FAR[law]
    return 2.0 * (common + one), common + other


def halves_of(random, law, *shape):
    return 0.5 * rows_of(random, law, *shape)


def line_of(random, law, count):
    """Rows about a line of slope 1 at five places: a part of each place, and one of the row."""
    return np.arange(5.0) + rows_of(random, law, count, 5) + rows_of(random, law, count, 1)


def times_of(random, law, count):
    rows = rows_of(random, law, count)
    return 100.0 * rows if law == "lognormal" else 100.0 + 10.0 * rows


def censored(random, law, count, factor=1.0):
    """Runs with a budget that three in ten do not arrive in."""
    budget = 100.0 * SEVENTY[law] if law == "lognormal" else 100.0 + 10.0 * SEVENTY[law]
    times = np.ceil(np.maximum(factor * times_of(random, law, count), 1.0))
    seen = times <= factor * budget
    times = np.where(seen, times, math.floor(factor * budget))
    return Crossing(times, np.where(seen, times - 1.0, times), seen)


def places_of(random, law, *shape):
    """Crossings on a grid that three in ten lie beyond."""
    values, last = rows_of(random, law, *shape) + FAR[law], SEVENTY[law] + FAR[law]
    return Places(np.minimum(values, last), np.where(values > last, np.inf, values))


def taus_of(random, law, *shape):
    return analysis.kendall(np.arange(6.0), np.arange(6.0) + 2.0 * rows_of(random, law, *shape, 6))


@functools.cache
def true_tau(law: str, of: str) -> float:
    taus = taus_of(np.random.default_rng(7), law, 400_000)
    return float(getattr(np, of)(taus))


def errors_of(random, law, count, truth, *, centre, shared):
    """Errors at as many places as ``truth`` has, in units of the law's spread; ``shared``: of one part of each row."""
    size = (count, 1) if shared else (count, len(truth))
    own = 0.3 * rows_of(random, law, count, len(truth)) if shared else 0.0
    spread = rows_of(random, law, *size) - centre[law]
    return truth + spread + own - (0.3 * centre[law] if shared else 0.0)


def mean_ends(rows):
    """Of ``mean_over_seeds`` for each column; tests/analysis/test_coverage.py holds both together."""
    return analysis.smooth(lambda means: means, rows).ends((1.0 - LEVEL) / 2.0, 1)


def median_ends(rows):
    """Of ``median_over_seeds`` for each column."""
    return analysis.ranked(rows).ends((1.0 - LEVEL) / 2.0, 1)


def _band_ends(function):
    return lambda rows: function(rows, level=LEVEL)[1:3]


def _columns(ends, truth, rows=rows_of):
    """A case that is made many at once."""

    def draw(random, law, count, sets):
        return ends(rows(random, law, count, sets)), truth(law)

    return draw


def _place_ends(found):
    """Of ``median_place``."""
    return median_ends(found.low)[0], median_ends(found.high)[1]


def _plain(function: Callable[..., Any], target: dict[str, float], **options: Any) -> Callable[..., Any]:
    def draw(random, law, count):
        found = function(rows_of(random, law, count), **options)
        return (found.low, found.high), target[law]

    return draw


def _of(function: Callable[..., Any], rows: Callable[..., Any], truth: float | Callable[[str], float]):
    def draw(random, law, count):
        drawn = rows(random, law, count)
        found = function(*(drawn if isinstance(drawn, tuple) and not hasattr(drawn, "_fields") else (drawn,)))
        return (found.low, found.high), truth(law) if callable(truth) else truth

    return draw


def _worst(truth, target, *, of="means", which="distance", shared=False, percentile=False):
    centre = MEDIANS if of == "medians" else MEANS

    def draw(random, law, count):
        rows = errors_of(random, law, count, truth, centre=centre, shared=shared)
        if percentile:
            found = analysis.bootstrap(lambda drawn: analysis.largest_distance(getattr(analysis, of[:-1])(drawn)), rows)
        else:
            found = analysis.worst_place(None, rows, of=of, which=which)
        return (found.low, found.high), target

    return draw


EXACT, ONE_OFF = np.zeros(10), np.append(np.zeros(9), 1.0)
GRADED = np.linspace(-1.0, 0.9, 10)
_ratio = functools.partial(analysis.of_means, lambda a, b: a / b)
_slope = functools.partial(analysis.of_means, lambda means: analysis.slope(np.arange(5.0), means))
_slope_of_medians = functools.partial(analysis.of_medians, lambda middle: analysis.slope(np.arange(5.0), middle))
_geometric = functools.partial(analysis.of_means, np.exp)


def _percentile(statistic):
    return functools.partial(analysis.bootstrap, statistic)


_of_both = _percentile(analysis.ratio_of_medians)


def _band(rows):
    return analysis.geometric_interval(np.exp(rows), level=LEVEL)[1:3]


def _of_halves(law):
    return math.exp(0.5 * MEANS[law])


def _far_median(law):
    return MEDIANS[law] + FAR[law]


def _tau(of):
    return lambda law: true_tau(law, of)


def _places_ratio(above, below):
    return analysis.ratio_of_places(above, below)


def _two_places(random, law, count):
    return places_of(random, law, count), places_of(random, law, count)


def _median_time(found):
    return analysis.median_time(found.time, found.observed)


def _speed_up(baseline, arm):
    return analysis.speed_up(baseline, arm).interval


def _two_arms(random, law, count):
    return censored(random, law, count, 2.0), censored(random, law, count)


def _three_arms(random, law, count):
    seen = np.ones(count, bool)
    times = (f * np.maximum(times_of(random, law, count), 1.0) for f in (8.0, 1.0, 2.0))
    slow, fast, between = (Crossing(t, t, seen) for t in times)
    return slow, fast, [between]


CASES = (
    Case("mean_over_seeds", "mean", _columns(mean_ends, MEANS.get), CLOSED),
    Case("mean_interval (bands)", "mean", _columns(_band_ends(analysis.mean_interval), MEANS.get), CLOSED),
    Case("bootstrap, expanded", "mean", _plain(_percentile(analysis.mean), MEANS), COMPARED),
    Case("bootstrap, percentile", "mean", _plain(_percentile(analysis.mean), MEANS, method="percentile"), COMPARED),
    Case("bootstrap, bca", "mean", _plain(_percentile(analysis.mean), MEANS, method="bca"), COMPARED),
    Case("median_over_seeds", "median", _columns(median_ends, MEDIANS.get), CLOSED),
    Case("median_interval (bands)", "median", _columns(_band_ends(analysis.median_interval), MEDIANS.get), CLOSED),
    Case("bootstrap, expanded", "median", _plain(_percentile(analysis.median), MEDIANS), COMPARED),
    Case(
        "geometric_interval (bands)",
        "geometric mean; logarithms have the law",
        _columns(_band, _of_halves, halves_of),
        CLOSED,
    ),
    Case("of_means", "geometric mean; logarithms have the law", _of(_geometric, halves_of, _of_halves), RESAMPLED),
    Case("of_means", "ratio of means, paired", _of(_ratio, pairs_of, 2.0), RESAMPLED),
    Case("bootstrap, expanded", "the same", _of(_percentile(analysis.ratio_of_means), pairs_of, 2.0), COMPARED),
    Case("bootstrap, expanded", "ratio of medians, paired", _of(_of_both, pairs_of, 2.0), RESAMPLED),
    Case("of_means", "slope through five means", _of(_slope, line_of, 1.0), RESAMPLED),
    Case("of_medians", "slope through five medians", _of(_slope_of_medians, line_of, 1.0), RESAMPLED),
    Case("mean_over_seeds", "Kendall's tau of six", _columns(mean_ends, _tau("mean"), taus_of), CLOSED),
    Case("median_over_seeds", "Kendall's tau of six", _columns(median_ends, _tau("median"), taus_of), CLOSED),
    Case("median_place", "median, 3 in 10 censored", _columns(_place_ends, _far_median, places_of), CLOSED),
    Case("ratio_of_places", "ratio of medians, 3 in 10 censored", _of(_places_ratio, _two_places, 1.0), RESAMPLED),
    Case("median_time", "median, 3 in 10 censored", _of(_median_time, censored, 100.0)),
    Case("speed_up", "ratio of medians, 3 in 10 censored", _of(_speed_up, _two_arms, 2.0), RESAMPLED),
    Case("share_of_speed_up", "1 / 3", _of(analysis.share_of_speed_up, _three_arms, 1.0 / 3.0), RESAMPLED),
    Case("worst_place, means", "largest of 10 errors, all 0", _worst(EXACT, 0.0)),
    Case("bootstrap of the largest", "the same", _worst(EXACT, 0.0, percentile=True), COMPARED),
    Case("worst_place, means", "largest of 50 errors, all 0", _worst(np.zeros(50), 0.0)),
    Case("worst_place, means", "largest of 10 errors, one is 1", _worst(ONE_OFF, 1.0)),
    Case("bootstrap of the largest", "the same", _worst(ONE_OFF, 1.0, percentile=True), COMPARED),
    Case("worst_place, means", "of 10 errors from -1 to 0.9", _worst(GRADED, 1.0)),
    Case("worst_place, means", "the same, rows share a part", _worst(GRADED, 1.0, shared=True)),
    Case("worst_place, means", "largest signed of them", _worst(GRADED, 0.9, which="largest")),
    Case("worst_place, medians", "largest of 10 errors, all 0", _worst(EXACT, 0.0, of="medians")),
    Case("bootstrap of the largest", "the same", _worst(EXACT, 0.0, of="medians", percentile=True), COMPARED),
    Case("worst_place, medians", "of 10 errors from -1 to 0.9", _worst(GRADED, 1.0, of="medians")),
    Case("worst_place, medians", "furthest of them, signed", _worst(GRADED, -1.0, of="medians", which="furthest")),
)


def coverage(case: Case, law: str, count: int, num_sets: int = NUM_SETS) -> tuple[float, float]:
    """Shares of the sets whose interval lies above the truth, and below it."""
    random, above, below = np.random.default_rng([count, LAWS.index(law)]), 0, 0
    num_sets = max(1, round(num_sets * case.part))
    if case.part == CLOSED:
        (lows, highs), truth = case.draw(random, law, count, num_sets)
        return float(np.mean(lows > truth + 1e-9)), float(np.mean(highs < truth - 1e-9))
    for _ in range(num_sets):
        (low, high), truth = case.draw(random, law, count)
        # Sums of rounded numbers: what is 0 up to a rounding is 0.
        above += bool(low > truth + 1e-9)
        below += bool(high < truth - 1e-9)
    return above / num_sets, below / num_sets


def share_coverage(count: int) -> list[float]:
    """Exact coverages of ``share_interval`` over true shares from 0.02 to 0.98."""
    ends = [analysis.share_interval(np.arange(count) < k) for k in range(count + 1)]
    shares = np.linspace(0.02, 0.98, 49)
    hit = np.array([[e.low <= p <= e.high for e in ends] for p in shares])
    return list(np.sum(hit * binom.pmf(np.arange(count + 1), count, shares[:, None]), axis=1))


def difference_coverage(count: int) -> list[float]:
    """Of ``difference_of_shares``, both arms of ``count`` runs, over a grid of both shares."""
    found = {
        (i, j): analysis.difference_of_shares(np.arange(count) < i, np.arange(count) < j)
        for i, j in itertools.product(range(count + 1), repeat=2)
    }
    held = []
    for p, q in itertools.product(np.linspace(0.05, 0.95, 19), repeat=2):
        weights = np.outer(*(binom.pmf(np.arange(count + 1), count, each) for each in (p, q)))
        held.append(sum(weights[at] for at, e in found.items() if e.low - 1e-9 <= p - q <= e.high + 1e-9))
    return held


def paired_coverage(count: int) -> list[float]:
    """Of ``paired_difference_of_shares``, over a grid of both shares and of how they go together."""
    cells = [c for c in itertools.product(range(count + 1), repeat=3) if sum(c) <= count]
    tables = np.array([(*c, count - sum(c)) for c in cells])
    ends = []
    for both, only, back, neither in tables:
        first = np.repeat([1, 1, 0, 0], [both, only, back, neither])
        second = np.repeat([1, 0, 1, 0], [both, only, back, neither])
        ends.append(analysis.paired_difference_of_shares(first, second)[1:3])
    low, high = np.array(ends).T
    held = []
    for p, q, together in itertools.product(np.linspace(0.1, 0.9, 9), np.linspace(0.1, 0.9, 9), (0.0, 0.5, 0.9)):
        common = p * q + together * (min(p, q) - p * q)
        chances = np.maximum([common, p - common, q - common, 1 - p - q + common], 0.0)
        weights = multinomial.pmf(tables, count, chances / chances.sum())
        held.append(float(np.sum(weights[(low - 1e-9 <= p - q) & (p - q <= high + 1e-9)])))
    return held


SHARES = (
    ("share_interval", "share, 0.02 to 0.98", share_coverage),
    ("difference_of_shares", "difference, shares 0.05 to 0.95", difference_coverage),
    ("paired_difference_of_shares", "the same, pairs", paired_coverage),
)


def _cell(covered: float) -> str:
    text = f"{100 * covered:.1f}"
    return f"**{text}**" if covered < ENOUGH else f"{text} +" if covered > TOO_MUCH else text


def _error(num_sets: float) -> str:
    return f"{100 * math.sqrt(0.09 / num_sets):.1f}"


def page(num_sets: int = NUM_SETS) -> str:
    """The page docs/coverage.md."""
    head = f"| interval | of | rows | {' | '.join(f'S = {count}' for count in COUNTS)} |"
    lines = [
        "# Coverage of the intervals",
        "",
        "How many of the simulated intervals at a level of 90 % hold the true value, in %, for S rows of a normal law,",
        "of Student's with 3 degrees and of a log-normal one with sigma 1. Bold: below 88. A plus: above 95. Standard",
        f"errors are {_error(CLOSED * num_sets)} for means, medians and bands, {_error(num_sets)} for the worst of",
        f"places, {_error(RESAMPLED * num_sets)} for resampled intervals, and {_error(COMPARED * num_sets)} for means,",
        "medians and the largest by `bootstrap`, which stand beside what is used instead.",
        "",
        "This page is written by `python -m tests.analysis.coverage --page=docs/coverage.md`, not by hand.",
        "",
        head,
        "|" + " --- |" * (3 + len(COUNTS)),
    ]
    for case, law in itertools.product(CASES, LAWS):
        cells = (_cell(1.0 - sum(coverage(case, law, count, num_sets))) for count in COUNTS)
        lines.append(f"| `{case.name}` | {case.target} | {law} | {' | '.join(cells)} |")
    lines += ["", "Shares, computed and not simulated: the least and the mean over a grid of true shares.", ""]
    lines += [head.replace("rows", ""), "|" + " --- |" * (3 + len(COUNTS))]
    for name, target, function in SHARES:
        held = [function(count) for count in COUNTS]
        for what, reduced in (("least", min), ("mean", lambda each: sum(each) / len(each))):
            lines.append(f"| `{name}` | {target} | {what} | {' | '.join(_cell(reduced(each)) for each in held)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--sets", type=int, default=NUM_SETS)
    given = parser.parse_args()
    text = page(given.sets)
    print(text) if given.page is None else given.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
