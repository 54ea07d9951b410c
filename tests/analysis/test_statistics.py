"""Statistics over rows and their intervals: definitions, what infinities and NaN mean, and no rows."""

import numpy as np
import pytest
from scipy.stats import gmean

from gendyn.analysis import (
    bootstrap,
    geometric_mean,
    mean,
    mean_over_seeds,
    median,
    median_over_seeds,
    of_means,
    of_medians,
    ranked,
    ratio_of_means,
    ratio_of_medians,
    smooth,
    unknown,
    upper_median,
)
from gendyn.core import ConfigError

NAN, INF = np.nan, np.inf
ROWS = np.random.default_rng(0).lognormal(size=(7, 6, 3))
STATISTICS = [(median, np.median), (mean, np.mean), (geometric_mean, gmean)]


@pytest.mark.parametrize(("statistic", "reference"), STATISTICS)
def test_statistics_reduce_rows_alone(statistic, reference):
    found = statistic(ROWS)
    assert found.shape == (7, 3)
    np.testing.assert_allclose(found, reference(ROWS, axis=1), rtol=1e-13)
    assert statistic(ROWS[:1, :1]).shape == (1, 3)


@pytest.mark.parametrize(("ratio", "statistic"), [(ratio_of_medians, median), (ratio_of_means, mean)])
def test_ratios_are_of_statistics_and_not_statistics_of_ratios(ratio, statistic):
    other = ROWS[::-1]
    np.testing.assert_array_equal(ratio(ROWS, other), statistic(ROWS) / statistic(other))
    assert not np.allclose(ratio(ROWS, other), statistic(ROWS / other))
    zero, one, never = np.zeros((1, 3)), np.ones((1, 3)), np.full((1, 3), INF)
    found = [ratio(*pair)[0] for pair in ((one, zero), (zero, zero), (never, never), (one, never))]
    np.testing.assert_array_equal(found, [INF, NAN, NAN, 0.0])


def test_medians_of_runs_that_never_arrive():
    rows = np.array([[INF, INF, 1.0, 2.0], [INF, INF, INF, 2.0], [INF, NAN, 1.0, 2.0], [-INF, -INF, INF, INF]])
    np.testing.assert_array_equal(median(rows), [INF, INF, NAN, NAN])
    np.testing.assert_array_equal(upper_median(np.array([1.0, 2.0, 3.0, 4.0])), 3.0)
    assert upper_median(np.array([1.0, NAN, 5.0, 2.0])) == 2.0 and np.isnan(upper_median(np.array([NAN])))


@pytest.mark.parametrize(("over_seeds", "statistic"), [(median_over_seeds, np.median), (mean_over_seeds, np.mean)])
def test_intervals_over_seeds_are_those_of_one_place(over_seeds, statistic):
    values = np.random.default_rng(1).normal(size=9)
    pointwise = ranked(values) if statistic is np.median else smooth(lambda means: means, values[:, None])
    found = over_seeds(values, level=0.8)
    assert found[:3] == (statistic(values), *(float(end[0]) for end in pointwise.ends(0.1, 1)))
    assert over_seeds(values + 5.0).low > over_seeds(values).low + 4.0  # negative control: not a constant
    assert repr(over_seeds(np.zeros(0))) == repr(unknown(0.9))
    assert over_seeds(values[:1])[:3] == (values[0], -INF, INF)
    assert over_seeds(np.append(values, NAN))[1:3] == (-INF, INF)
    with pytest.raises(ConfigError, match=r"level = 1\.5"):
        over_seeds(values, level=1.5)


def test_a_run_that_never_arrives_leaves_the_upper_end_open():
    found = median_over_seeds(np.array([1.0, 2.0, 3.0, 4.0, 5.0, INF, INF]))
    assert found.estimate == 4.0 and found.high == INF and np.isfinite(found.low)


def test_intervals_of_means_hold_the_bootstraps_and_the_jackknifes_and_no_more():
    rows = np.random.default_rng(0).lognormal(size=(12, 2))
    found, drawn = of_means(lambda a, b: a / b, *rows.T), bootstrap(ratio_of_means, *rows.T)
    low, high = (float(end[0]) for end in smooth(lambda a, b: a / b, *rows.T).ends(0.05, 1))
    assert found[:3] == (drawn.estimate, min(drawn.low, low), max(drawn.high, high))
    assert found.low < drawn.low or found.high > drawn.high


def test_intervals_of_medians_are_bootstraps_of_the_reduced_rows():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    found = of_medians(lambda a, b: a - b, rows[:, 0], rows[:, 1], level=0.8)
    assert found == bootstrap(lambda a, b: median(a) - median(b), *rows.T[:2], level=0.8)
