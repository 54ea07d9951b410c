"""The last crossing of a level on a grid: interpolation, censoring, and intervals that know of it."""

import numpy as np
import pytest

from gendyn.analysis import Places, bootstrap, last_crossing, median, median_over_seeds, median_place, ratio_of_places
from gendyn.core import ConfigError

INF, NAN = np.inf, np.nan
X = np.array([0.1, 0.2, 0.4])


def test_the_last_upward_crossing_is_interpolated():
    found = last_crossing(X, np.array([[0.2, 0.7, 0.8], [0.7, 0.4, 0.6]]), 0.5)
    np.testing.assert_allclose(found.low, [0.16, 0.3])
    np.testing.assert_array_equal(found.high, found.low)
    np.testing.assert_array_equal(found.known, found.low)


def test_a_straight_line_crosses_where_it_does_and_falling_mirrors_rising():
    line = 2.0 * X - 0.3
    assert last_crossing(X, line, 0.2).known == pytest.approx(0.25)
    assert last_crossing(X, -line, -0.2, direction="falling").known == pytest.approx(0.25)
    power = np.log(X**-2.0)
    found = last_crossing(X, power, np.log(0.3**-2.0), direction="falling", logarithmic=True)
    assert found.known == pytest.approx(0.3)
    assert last_crossing(X, power, np.log(0.3**-2.0), direction="falling").known != pytest.approx(0.3, abs=1e-3)
    assert last_crossing(X, np.array([0.0, 0.5, 1.0]), 0.5).known == 0.2  # at the level is above it


def test_beyond_the_grid_only_bounds_are_known():
    rows = np.array([[0.6, 0.9, 0.9], [0.1, 0.2, 0.3]])
    found = last_crossing(X, rows, 0.5, ends=(0.0, 1.0))
    assert found.low.tolist() == [0.0, 0.4] and found.high.tolist() == [0.1, 1.0] and np.isnan(found.known).all()
    assert last_crossing(X, rows, 0.5).low[0] == -INF
    # Lazy to rich: not below the border at the largest scale, or nowhere above it.
    scales = np.array([0.1, 1.0, 10.0])
    errors = np.log([[1.0, 0.01, 1e-4], [0.05, 0.02, 0.01], [1.0, 0.5, 0.2]])
    border = last_crossing(scales, errors, np.log(0.1), direction="falling", logarithmic=True).known
    np.testing.assert_allclose(border, [np.sqrt(0.1), NAN, NAN])


def test_a_part_of_many_places():
    found = last_crossing(X, np.random.default_rng(0).random((4, 2, 3)), 0.5)
    part = found.at(np.s_[:, 1])
    np.testing.assert_array_equal(part.high, found.high[:, 1])
    assert part.low.shape == (4,)


def test_intervals_without_censoring_are_those_of_medians():
    places = np.random.default_rng(1).lognormal(size=(2, 9))
    one, other = (Places(each, each) for each in places)
    assert median_place(one) == median_over_seeds(places[0])
    expected = bootstrap(lambda a, b: median(a) / median(b), *places)
    assert ratio_of_places(one, other) == expected
    assert median_place(Places(2 * one.low, 2 * one.high)).estimate == 2 * median_place(one).estimate


def test_what_is_censored_widens_to_both_extremes():
    known = np.linspace(0.2, 0.26, 9)
    none, all_beyond = Places(np.zeros(9), np.full(9, 0.1)), Places(np.full(9, 0.4), np.ones(9))
    assert median_place(all_beyond)[:3] == (0.7, 0.4, 1.0)
    found = ratio_of_places(all_beyond, Places(known, known))
    assert found.low == pytest.approx(0.4 / 0.26, rel=0.1) and found.high == pytest.approx(1.0 / 0.2, rel=0.1)
    assert ratio_of_places(all_beyond, none).high == INF
    for empty in (median_place(none.at(slice(0))), ratio_of_places(none.at(slice(0)), none.at(slice(0)))):
        assert np.isnan(empty.estimate) and empty[1:3] == (-INF, INF) and empty.defined == 0.0


@pytest.mark.parametrize(
    ("x", "kwargs", "match"),
    [
        (X[::-1], {}, "x must hold two or more ascending places"),
        (X[:2], {}, r"x has shape \(2,\) and values \(3,\)"),
        (np.array([0.0, 1.0, 2.0]), {"logarithmic": True}, "positive on a logarithmic scale"),
        (X, {"direction": "up"}, "direction = 'up' must be one of rising, falling"),
    ],
)
def test_bad_arguments(x, kwargs, match):
    with pytest.raises(ConfigError, match=match):
        last_crossing(x, np.zeros(3), 0.5, **kwargs)
