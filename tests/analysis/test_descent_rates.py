"""Rates are those of the discrete decay, fitted before other modes leak in."""

import numpy as np
import pytest

from gendyn.analysis import descent_rates

STEPS = np.unique(np.geomspace(1, 3000, 60).round() - 1)
RATES = np.array([0.125, 0.01, 0.0])


def decay(rates, rate=2.0):
    return (1.0 - rate * rates) ** STEPS[None, :, None]


def test_rates_are_recovered_from_the_discrete_decay_and_not_as_exponents():
    found = descent_rates(STEPS, decay(RATES), RATES, learning_rate=2.0)
    np.testing.assert_allclose(found, RATES[None], rtol=1e-9, atol=1e-14)
    # At rate 0.125 and learning rate 2 an exponential would be 15 % off.
    assert -np.log1p(-2.0 * RATES[0]) / 2.0 > 1.12 * found[0, 0]


def test_rates_that_are_not_those_expected_are_recovered_too():
    found = descent_rates(STEPS, decay(0.8 * RATES), RATES, learning_rate=2.0)
    np.testing.assert_allclose(found, 0.8 * RATES[None], rtol=1e-9, atol=1e-14)


def test_what_leaks_in_late_does_not_count_and_without_a_record_there_is_no_rate():
    floored = np.maximum(decay(RATES[:2]), 0.05)
    np.testing.assert_allclose(descent_rates(STEPS, floored, RATES[:2], learning_rate=2.0), RATES[None, :2])
    late = STEPS[[0, -1]]
    assert np.isnan(descent_rates(late, np.ones((1, 2, 1)), np.array([0.125]), learning_rate=2.0)).all()
    assert descent_rates(STEPS, np.ones((1, len(STEPS), 1)), np.zeros(1), learning_rate=2.0) == pytest.approx(0.0)
