"""Intervals: closed forms, calibration of their coverage, and what they say when they cannot know."""

import numpy as np
import pytest

from gendyn.analysis import (
    Interval,
    attainable_level,
    bootstrap,
    finding,
    geometric_interval,
    mean_interval,
    median_interval,
    spanning,
    unknown,
)
from gendyn.core import ConfigError


def mean(rows):
    return rows.mean(axis=1)


def median(rows):
    return np.median(rows, axis=1)


def coverage(statistic, truth, draw, num_sets=200, **kwargs):
    """Share of synthetic data sets whose interval holds the truth."""
    random = np.random.default_rng(0)
    hits = 0
    for seed in range(num_sets):
        interval = bootstrap(statistic, draw(random), seed=seed, num_resamples=500, **kwargs)
        hits += interval.low <= truth <= interval.high
    return hits / num_sets


# The order-statistic law fixes the median's coverage at five seeds: min to max holds it with probability 1 - 2^-4.
@pytest.mark.parametrize(
    ("statistic", "num_seeds", "expected"), [(median, 5, 0.9375), (mean, 10, 0.9), (mean, 30, 0.9)]
)
def test_coverage_is_nominal_within_binomial_error(statistic, num_seeds, expected):
    found = coverage(statistic, 0.0, lambda random: random.normal(size=num_seeds), level=0.9)
    assert abs(found - expected) < 3.0 * np.sqrt(expected * (1 - expected) / 200)


def test_plain_percentile_undercovers_at_five_seeds_and_expanded_repairs_most_of_it():
    """Why "expanded" is the default: an interval that ignores the sample size would not show this difference."""

    def draw(random):
        return random.normal(size=5)

    plain, expanded = (coverage(mean, 0.0, draw, level=0.9, method=method) for method in ("percentile", "expanded"))
    assert plain < 0.84 < expanded


def test_bca_follows_the_skew_of_the_data():
    rows = np.random.default_rng(1).lognormal(size=40)
    plain, bca = (bootstrap(mean, rows, method=method) for method in ("percentile", "bca"))
    assert bca.low > plain.low and bca.high > plain.high
    symmetric = np.concatenate([rows - rows.mean(), rows.mean() - rows])
    interval = bootstrap(mean, symmetric, method="bca", num_resamples=5000)
    assert abs(interval.low + interval.high) < 0.15 * (interval.high - interval.low)


def test_rows_stay_paired():
    """The difference of two equal columns is 0 in every resample; drawn apart, it would not be."""
    rows = np.random.default_rng(2).normal(size=(8, 3))
    interval = bootstrap(lambda a, b: (a - b).mean(axis=(1, 2)), rows, rows.copy())
    assert interval[:3] == (0.0, 0.0, 0.0)


def test_same_seed_same_interval_and_another_seed_another():
    rows = np.random.default_rng(3).normal(size=20)
    assert bootstrap(mean, rows, seed=4) == bootstrap(mean, rows, seed=4)
    assert bootstrap(mean, rows, seed=4) != bootstrap(mean, rows, seed=5)


@pytest.mark.parametrize("method", ["expanded", "percentile", "bca"])
def test_interval_is_equivariant_under_shift_and_scale(method):
    rows = np.random.default_rng(4).normal(size=12)
    one, other = bootstrap(mean, rows, method=method), bootstrap(mean, 3.0 * rows + 5.0, method=method)
    np.testing.assert_allclose(np.array(other[:3]), 3.0 * np.array(one[:3]) + 5.0)


def test_undefined_resamples_may_lie_anywhere():
    rows = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])

    def first_is_known(values):
        return np.where(np.isnan(values).sum(axis=1) > 1, np.nan, np.nanmean(values, axis=1))

    interval = bootstrap(first_is_known, rows)
    assert 0.5 < interval.defined < 1.0
    assert interval.low == -np.inf and interval.high == np.inf


def test_too_few_rows_say_nothing_rather_than_too_much():
    assert attainable_level(1) == 0.0
    for num_rows in (1, 2, 4):
        assert bootstrap(mean, np.arange(num_rows, dtype=float), level=0.9)[1:3] == (-np.inf, np.inf)
    assert np.isfinite(bootstrap(mean, np.arange(5.0), level=0.9).low)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"level": 1.0}, r"level = 1.0 must be in \(0, 1\)"),
        ({"method": "bcaa"}, "method = 'bcaa' must be one of expanded, percentile, bca"),
        ({"num_resamples": 10}, "num_resamples = 10 must be an integer of at least 100"),
    ],
)
def test_bad_arguments(kwargs, match):
    with pytest.raises(ConfigError, match=match):
        bootstrap(mean, np.arange(5.0), **kwargs)


def test_rows_of_unequal_number():
    with pytest.raises(ConfigError, match=r"arrays have \[5, 4\] rows"):
        bootstrap(lambda a, b: mean(a), np.arange(5.0), np.arange(4.0))
    with pytest.raises(ConfigError, match=r"arrays have \[5, 0\] rows"):
        bootstrap(lambda a, b: mean(a), np.arange(5.0), np.zeros(0))
    with pytest.raises(ConfigError, match=r"arrays have \[\] rows"):
        bootstrap(mean)


def test_no_rows_are_unknown_and_decide_nothing():
    """Negative control: the statistic is not even called; five equal rows are a point."""

    def refuses(rows):
        raise AssertionError("called without rows")

    for empty in (np.zeros(0), np.zeros((0, 3))):
        found = bootstrap(refuses, empty, level=0.8)
        assert np.isnan(found.estimate) and found[1:5] == (-np.inf, np.inf, 0.8, 0.0)
        assert repr(found) == repr(unknown(0.8))
    assert finding("something", unknown(), low=0.0).decided(0.9) == "undecided"
    assert bootstrap(mean, np.ones(5))[1:3] == (1.0, 1.0)


def test_spanning_takes_the_outer_ends_and_the_fewer_defined():
    low, high = Interval(2.0, 1.0, 3.0, 0.9, 0.8), Interval(4.0, -np.inf, np.inf, 0.9, 1.0)
    assert spanning(low, high) == (2.0, 1.0, np.inf, 0.9, 0.8)
    assert spanning(low, high, estimate=7.0).estimate == 7.0


def test_median_interval_is_exact():
    """20 seeds: the 6th and 15th order statistic cover with 1 - 2 P(Bin(20, 1/2) < 6) = 0.9586."""
    band = median_interval(np.arange(20.0)[:, None], level=0.95)
    assert (band.low[0], band.high[0]) == (5.0, 14.0)
    assert band.level == pytest.approx(0.95861, abs=1e-5)
    values = np.random.default_rng(5).lognormal(size=(20, 2000))
    band = median_interval(values, level=0.95)
    found = np.mean((band.low <= 1.0) & (band.high >= 1.0))
    assert abs(found - 0.9586) < 3 * np.sqrt(0.9586 * 0.0414 / 2000)


def test_median_interval_of_thousands_of_redraws():
    """The normal limit: 0.5 -+ 1.645 / (2 sqrt(S)) of the ranks."""
    band = median_interval(np.arange(6000.0), level=0.9)
    assert band.level == pytest.approx(0.9, abs=0.005)
    assert 3000 - band.low == pytest.approx(1.645 * np.sqrt(6000) / 2, abs=2) == band.high - 2999


def test_median_interval_says_the_level_it_has():
    assert median_interval(np.arange(2.0)).level == 0.5
    assert median_interval(np.arange(1.0)).level == 0.0
    band = median_interval(np.array([[1.0, np.nan], [2.0, 1.0], [np.inf, 1.0]]))
    assert band.centre[0] == 2.0 and band.high[0] == np.inf and np.isnan([band.low[1], band.high[1]]).all()


def test_mean_interval_covers_and_knows_nothing_from_one_row():
    band = mean_interval(np.random.default_rng(6).normal(size=(5, 2000)), level=0.9)
    found = np.mean((band.low <= 0.0) & (band.high >= 0.0))
    assert abs(found - 0.9) < 3 * np.sqrt(0.09 / 2000)
    assert mean_interval(np.ones((1, 2))).low.tolist() == [-np.inf, -np.inf]


def test_geometric_interval_is_students_of_the_logarithms():
    rows = np.random.default_rng(7).lognormal(size=(9, 3))
    band, logs = geometric_interval(rows, level=0.8), mean_interval(np.log(rows), level=0.8)
    np.testing.assert_array_equal([band.centre, band.low, band.high], np.exp([logs.centre, logs.low, logs.high]))
    assert band.level == 0.8
    one = geometric_interval(np.full((1, 2), 3.0))
    assert one.low.tolist() == [0.0, 0.0] and one.high.tolist() == [np.inf, np.inf]
