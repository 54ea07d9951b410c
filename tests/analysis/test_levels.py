"""Every interval gives its ends at other levels: those that it would have been made with, nested, and by one rule."""

import numpy as np
import pytest

from gendyn import analysis
from gendyn.analysis import Crossing, Delay, Interval, Places

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.lognormal(size=12)
TABLE = RANDOM.lognormal(size=(12, 4))
OTHER = RANDOM.lognormal(size=12)
SEEN = np.arange(12) < 9
TIMES = np.where(SEEN, 100.0 + 10.0 * np.arange(12), 300.0)
EARLY = np.where(SEEN & (np.arange(12) != 4), TIMES, 90.0)
FAST, SLOW = Crossing(TIMES, TIMES - 10.0, SEEN), Crossing(4.0 * TIMES, 4.0 * TIMES - 10.0, SEEN)
MADE = {
    "unknown": lambda level: analysis.unknown(level),
    "expanded": lambda level: analysis.bootstrap(analysis.median, ROWS, level=level),
    "percentile": lambda level: analysis.bootstrap(analysis.mean, ROWS, level=level, method="percentile"),
    "bca": lambda level: analysis.bootstrap(analysis.mean, ROWS, level=level, method="bca"),
    "median_over_seeds": lambda level: analysis.median_over_seeds(ROWS, level=level),
    "mean_over_seeds": lambda level: analysis.mean_over_seeds(ROWS, level=level),
    "of_means": lambda level: analysis.of_means(analysis.largest, TABLE, level=level),
    "of_medians": lambda level: analysis.of_medians(analysis.smallest, TABLE, level=level),
    "worst mean": lambda level: analysis.worst_place(None, TABLE, which="distance", centre=1.0, level=level),
    "worst median": lambda level: analysis.worst_place(None, TABLE, of="medians", which="smallest", level=level),
    "furthest": lambda level: analysis.worst_place(
        None, TABLE, which="furthest", by_ratio=True, centre=1.0, level=level
    ),
    "worst share": lambda level: analysis.worst_place(None, TABLE > 1.0, of="shares", level=level),
    "largest_seen": lambda level: analysis.largest_seen(TABLE, level=level),
    "mapped": lambda level: analysis.mapped(analysis.mean_over_seeds(ROWS, level=level), np.exp),
    "consistency": lambda level: analysis.consistency(TABLE, 1.0, level=level),
    "share_interval": lambda level: analysis.share_interval(SEEN, level=level),
    "difference_of_shares": lambda level: analysis.difference_of_shares(SEEN, ~SEEN, level=level),
    "paired_difference": lambda level: analysis.paired_difference_of_shares(SEEN, ~SEEN, level=level),
    "median_time": lambda level: analysis.median_time(TIMES, SEEN, level=level),
    "median_time, censored early": lambda level: analysis.median_time(EARLY, EARLY > 90.0, level=level),
    "speed_up": lambda level: analysis.speed_up(SLOW, FAST, level=level).interval,
    "share_of_speed_up": lambda level: analysis.share_of_speed_up(SLOW, FAST, [FAST], level=level),
    "median_place": lambda level: analysis.median_place(Places(ROWS, 2.0 * ROWS), level=level),
    "ratio_of_places": lambda level: analysis.ratio_of_places(Places(ROWS, ROWS), Places(OTHER, OTHER), level=level),
    "median_delay": lambda level: analysis.median_delay(Delay(ROWS, ROWS - 1.0, ROWS + 1.0, SEEN), level=level),
}


@pytest.mark.parametrize("name", MADE)
def test_other_levels_are_those_that_it_would_have_been_made_with(name):
    made = MADE[name](0.9)
    assert made.at is not None and made.at(0.9) == made[1:3]
    before = (np.inf, -np.inf)
    for level in (0.5, 0.8, 0.95, 0.99, 0.9999):
        ends = made.at(level)
        assert ends == MADE[name](level)[1:3]
        assert ends[0] <= before[0] and ends[1] >= before[1], "intervals of higher levels hold those of lower ones"
        before = ends


@pytest.mark.parametrize(
    "name", ["expanded", "percentile", "bca", "median_over_seeds", "mean_over_seeds", "consistency", "median_time"]
)
def test_a_level_that_the_rows_cannot_give_says_nothing(name):
    """12 rows give at most 1 - 2^-11 = 0.99951."""
    assert MADE[name](0.9).at(0.9996) == (-np.inf, np.inf) != MADE[name](0.9).at(0.9995)


def test_intervals_are_compared_and_shown_without_it():
    with_levels, without = MADE["share_interval"](0.9), Interval(*MADE["share_interval"](0.9)[:5])
    assert without.at is None and with_levels == without and hash(with_levels) == hash(without)
    assert with_levels != without._replace(low=0.0)
    assert repr(with_levels) == repr(without) and "at=" not in repr(with_levels)
    assert with_levels == (*without[:5],) and with_levels != 3
    assert analysis.spanning(with_levels, without).at is None
