"""Shares: closed forms of the exact interval, published values of Newcombe's, coverage, and what is not known."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from gendyn.analysis import difference_of_shares, paired_difference_of_shares, share_interval, unknown
from gendyn.core import ConfigError


def runs(count, total):
    return np.arange(total) < count


@pytest.mark.parametrize(("count", "total"), [(0, 7), (3, 8), (8, 8), (1, 1)])
def test_clopper_pearson_by_quantiles_of_the_beta_law(count, total):
    found = share_interval(runs(count, total), level=0.9)
    low = beta.ppf(0.05, count, total - count + 1) if count else 0.0
    high = beta.ppf(0.95, count + 1, total - count) if count < total else 1.0
    np.testing.assert_allclose(found[:3], [count / total, low, high])
    assert found[3:5] == (0.9, 1.0)


def test_clopper_pearson_covers_at_every_share():
    ends = [share_interval(runs(k, 6)) for k in range(7)]
    for share in np.linspace(0.01, 0.99, 25):
        covered = sum(binom.pmf(k, 6, share) for k, end in enumerate(ends) if end.low <= share <= end.high)
        assert covered >= 0.9


def test_newcombes_published_difference():
    """Newcombe (1998), table II (a): 56 / 70 less 48 / 80, method 10, 95 %: 0.0524 to 0.3339."""
    found = difference_of_shares(runs(56, 70), runs(48, 80), level=0.95)
    np.testing.assert_allclose(found[:3], [0.2, 0.0524, 0.3339], atol=5e-5)
    mirrored = difference_of_shares(runs(48, 80), runs(56, 70), level=0.95)
    np.testing.assert_allclose([-mirrored.high, -mirrored.low], [found.low, found.high])


def coverage(interval, correlation):
    """Share of drawn pairs of arms whose interval holds the true difference 0.3; answers of a seed are correlated."""
    random, hits = np.random.default_rng(0), 0
    for _ in range(250):
        common, own = random.random(20), random.random((2, 20))
        draws = np.where(random.random(20) < correlation, common, own)
        found = interval(draws[0] < 0.7, draws[1] < 0.4)
        hits += found.low <= 0.3 <= found.high
    return hits / 250


@pytest.mark.parametrize("interval", [difference_of_shares, paired_difference_of_shares])
def test_differences_of_independent_arms_cover(interval):
    assert abs(coverage(interval, 0.0) - 0.9) < 0.06


def test_pairs_are_judged_more_sharply_and_still_cover():
    assert coverage(paired_difference_of_shares, 0.8) > 0.86
    first, second = runs(12, 20), runs(9, 20)
    paired, apart = paired_difference_of_shares(first, second), difference_of_shares(first, second)
    assert paired.estimate == apart.estimate and paired.low > apart.low and paired.high < apart.high
    # Answers that exclude each other make it wider; one that never changes tells nothing of a correlation.
    assert paired_difference_of_shares(first, first[::-1]).high > difference_of_shares(first, first[::-1]).high
    always = np.ones(20)
    pair = paired_difference_of_shares(always, second), difference_of_shares(always, second)
    np.testing.assert_allclose(pair[0][:5], pair[1][:5])


def test_what_is_not_known_is_unknown():
    some, hole = runs(2, 4), np.array([1.0, 0.0, np.nan, 1.0])
    for found in (
        share_interval(np.zeros((0, 3))),
        share_interval(hole),
        difference_of_shares(some, np.zeros(0)),
        difference_of_shares(hole, some),
        paired_difference_of_shares(np.zeros(0), np.zeros(0)),
        paired_difference_of_shares(some, hole),
    ):
        assert repr(found) == repr(unknown(0.9))
    assert share_interval(some.reshape(2, 2)) == share_interval(some)


def test_bad_arguments():
    with pytest.raises(ConfigError, match="has holds other values than 0, 1 and NaN"):
        share_interval(np.array([0.5, 1.0]))
    with pytest.raises(ConfigError, match="second holds other values"):
        difference_of_shares(runs(1, 2), np.array([3]))
    with pytest.raises(ConfigError, match="first has 3 runs and second 4; pass pairs"):
        paired_difference_of_shares(runs(1, 3), runs(1, 4))
    with pytest.raises(ConfigError, match="level = 0"):
        share_interval(runs(1, 2), level=0)
