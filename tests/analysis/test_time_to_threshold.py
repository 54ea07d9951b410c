"""Crossings of a level: which record, which interval, and what is not known."""

import numpy as np
import pytest

from gendyn.analysis import (
    GROKKING,
    IMMEDIATE,
    NO_GENERALISATION,
    NOT_FITTED,
    Crossing,
    generalisation_delay,
    grokking_phase,
    time_to_threshold,
)
from gendyn.core import ConfigError

NAN, INF = np.nan, np.inf
STEPS = np.array([0.0, 1, 10, 100, 1000])


def check(found, time, previous, observed):
    np.testing.assert_array_equal(found.time, time)
    np.testing.assert_array_equal(found.previous, previous)
    assert found.observed.tolist() == observed and found.observed.dtype == bool


def test_first_record_the_one_before_and_censoring():
    values = np.array([[0, 0, 0.5, 0.95, 1], [0, 0, 0.5, 0.6, 0.7], [0.99, 1, 1, 1, 1], [NAN] * 5])
    found = time_to_threshold(STEPS, values, 0.95)
    check(found, [100, 1000, 0, -INF], [10, 1000, -INF, -INF], [True, False, True, False])


def test_missing_records_censor_at_the_last_finite_one_and_holes_are_passed_over():
    values = np.array([[0, 0.1, 0.2, NAN, NAN], [0, NAN, NAN, 1, 1]])
    check(time_to_threshold(STEPS, values, 0.9), [10, 100], [10, 0], [False, True])


def test_known_failures_never_arrive_but_what_was_seen_counts():
    values = np.array([[0, 0.1, NAN, NAN, NAN], [0, 1, NAN, NAN, NAN]])
    found = time_to_threshold(STEPS, values, 0.9, never=np.array([True, True]))
    check(found, [INF, 1], [INF, 0], [False, True])


def test_below_is_above_mirrored():
    values = np.random.default_rng(0).uniform(size=(20, 5))
    up, down = time_to_threshold(STEPS, values, 0.6), time_to_threshold(STEPS, -values, -0.6, direction="below")
    for a, b in zip(up, down, strict=True):
        np.testing.assert_array_equal(a, b)
    assert 0 < up.observed.sum() < 20


def test_hold_refuses_a_lucky_record_and_an_unfinished_streak():
    values = np.array([[0, 1, 0, 1, 1], [0, 0, 0, 1, NAN], [0, 1, 0, 0, 1.0], [1, NAN, NAN, NAN, NAN]])
    found = time_to_threshold(STEPS, values, 0.9, hold=2)
    # The streaks that end with the history may yet hold: they are censored before they begin.
    check(found, [100, 10, 100, -INF], [10, 10, 100, -INF], [True, False, False, False])
    assert time_to_threshold(STEPS, values, 0.9).time.tolist() == [1, 100, 1, 0]


def test_interpolation_is_linear_and_stays_between_the_records():
    values = np.array([[0.0, 0, 0.5, 1.0, 1]])
    found = time_to_threshold(STEPS, values, 0.75, interpolate=True)
    check(found, [55], [10], [True])
    assert time_to_threshold(STEPS, values, 1.0, interpolate=True).time == 100


def test_runs_may_have_steps_of_their_own():
    steps = np.array([[0, 5, 10.0], [0, 7, NAN]])
    check(time_to_threshold(steps, np.array([[0, 0, 1.0], [0, 1, NAN]]), 1), [10, 7], [5, 0], [True, True])


def test_the_true_time_is_inside_the_interval_whatever_the_records():
    random = np.random.default_rng(1)
    true = random.uniform(1, 2000, size=200)
    steps = np.unique(random.integers(0, 1500, size=30)).astype(float)
    found = time_to_threshold(steps, (steps >= true[:, None]).astype(float), 0.5)
    seen = found.observed
    assert np.all((found.previous < true)[seen] & (true <= found.time)[seen]) and np.all((true > found.time)[~seen])


def test_delay_bounds_and_its_censoring():
    train = Crossing(np.array([50.0, 50, 90, 50]), np.array([40.0, 40, 90, 40]), np.array([True, True, False, True]))
    test = Crossing(
        np.array([400.0, 900, 90, 20]), np.array([300.0, 900, 90, 10]), np.array([True, False, False, True])
    )
    found = generalisation_delay(train, test)
    np.testing.assert_array_equal(found.time, [350, 850, -INF, -30])
    np.testing.assert_array_equal(found.low, [250, 850, -INF, -40])
    np.testing.assert_array_equal(found.high, [360, INF, INF, -20])
    assert found.observed.tolist() == [True, False, False, True]


def test_phases():
    yes, no = True, False
    train = Crossing(np.array([50.0, 50, 50, 90, 60]), np.zeros(5), np.array([yes, yes, yes, no, no]))
    test = Crossing(np.array([100.0, 101, 900, 90, 50]), np.zeros(5), np.array([yes, yes, no, no, yes]))
    expected = [IMMEDIATE, GROKKING, NO_GENERALISATION, NOT_FITTED, IMMEDIATE]
    assert grokking_phase(train, test).tolist() == expected
    assert grokking_phase(train, test, immediate=1.5)[0] == GROKKING


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"values": np.zeros(5)}, r"values \(5,\); pass values \[R, T\]"),
        ({"steps": np.zeros(4)}, r"steps has shape \(4,\)"),
        ({"steps": STEPS[::-1]}, "steps must ascend"),
        ({"direction": "over"}, "direction = 'over' must be one of above, below"),
        ({"hold": 0}, "hold = 0 must be an integer of at least 1"),
        ({"level": NAN}, "level = nan must be in"),
        ({"never": np.zeros(3, bool)}, "one bool for each of 2 runs"),
    ],
)
def test_bad_arguments(kwargs, match):
    with pytest.raises(ConfigError, match=match):
        time_to_threshold(**{"steps": STEPS, "values": np.zeros((2, 5)), "level": 0.5, **kwargs})


def test_other_bad_arguments():
    one, two = (Crossing(np.ones(n), np.zeros(n), np.ones(n, bool)) for n in (1, 2))
    with pytest.raises(ConfigError, match="train has 1 runs and test 2"):
        generalisation_delay(one, two)
    with pytest.raises(ConfigError, match=r"immediate = 0.5 must be in \[1, inf\)"):
        grokking_phase(one, one, immediate=0.5)
