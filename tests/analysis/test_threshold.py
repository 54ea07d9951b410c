"""Decades of a residual, and effective model complexity with both ends censored."""

import numpy as np
import pytest

from gendyn.analysis import (
    censored_threshold,
    crossing_in_decades,
    decades,
    interpolation_threshold,
    model_complexity,
)
from gendyn.core import ConfigError


def test_a_power_law_crosses_where_it_does_on_the_scale_of_decades_alone():
    x = np.array([10.0, 40.0])
    residual = 1e-7 * (x / 20.0) ** -10.0
    scale, level = decades(residual, 1e-7)
    assert censored_threshold(interpolation_threshold(x, scale, tolerance=level, interpolate=True)) == pytest.approx(20)
    assert crossing_in_decades(x, residual, 1e-7) == pytest.approx(20)
    assert np.isinf(crossing_in_decades(x, residual, 1e-15)) and crossing_in_decades(x, residual, 1e-2) == 0.0
    plain = interpolation_threshold(x, residual, tolerance=1e-7, interpolate=True)
    assert censored_threshold(plain) < 11 or censored_threshold(plain) > 30


def test_model_complexity_is_the_largest_number_that_is_fitted():
    num_train = np.array([16.0, 32.0, 64.0])
    largest = np.array([[10.0, 20.0], [40.0, 100.0]])
    residual = 1e-7 * (largest[..., None] / num_train) ** -10.0
    np.testing.assert_allclose(model_complexity(num_train, residual, 1e-7), [[0.0, 20.0], [40.0, np.inf]])


def test_bad_input_is_refused():
    for tolerance in (0.0, 1.0, 1e-17):
        with pytest.raises(ConfigError, match="must be in"):
            crossing_in_decades(np.array([1.0, 2.0]), np.ones(2), tolerance)
    with pytest.raises(ConfigError, match="must be positive, ascending and as long"):
        model_complexity(np.array([2.0, 1.0]), np.ones(2), 0.1)
