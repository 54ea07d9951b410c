"""Accuracy crossings of a dataset, and ratios of the two times with all that censoring can do."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import (
    Crossing,
    accuracy_crossings,
    arrival_times,
    delay_ratio,
    generalisation_delay,
    least_delay_ratio,
    median_delay,
    median_over_seeds,
    speed_ratio,
    time_to_threshold,
)
from gendyn.core import ConfigError

INF, NAN = np.inf, np.nan
STEPS = np.array([0.0, 10.0, 100.0, 1000.0])
TRAIN = np.array([[0.9, 0.0, 0.0, 0.0], [0.9, 0.5, 0.5, 0.5], [0.9, 0.0, 0.0, 0.0], [0.9, 0.0, NAN, NAN]])
TEST = np.array([[0.9, 0.9, 0.0, 0.0], [0.9, 0.9, 0.9, 0.01], [0.9, 0.9, 0.8, 0.8], [0.9, 0.9, NAN, NAN]])
"""Generalises late; never fits; never generalises; diverges (or is under way)."""


def results(diverged=True):
    runs = ("run", "record")
    marks = np.zeros((4, 4), bool)
    marks[3, 2:] = diverged
    errors = {"train_error": (runs, TRAIN), "test_error": (runs, TEST), "train_loss": (runs, TRAIN)}
    return xarray.Dataset(
        errors | {"diverged": (runs, marks)},
        coords={"seed": ("run", np.arange(4)), "step": ("record", STEPS)},
        attrs={"axes": json.dumps(["seed"]), "config": "{}"},
    )


def test_crossings_of_both_accuracies_and_a_diverged_run_never_arrives():
    train, test = accuracy_crossings(results())
    assert train.time.tolist() == [10.0, 1000.0, 10.0, 10.0] and train.observed.tolist() == [True, False, True, True]
    assert test.time.tolist() == [100.0, 1000.0, 1000.0, INF]
    _, under_way = accuracy_crossings(results(diverged=False))
    assert under_way.time.tolist() == [100.0, 1000.0, 1000.0, 10.0] and not under_way.observed[3]


def test_levels_hold_and_interpolation_are_passed_on():
    ds = results()
    assert accuracy_crossings(ds, train=0.5).train.observed.tolist() == [True] * 4
    assert accuracy_crossings(ds, test=0.999).test.observed.tolist() == [True, False, False, False]
    assert accuracy_crossings(ds, hold=2).test.observed.tolist() == [True, False, False, False]
    found = accuracy_crossings(ds, train=0.6, test=0.55, interpolate=True)
    assert found.train.time[0] == pytest.approx(10 * 0.5 / 0.9) and found.test.time[0] == pytest.approx(10 + 90 * 0.5)
    with pytest.raises(ConfigError, match="no variable 'test_error'"):
        accuracy_crossings(ds.drop_vars("test_error"))


def test_ratios_of_runs_that_arrive_and_that_do_not():
    train, test = accuracy_crossings(results())
    np.testing.assert_array_equal(arrival_times(test), [100.0, 1000.0, INF, INF])
    np.testing.assert_array_equal(delay_ratio(train, test), [10.0, NAN, INF, INF])
    np.testing.assert_array_equal(speed_ratio(train, test), [0.1, INF, 0.0, 0.0])
    # The record before the crossing at 100 is 10; a censored run was followed to 1000; a diverged one never comes.
    np.testing.assert_array_equal(least_delay_ratio(train, test), [1.0, NAN, 100.0, INF])
    neither = test._replace(observed=np.zeros(4, bool)), train._replace(observed=np.zeros(4, bool))
    assert np.isnan(speed_ratio(*neither)).all() and np.isnan(delay_ratio(*neither)).all()
    both = train.observed & test.observed
    np.testing.assert_allclose(delay_ratio(train, test)[both], 1.0 / speed_ratio(train, test)[both])
    assert (least_delay_ratio(train, test)[both] <= delay_ratio(train, test)[both]).all()


def test_a_test_threshold_at_the_first_record_is_no_negative_time():
    seen = np.array([True])
    train, test = Crossing(np.array([10.0]), np.array([0.0]), seen), Crossing(np.array([0.0]), np.array([-INF]), seen)
    assert least_delay_ratio(train, test).tolist() == [0.0] == delay_ratio(train, test).tolist()


def crossing(times, spacing):
    seen = np.ones(len(times), bool)
    return Crossing(times, times - spacing, seen)


def test_the_median_delay_and_what_records_and_unknown_runs_do_to_it():
    times = np.random.default_rng(0).uniform(100, 200, 9)
    exact = generalisation_delay(crossing(np.zeros(9), 0.0), crossing(times, 0.0))
    assert median_delay(exact) == median_over_seeds(times)
    coarse = median_delay(generalisation_delay(crossing(np.full(9, 50.0), 10.0), crossing(times, 20.0)))
    fine = median_over_seeds(times - 50.0)
    np.testing.assert_allclose(coarse[:3], [fine.estimate, fine.low - 20.0, fine.high + 10.0])
    known = np.arange(9) != 4
    partly = median_delay(exact, known=known)
    assert partly.estimate == np.median(times[known]) and partly.low <= fine.low + 50 and partly.high >= fine.high + 50
    none = median_delay(exact, known=np.zeros(9, bool))
    assert np.isnan(none.estimate) and none[1:3] == (-INF, INF)
    assert median_delay(generalisation_delay(crossing(times[:0], 1.0), crossing(times[:0], 1.0))).defined == 0.0


def test_censored_runs_are_not_known_by_default():
    found = time_to_threshold(STEPS, np.tile([0.0, 0.0, 1.0, 1.0], (7, 1)), 0.5)
    late = found._replace(observed=np.arange(7) > 0)
    delay = generalisation_delay(crossing(np.zeros(7), 0.0), late)
    assert median_delay(delay) == median_delay(delay, known=late.observed)
    assert median_delay(delay).estimate == 100.0
