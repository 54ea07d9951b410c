"""What every statistic says of NaN and infinity, of zeros, and of nothing: never what reads like a result.

Each public function of the room is in one of the tables below; one that is new and in none fails.
"""

import types

import numpy as np
import pytest

from gendyn import analysis as an
from gendyn.analysis import Crossing, Delay, Interval, Places, Slingshots
from gendyn.core import ConfigError

NAN, INF = np.nan, np.inf
ROW = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 9.0])
ROWS = np.array([[2, 1, 3, 0.5], [2, 1, 4, 1], [2.5, 1.5, 3.5, 1.5], [2, 1, 3, 0.7], [3, 1, 5, 2]])
X = np.array([1.0, 2.0, 4.0, 8.0])
FITS = np.array([1e-1, 1e-2, 1e-6, 1e-9])
SHARE = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
SEEN = np.ones(6, bool)
CYCLE = Slingshots(np.ones(1, int), np.full(1, NAN), np.ones(1, int), (np.array([5.0]),))


def crossing(times):
    return Crossing(times, times - 0.5, np.ones(len(times), bool))


TABLE = {
    # case: function of one array, the array, its answer to zeros and to no entry (...: not asked)
    "agreement": (lambda a: an.agreement("", a, 1.0, tolerance=0.1).interval.estimate, ROWS, 1.0, ConfigError),
    "alignment_with_end": (lambda a: an.alignment_with_end(a[None, :, None, None])[0, :1], ROW, NAN, ...),
    "arrival_times": (lambda a: an.arrival_times(crossing(a))[:1], ROW, 0.0, ...),
    "bootstrap": (lambda a: an.bootstrap(an.mean, a).estimate, ROW, 0.0, NAN),
    "censored_threshold": (
        lambda a: an.censored_threshold(an.interpolation_threshold(X, a)), ROW[:4] - 1, 0.0, ConfigError,
    ),
    "consistency": (lambda a: an.consistency(a, 1.0).estimate, ROWS, 50.0, ConfigError),
    "crossing_in_decades": (lambda a: an.crossing_in_decades(X, a, 1e-4), FITS, 0.0, ConfigError),
    "delay_ratio": (lambda a: an.delay_ratio(crossing(ROW), crossing(a))[:1], ROW, 0.0, ...),
    "depth_of_slingshots": (lambda a: an.depth_of_slingshots(ROW[None], a[None], CYCLE), ROW, 0.0, ...),
    "descent_rates": (
        lambda a: an.descent_rates(X[:3] - 1, a[None, :, None], np.full(1, 0.1), learning_rate=1.0), X[2::-1], NAN, ...,
    ),
    "furthest": (lambda a: an.furthest(a[None], 3.0), ROW, 0.0, ConfigError),
    "furthest: by ratio": (lambda a: an.furthest(a[None], 3.0, by_ratio=True), ROW, 0.0, ConfigError),
    "generalisation_delay": (
        lambda a: np.array(an.generalisation_delay(crossing(ROW[:1]), crossing(a[:1]))[:3]), ROW, ..., ...,
    ),
    "geometric_interval": (lambda a: an.geometric_interval(a).low, ROW, NAN, ConfigError),
    "geometric_mean": (lambda a: an.geometric_mean(a[None]), ROW, 0.0, NAN),
    "held_out_ratios": (lambda a: np.array(an.held_out_ratios(ROWS * a[:, None]))[:, 0], np.ones(5), ConfigError, ...),
    "held_out_rises": (lambda a: np.array(an.held_out_rises(ROWS[:2] * a[:, None]))[:, 0], np.ones(2), 0.0, ...),
    "interior_peak": (lambda a: an.interior_peak(a).prominence, ROWS[0, :3], ConfigError, ConfigError),
    "interpolation_threshold": (lambda a: an.interpolation_threshold(X, a).value, ROW[:4] - 1, 1.0, ConfigError),
    "kaplan_meier": (lambda a: an.kaplan_meier(a, SEEN).median, ROW, 0.0, ConfigError),
    "kendall": (lambda a: an.kendall(ROW, a), ROW, 0.0, ConfigError),
    "kendall_over_lines": (lambda a: an.kendall_over_lines(ROW, a[:, None, None]), ROW, 0.0, ConfigError),
    "known_medians": (lambda a: np.array(an.known_medians(a[:1, None])[:3]), ROW, 0.0, NAN),
    "held_out_first_falls": (lambda a: an.held_out_first_falls(ROWS[:2] * a[:, None])[:1], np.ones(2), 0.0, ...),
    "held_out_first_valley": (
        lambda a: an.held_out_first_valley(ROWS * a[:, None], level=1.0)[:1], np.ones(5), ConfigError, ...,
    ),
    "largest_seen": (lambda a: an.largest_seen(a).estimate, ROWS, 0.0, NAN),
    "worst_place": (lambda a: an.worst_place(None, a).estimate, ROWS, 0.0, NAN),
    "smooth": (lambda a: an.smooth(lambda means: means, a).estimate[:1], ROWS, 0.0, ConfigError),
    "resampled": (lambda a: an.resampled(lambda rows: rows.mean(axis=1), a).estimate[:1], ROWS, 0.0, ConfigError),
    "ranked": (lambda a: an.ranked(a).estimate[:1], ROWS, 0.0, ConfigError),
    "counted": (lambda a: an.counted(a[:, None]).estimate, SHARE, 0.0, ConfigError),
    "largest": (lambda a: an.largest(a[None]), ROW, 0.0, ConfigError),
    "largest_distance": (lambda a: an.largest_distance(a[None]), ROW, 0.0, ConfigError),
    "largest_distance: centre": (lambda a: an.largest_distance(ROW[None], a[0]), ROW, 9.0, ...),
    "largest_error": (lambda a: an.largest_error(a[None], ROW), ROW, 1.0, ...),
    "largest_error: exact": (lambda a: an.largest_error(ROW[None], a), ROW, INF, ...),
    "largest_peak_error": (
        lambda a: an.largest_peak_error(X[:3], np.log(ROWS[:1, None, 1:] * a), 3.0), np.ones(3), ConfigError, ...,
    ),
    "largest_rise": (lambda a: an.largest_rise(a[None, :3]), ROW, NAN, ConfigError),
    "largest_rise: absolute": (lambda a: an.largest_rise(a[None], relative=False), -ROW, 0.0, ConfigError),
    "last_crossing": (lambda a: np.array(an.last_crossing(X, a, 3.0)), ROW[:4], ..., ConfigError),
    "last_crossing: falling": (
        lambda a: np.array(an.last_crossing(X, a, 3.0, direction="falling")), ROW[3::-1], ..., ConfigError,
    ),
    "least_delay_ratio": (lambda a: an.least_delay_ratio(crossing(ROW), crossing(a))[:1], ROW, 0.0, ...),
    "log_rank": (lambda a: an.log_rank(ROW, SEEN, a, SEEN), ROW, ..., ConfigError),
    "mean": (lambda a: an.mean(a[None]), ROW, 0.0, NAN),
    "mean_interval": (lambda a: np.array(an.mean_interval(a)[1:3]), ROW, 0.0, ConfigError),
    "mean_over_seeds": (lambda a: an.mean_over_seeds(a).estimate, ROW, 0.0, NAN),
    "median_delay": (
        lambda a: an.median_delay(Delay(a, a - 1, a + 1, np.ones(len(a), bool))).estimate, ROW[:1], 0.0, NAN,
    ),
    "median_interval": (lambda a: an.median_interval(a[:1]).centre, ROW, 0.0, ConfigError),
    "median": (lambda a: an.median(a[None, :1]), ROW, 0.0, NAN),
    "median_over_seeds": (lambda a: an.median_over_seeds(a[:1]).estimate, ROW, 0.0, NAN),
    "median_place": (lambda a: an.median_place(Places(a[:1], a[:1])).estimate, ROW, 0.0, NAN),
    "median_time": (lambda a: an.median_time(a, SEEN).estimate, ROW, 0.0, ConfigError),
    "model_complexity": (lambda a: an.model_complexity(X, a[::-1], 1e-4), FITS, INF, ConfigError),
    "movement_to_end": (lambda a: an.movement_to_end(a[None], np.array([0])), ROW, 0.0, ConfigError),
    "of_means": (lambda a: an.of_means(lambda means: means, a).estimate, ROW, 0.0, NAN),
    "of_medians": (lambda a: an.of_medians(lambda medians: medians, a[:1]).estimate, ROW, 0.0, NAN),
    "peak_centre": (lambda a: an.peak_centre(X[:3], a), np.array([1.0, 3.0, 1.0]), ConfigError, ConfigError),
    "peak_centre: x": (lambda a: an.peak_centre(a, ROWS[0]), X, ConfigError, ConfigError),
    "peak_places": (lambda a: an.peak_places(X[:3], np.log(ROWS[:1, None, 1:] * a)), np.ones(3), ConfigError, ...),
    "power": (lambda a: an.power(X, a), X, NAN, ConfigError),
    "power: x": (lambda a: an.power(a, X), X, NAN, ConfigError),
    "ratio_of_means": (lambda a: an.ratio_of_means(ROW[None], a[None]), ROW, INF, NAN),
    "ratio_of_medians": (lambda a: an.ratio_of_medians(a[None, :1], ROW[None]), ROW, 0.0, NAN),
    "ratio_of_places": (
        lambda a: an.ratio_of_places(Places(a, a), Places(ROW[: len(a)], ROW[: len(a)])).estimate, ROW[:1], 0.0, NAN,
    ),
    "ratio_to_best_other": (lambda a: an.ratio_to_best_other(a, 0)[:1], ROW, NAN, ConfigError),
    "sampling_error": (lambda a: an.sampling_error(a, ROWS), ROWS, NAN, ...),
    "scatter": (lambda a: an.scatter(a, ROW), ROW[::-1] ** 2, 0.0, ConfigError),
    "scatter: by": (lambda a: an.scatter(ROW, a, rising=True), ROW[::-1], NAN, ConfigError),
    "scatter_ratio": (lambda a: an.scatter_ratio(ROW, ROW[::-1], a), ROW**2, NAN, ConfigError),
    "settled": (lambda a: an.settled(a, last=6), ROW, 0.0, ConfigError),
    "settled_at": (lambda a: an.settled_at(np.arange(6.0), a, 0.0), ROW, 0.0, ConfigError),
    "share_interval": (lambda a: an.share_interval(a).estimate, SHARE, 0.0, NAN),
    "difference_of_shares": (lambda a: an.difference_of_shares(a, SEEN).estimate, SHARE, -1.0, NAN),
    "paired_difference_of_shares": (
        lambda a: an.paired_difference_of_shares(a, SEEN[: len(a)]).estimate, SHARE, -1.0, NAN,
    ),
    "share_of_rise": (
        lambda a: an.share_of_rise(a[None], ROW[None, : len(a)]), np.array([1.0, 4, 2, 8, 5, 1]), NAN, ConfigError,
    ),
    "share_of_rise: part": (lambda a: an.share_of_rise(np.array([[9.0, 1.0]]), a[None]), ROW[:2], 0.0, ConfigError),
    "share_of_speed_up": (
        lambda a: an.share_of_speed_up(crossing(2 * a), crossing(a), [crossing(1.5 * a)]).estimate, ROW[:1], NAN, NAN,
    ),
    "slope": (lambda a: an.slope(X, a), X, 0.0, ConfigError),
    "slope: x": (lambda a: an.slope(a, X), X, NAN, ConfigError),
    "smallest": (lambda a: an.smallest(a[None, :1]), ROW, 0.0, ConfigError),
    "spearman": (lambda a: an.spearman(ROW, a), ROW, 0.0, ConfigError),
    "speed_ratio": (lambda a: an.speed_ratio(crossing(a), crossing(ROW))[:1], ROW, 0.0, ...),
    "speed_up": (lambda a: an.speed_up(crossing(ROW), crossing(a)).interval.estimate, ROW, INF, ConfigError),
    "upper_median": (lambda a: an.upper_median(a[:1]), ROW, 0.0, NAN),
    "ratios_at": (lambda a: np.array(an.ratios_at(a, 0, 1, 2)), ROW, NAN, ...),
    "decades": (lambda a: an.decades(a, 1e-4)[0][:1], FITS, 0.0, ...),
}  # fmt: skip
ORDERED = {
    "alignment_with_end", "arrival_times", "crossing_in_decades", "decades", "delay_ratio", "depth_of_slingshots",
    "kendall", "kendall_over_lines", "largest_rise", "largest_rise: absolute", "last_crossing",
    "last_crossing: falling", "model_complexity", "ranked", "ratio_of_means", "settled", "spearman",
}  # fmt: skip
"""Infinity is the latest, largest or worst there is: their answer to one may be a number."""
PASSED_OVER = {"find_slingshots", "held_out_ratios", "half_way", "time_to_threshold", "turning_point"}
"""Their rule is to pass over records of NaN: see below what is left where all are."""
OTHERS = {
    "attainable_level", "family", "finding", "first_record", "first_slingshot", "grokking_phase", "spanning",
    "interval_of", "mapped", "typical_cell", "unknown",
}  # fmt: skip
"""Each is in a test below."""
REARRANGE = {"seeds_first", "select_runs", "tabulate"}
DATASETS = {
    "accuracy_crossings", "arm_leaves", "arms_of", "axis_values", "common_seeds", "config_of", "counted_history",
    "final_values", "finished_runs", "finished_tables", "grid", "history", "laid_out", "leaf_of", "outer_values",
    "paired_table", "parameter_counts", "record_steps", "recorded_tables", "redraws_at", "run_status", "runs_at",
    "seeds_of", "swept_axes",
}  # fmt: skip
"""They read what was saved: their tests know runs that are missing, diverged or unfinished."""


def test_every_statistic_is_asked():
    functions = {name for name, value in vars(an).items() if isinstance(value, types.FunctionType)}
    listed = [{case.split(":")[0] for case in TABLE}, PASSED_OVER, OTHERS, REARRANGE, DATASETS]
    assert functions == set().union(*listed)


def said(function, array):
    with np.errstate(all="ignore"):
        return np.asarray(function(array), float)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", TABLE)
def test_not_finite_is_no_result(case):
    function, array, of_zeros, of_nothing = TABLE[case]
    assert np.isfinite(said(function, array)).all()
    for value in (NAN, INF):
        broken = array.copy()
        broken[(0,) * array.ndim] = value
        try:
            found = said(function, broken)
        except ConfigError:
            continue
        if value is NAN and case not in PASSED_OVER:
            assert np.isnan(found).all() or (case == "arrival_times" and np.isinf(found).all())
        elif case not in ORDERED | PASSED_OVER:
            assert not np.isfinite(found).any()
    for answer, changed in ((of_zeros, 0 * array), (of_nothing, array[:0])):
        if answer is ConfigError:
            with pytest.raises(ConfigError):
                said(function, changed)
        elif answer is not ...:
            found = said(function, changed)
            np.testing.assert_array_equal(found, np.full(found.shape, answer))


def test_an_interval_of_what_is_not_a_number_is_open():
    for function in (an.mean_over_seeds, an.median_over_seeds):
        assert function(np.full(6, NAN))[1:3] == (-INF, INF)
    assert an.consistency(np.full((6, 2), NAN), 1.0)[1:5] == (-INF, INF, 0.9, 0.0)
    whole = np.arange(6.0)
    distinct = lambda rows: np.where((np.diff(np.sort(rows, axis=1)) > 0).all(axis=1), 1.0, NAN)  # noqa: E731
    found = an.bootstrap(distinct, whole, num_resamples=100, seed=3, method="bca")
    assert found.estimate == 1.0 and (found.low, found.high) == (-INF, INF)
    assert an.spanning(an.unknown(), an.unknown())[1:3] == (-INF, INF)
    assert an.finding("", an.unknown(), low=0.0).decided(0.9) == "undecided"
    assert an.finding("", Interval(NAN, 1.0, 2.0, 0.9, 1.0), low=0.0).decided(0.9) == "undecided"
    assert an.family([an.finding("", an.unknown(), low=0.0)])[0].verdict == "undecided" and an.family([]) == []
    assert an.mapped(an.unknown(), np.exp)[1:3] in ((0.0, INF), (-INF, INF))
    assert an.interval_of(NAN, lambda _: (-INF, INF), 0.9)[1:3] == (-INF, INF)
    assert [an.attainable_level(rows) for rows in (0, 1)] == [0.0, 0.0]
    for rows in (NAN, -1):
        with pytest.raises(ConfigError, match="num_rows"):
            an.attainable_level(rows)


def test_places_and_levels_are_finite():
    for broken in (NAN, INF):
        for x in (np.array([1.0, 2.0, 4.0, broken]), np.array([broken, 2.0, 4.0, 8.0])):
            for function in (an.interpolation_threshold, an.peak_centre):
                with pytest.raises(ConfigError, match="x has shape"):
                    function(x, ROWS[0])
            with pytest.raises(ConfigError, match="x has shape"):
                an.last_crossing(x, ROWS[0], 1.5)
        with pytest.raises(ConfigError, match="level"):
            an.last_crossing(X, ROWS[0], broken)
        for by_ratio in (False, True):
            with pytest.raises(ConfigError, match="centre"):
                an.furthest(ROWS, broken, by_ratio=by_ratio)
    with pytest.raises(ConfigError, match="centre"):
        an.furthest(ROWS, 0.0, by_ratio=True)


def test_a_point_that_may_fit_already_leaves_the_threshold_unknown():
    errors = np.array([[NAN, 0.0, 0.0, 0.0], [0.5, 0.0, NAN, 0.0], [0.5, NAN, 0.5, 0.5], [0.5, INF, 0.0, 0.0]])
    found = an.interpolation_threshold(X, errors)
    np.testing.assert_array_equal(found.value, [NAN, 2.0, NAN, 4.0])
    assert found.reached.tolist() == [False, True, False, True]
    np.testing.assert_array_equal(an.censored_threshold(found), [NAN, 2.0, NAN, 4.0])
    np.testing.assert_array_equal(
        an.censored_threshold(an.interpolation_threshold(X, errors, interpolate=True))[:3], [NAN, 2.0, NAN]
    )


def test_records_of_nan_are_passed_over():
    nothing = np.full((1, 4), NAN)
    assert an.time_to_threshold(X, nothing, 1.0)[:2] == (-INF, -INF)
    assert an.time_to_threshold(X[:0], nothing[:, :0], 1.0).observed.tolist() == [False]
    found = an.find_slingshots(X, nothing, nothing)
    assert found.num_cycles.tolist() == [0] and np.isnan(found.period).all()
    for steps in (nothing, nothing[:, :0]):
        assert an.first_slingshot(steps, found)[:2] == (-INF, -INF)
    assert np.isnan(an.held_out_ratios(np.full((3, 4), NAN))).all()
    late = np.array([[9.0, NAN, 1.0, 3.0, 3.0, 3.0]])
    assert an.turning_point(late, np.zeros(1, int)).tolist() == [1]
    assert np.isnan(an.movement_to_end(late, np.zeros(1, int)))
    assert an.half_way(np.arange(6.0), late, np.zeros(1, int)).observed.tolist() == [False]
    for function in (an.turning_point, an.movement_to_end):
        with pytest.raises(ConfigError, match="at least one record"):
            function(late[:, :0], np.zeros(1, int))
    assert an.first_record(np.zeros((2, 0), bool)).tolist() == [-1, -1]


def test_absent_seeds_do_not_rise_and_no_record_is_not_the_first():
    absent = np.stack([ROWS[0], np.full(4, NAN)])
    rise, fall = an.held_out_rises(absent)
    assert np.isnan(rise).all() and np.isnan(fall).all()
    with pytest.raises(ConfigError, match="at least one record"):
        an.held_out_rises(absent[:, :0])
    for step in (0.5, NAN):
        assert np.isnan(an.settled_at(X, ROWS[0], step))
    assert np.isnan(an.settled_at(np.full(4, NAN), ROWS[0], 1.0))
    assert an.settled_at(X, ROWS[0], INF) == an.settled(ROWS[0])


def test_no_phase_is_read_off_a_time_that_is_not_a_number():
    unknown = crossing(np.array([NAN]))
    with pytest.raises(ConfigError, match="time of NaN"):
        an.grokking_phase(crossing(ROW[:1]), unknown)
    assert an.typical_cell(np.zeros((0, 2, 3), str), "grokking") is None
    with pytest.raises(ConfigError, match="controls is empty"):
        an.share_of_speed_up(unknown, unknown, [])
    assert np.isnan(an.kendall_over_lines(X, np.full((4, 2, 1), NAN))).all()
    assert np.isnan(an.kendall_over_lines(np.full(4, NAN), np.ones((4, 2, 1)))).all()
    assert np.isnan(an.known_medians(np.full((2, 3), NAN)).level)
