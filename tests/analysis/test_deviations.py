"""The worst of many places, against loops over places."""

import numpy as np
import pytest

from gendyn.analysis import furthest, largest, largest_distance, largest_error, largest_rise, smallest

VALUES = np.random.default_rng(0).lognormal(size=(5, 3, 4))


def test_against_loops_over_places():
    exact = np.arange(1.0, 5.0)
    np.testing.assert_array_equal(largest(VALUES), [max(row.ravel()) for row in VALUES])
    np.testing.assert_array_equal(smallest(VALUES), [min(row.ravel()) for row in VALUES])
    np.testing.assert_array_equal(largest_distance(VALUES, 2.0), [max(abs(v - 2) for v in row.flat) for row in VALUES])
    expected = [max(abs(row[i, p] / exact[p] - 1) for i in range(3) for p in range(4)) for row in VALUES]
    np.testing.assert_allclose(largest_error(VALUES, exact), expected)
    assert largest(VALUES[:, 0, 0]).tolist() == VALUES[:, 0, 0].tolist()  # one place


def test_an_unknown_place_makes_the_worst_unknown():
    values = VALUES.copy()
    values[1, 2, 3] = np.nan
    for worst in (largest, smallest, largest_distance, largest_rise):
        assert np.isnan(worst(values)).tolist() == [False, True, False, False, False]


def test_furthest_by_distance_and_by_ratio():
    values = np.array([[0.4, 1.0, 2.0], [0.0, 1.0, 90.0], [1.0, np.inf, 0.5]])
    assert furthest(values, 1.0).tolist() == [2.0, 90.0, np.inf]
    assert furthest(values, 1.0, by_ratio=True).tolist() == [0.4, 0.0, np.inf]
    assert furthest(10.0 * values[:1], 10.0, by_ratio=True).tolist() == [4.0]  # only the ratio counts
    assert furthest(np.full((1, 3), 7.0), 7.0).tolist() == [7.0]


def test_largest_rise_is_negative_only_where_all_fall():
    falling = np.array([[[8.0, 4.0, 3.0], [9.0, 3.0, 1.0]]])
    assert largest_rise(falling).tolist() == [-0.25] and largest_rise(falling, relative=False).tolist() == [-1.0]
    risen = falling.copy()
    risen[0, 1, 2] = 3.6
    assert largest_rise(risen) == pytest.approx(0.2) and largest_rise(risen, relative=False) == pytest.approx(0.6)
