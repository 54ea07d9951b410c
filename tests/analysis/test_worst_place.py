"""The worst of many places: exact laws stand, false ones fall, few rows decide nothing, and who is the furthest."""

import numpy as np
import pytest

from gendyn.analysis import (
    agreement,
    finding,
    largest_seen,
    median,
    median_over_seeds,
    ratio_of_medians,
    share_interval,
    unknown,
    worst_place,
)
from gendyn.core import ConfigError

INF, NAN = np.inf, np.nan
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(20, 8))
OFF = np.append(np.zeros(7), -3.0)


def test_an_exact_law_at_fifty_places_is_not_refuted():
    """The percentiles of a resampled largest error refute it in 150 of 150: they have its bias twice."""
    random, verdicts = np.random.default_rng(1), []
    for _ in range(60):
        rows = 1.0 + random.normal(0.0, 1.0, [400, 50])
        verdicts.append(agreement("", rows, 1.0, tolerance=0.1).decided(0.9))
        assert agreement("", rows + 0.6, 1.0, tolerance=0.1).decided(0.9) == "refuted"
    assert verdicts.count("refuted") <= 2
    assert agreement("", 1.0 + random.normal(0.0, 1.0, [40_000, 50]), 1.0, tolerance=0.1).decided(0.9) == "supported"


@pytest.mark.parametrize("of", ["means", "medians"])
def test_the_interval_holds_its_estimate(of):
    for which in ("largest", "smallest", "distance", "furthest"):
        for seed in range(20):
            found = worst_place(None, np.random.default_rng(seed).normal(size=(12, 30)), of=of, which=which)
            assert found.low <= found.estimate <= found.high


def test_one_place_is_that_place():
    one = ROWS[:, :1]
    expected = median_over_seeds(one[:, 0])
    for which in ("largest", "smallest", "furthest"):
        assert worst_place(None, one, of="medians", which=which)[:3] == pytest.approx(expected[:3])
    far = worst_place(None, one + 5.0, of="medians", which="distance", centre=2.0)
    assert far[:3] == pytest.approx(np.array(expected[:3]) + 3.0)


def test_smallest_mirrors_largest_and_a_statistic_may_be_of_several_tables():
    largest, smallest = worst_place(None, ROWS), worst_place(None, -ROWS, which="smallest")
    assert smallest[:3] == (-largest.estimate, -largest.high, -largest.low)
    moved = worst_place(lambda a, b: a - b, ROWS + 1.0, np.zeros_like(ROWS))
    np.testing.assert_allclose(moved[:3], np.array(largest[:3]) + 1.0)
    shape = worst_place(None, ROWS.reshape(20, 2, 4))
    assert shape == largest and shape.at(0.5) == largest.at(0.5)


def test_the_high_end_is_that_of_one_place_and_the_low_end_that_of_all():
    """More places that are far from the worst widen the low end alone."""
    few, many = (
        worst_place(None, np.append(ROWS[:, :1] + 9.0, np.tile(ROWS[:, 1:], times), axis=1)) for times in (1, 9)
    )
    one = worst_place(None, ROWS[:, :1] + 9.0)
    assert few.high == many.high == one.high and many.low < few.low < one.low


def test_the_furthest_is_signed_and_unsure_of_its_side_where_both_may_be():
    far = worst_place(None, ROWS + OFF, which="furthest")
    assert far.low < far.estimate < far.high < 0.0
    both = worst_place(None, ROWS + np.append(np.zeros(6), [2.0, -2.0]), which="furthest")
    assert both.low < -2.0 and both.high > 2.0
    ratios = np.exp(0.1 * ROWS) * np.append(np.ones(7), 0.25)
    found = worst_place(None, ratios, of="medians", which="furthest", centre=1.0, by_ratio=True)
    assert found.low < found.estimate < found.high < 0.3
    # By difference 1.9 is further from 1 than 0.25 is.
    pair = np.exp(0.01 * ROWS[:, :2]) * [0.25, 1.9]
    assert worst_place(None, pair, which="furthest", centre=1.0).low > 1.8
    assert worst_place(None, pair, which="furthest", centre=1.0, by_ratio=True).high < 0.3
    beyond = np.append(pair, np.full((20, 1), INF), axis=1)
    assert worst_place(None, beyond, of="medians", which="furthest", centre=1.0, by_ratio=True)[:3] == (INF, INF, INF)


def test_shares_resamples_and_what_is_not_known():
    did = np.arange(12)[:, None] < [12, 9, 11]
    shares = worst_place(None, did, of="shares", which="smallest")
    assert shares.estimate == 0.75 and shares.low == pytest.approx(share_interval(did[:, 1]).low)
    every = worst_place(None, np.ones((12, 3)), of="shares", which="smallest")
    assert every.estimate == 1.0 and every.low < 0.9, "twelve of twelve are no proof of all"
    rows = np.exp(ROWS)
    assert worst_place(ratio_of_medians, 2.0 * rows, rows, of="rows")[:3] == (2.0, 2.0, 2.0)
    assert worst_place(lambda a, b: a / b, 2.0 * rows, rows, of="medians").low == 2.0
    absent = np.append(ROWS, np.full((20, 1), NAN), axis=1)
    for of in ("means", "medians"):
        found = worst_place(None, absent, of=of)
        assert np.isnan(found.estimate) and found[1:3] == (-INF, INF) and found.at(0.5) == (-INF, INF)
    assert repr(worst_place(None, ROWS[:0])) == repr(unknown())
    assert worst_place(None, ROWS[:4])[1:3] == (-INF, INF)
    diverged = worst_place(lambda rows: median(rows), np.where(np.arange(20)[:, None] < 19, INF, ROWS), of="rows")
    assert diverged.low == INF and finding("", diverged, high=1.0).decided(0.9) == "refuted"


def test_bad_arguments():
    with pytest.raises(ConfigError, match="no place"):
        worst_place(None, np.zeros((5, 0)))
    with pytest.raises(ConfigError, match=r"tables have \[20, 5\] rows"):
        worst_place(lambda a, b: a - b, ROWS, ROWS[:5])
    with pytest.raises(ConfigError, match="which = 'worst'"):
        worst_place(None, ROWS, which="worst")
    with pytest.raises(ConfigError, match="of = 'modes'"):
        worst_place(None, ROWS, of="modes")
    with pytest.raises(ConfigError, match=r"level = 1\.0"):
        worst_place(None, ROWS, level=1.0)


def test_the_largest_seen_is_a_point_about_these_rows():
    errors = np.full((9, 3), 1e-9)
    assert largest_seen(errors)[:3] == (1e-9, 1e-9, 1e-9)
    errors[4, 1] = 1e-3
    assert finding("in every row", largest_seen(errors), high=1e-6).decided(0.9) == "refuted"
    assert largest_seen(errors[:4]).at(0.9) == (-INF, INF) != largest_seen(errors[:4]).at(0.8)
    for broken in (errors[:0], np.append(errors, [[NAN] * 3], axis=0)):
        assert repr(largest_seen(broken)) == repr(unknown())
