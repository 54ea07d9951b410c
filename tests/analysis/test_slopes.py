"""Least-squares lines, against numpy's."""

import numpy as np
import pytest
from scipy.stats import linregress

from gendyn.analysis import power, scatter, scatter_ratio, slope

X = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
Y = np.random.default_rng(0).lognormal(size=(3, 2, 5))


def test_slope_and_power_are_those_of_regressions():
    for index in np.ndindex(3, 2):
        assert slope(X, Y)[index] == pytest.approx(linregress(X, Y[index]).slope)
        assert power(X, Y)[index] == pytest.approx(np.polyfit(np.log(X), np.log(Y[index]), 1)[0])
    assert power(X, 3.0 * X**-1.5) == pytest.approx(-1.5)
    np.testing.assert_allclose(power(X, 7.0 * Y), power(X, Y), atol=1e-12)
    np.testing.assert_allclose(slope(X, Y + 3.0 * X), slope(X, Y) + 3.0)


def test_a_power_of_what_is_censored_is_unknown():
    rows = np.tile(X, (5, 1))
    rows[1, 0], rows[2, 4], rows[3, 2], rows[4, 1] = 0.0, np.inf, np.nan, -1.0
    assert np.isnan(power(X, rows)).tolist() == [False, True, True, True, True]


def test_scatter_is_what_a_line_leaves():
    x, y = np.random.default_rng(1).normal(size=(2, 12))
    y += x
    fit = linregress(x, y)
    left = np.sqrt(np.mean((y - fit.intercept - fit.slope * x) ** 2))
    assert scatter(y, np.stack([x, -x])).tolist() == pytest.approx([left, left])
    assert scatter(y, np.stack([x, -x]), rising=True).tolist() == pytest.approx([left, y.std()])
    assert scatter(2.0 * x + 1.0, x) == pytest.approx(0.0, abs=1e-12)


def test_a_ratio_of_scatters_is_about_two_lines():
    x, y, z = np.random.default_rng(2).normal(size=(3, 12))
    assert scatter_ratio(y, x, z) == pytest.approx(scatter(y, x) / scatter(y, z))
    # Only the first line has to rise.
    found = scatter_ratio(y, np.stack([y, -y]), -y + 0.1 * z, rising=True)
    assert found[0] == pytest.approx(0.0, abs=1e-12) and found[1] > 1.0
    assert not np.isfinite(scatter_ratio(3.0 * x, y, x)) or scatter_ratio(3.0 * x, y, x) > 1e6
