"""Rank correlations: scipy's, to the last bit for Kendall's, and one rule for ties, infinities, constants and NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from gendyn.analysis import kendall, kendall_over_lines, spearman
from gendyn.core import ConfigError

NAN, INF = np.nan, np.inf
COLUMNS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 2.5, INF]), st.sampled_from([-1.0, 0.0, 3.0, 7.0])), min_size=2, max_size=9
)


@settings(max_examples=60, deadline=None)
@given(COLUMNS)
def test_both_are_scipys_with_ties_and_0_for_a_constant(pairs):
    a, b = np.array(pairs).T
    constant = len(set(a)) == 1 or len(set(b)) == 1
    # scipy's Spearman takes the difference of infinities; any number larger than the others has the same rank.
    finite = np.where(np.isinf(a), 1e6, a)
    assert kendall(a, b) == (0.0 if constant else kendalltau(a, b).statistic)
    assert float(spearman(a, b)) == pytest.approx(0.0 if constant else spearmanr(finite, b).statistic)


@pytest.mark.parametrize("correlation", [spearman, kendall])
def test_invariances_and_the_ends(correlation):
    a, b = np.random.default_rng(0).normal(size=(2, 4, 8))
    found = correlation(a, b)
    assert found.shape == (4,) and (np.abs(found) < 1).all() and np.ptp(found) > 0.1
    np.testing.assert_allclose(correlation(np.exp(a), b**3), found)
    np.testing.assert_allclose(correlation(a, -b), -found)
    np.testing.assert_allclose(correlation(b, a), found)
    np.testing.assert_allclose(correlation(a, np.exp(a)), 1.0, rtol=1e-15)
    # Leading axes broadcast.
    np.testing.assert_array_equal(correlation(a[:1], b), [correlation(a[0], row) for row in b])


@pytest.mark.parametrize("correlation", [spearman, kendall])
def test_one_rule_for_constants_and_nan(correlation):
    x = np.array([1.0, 2.0, 3.0])
    rows = np.array([[5.0, 5.0, 5.0], [INF, INF, INF], [1.0, NAN, 3.0], [NAN, NAN, NAN], [1.0, INF, INF]])
    found = correlation(x, rows)
    assert found[:2].tolist() == [0.0, 0.0] and np.isnan(found[2:4]).all() and 0.8 < found[4] < 0.9
    assert np.isnan(correlation(np.ones(3), rows[2])) and np.isnan(correlation(rows[2], np.ones(3)))
    assert correlation(np.ones(1), np.ones(1)) == 0.0
    with pytest.raises(ConfigError, match=r"first \(3,\) and second \(5, 2\) must have equally long last axes"):
        correlation(x, rows[:, :2])


def test_lines_without_an_arrival_are_left_out_and_flat_ones_count():
    values = np.array([1.0, 2.0, 3.0])
    falling, flat, never = [[9.0], [5.0], [2.0]], [[4.0]] * 3, [[INF]] * 3
    assert kendall_over_lines(values, np.stack([falling, never], axis=1)).tolist() == [-1.0]
    assert kendall_over_lines(values, np.stack([falling, flat], axis=1)).tolist() == [-0.5]
    two_never = np.array([[INF], [INF], [5.0]])[:, None]
    assert kendall_over_lines(values, two_never) == pytest.approx(-2 / np.sqrt(6))
    assert np.isnan(kendall_over_lines(values, np.array(never)[:, None]))
    assert kendall_over_lines(values, np.zeros((3, 2, 0))).shape == (0,)
