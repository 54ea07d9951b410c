"""Peaks and thresholds against synthetic truths, with monotone curves as the negative control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gendyn.analysis import (
    bootstrap,
    censored_threshold,
    family,
    finding,
    held_out_first_valley,
    held_out_ratios,
    interior_peak,
    interpolation_threshold,
    largest_peak_error,
    peak_centre,
    peak_places,
)
from gendyn.core import ConfigError

WIDTHS = np.array([2, 4, 8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256])


def double_descent(amplitude=0.7):
    """A classical descent plus a bump of ``amplitude`` at width 64."""
    x = np.log(WIDTHS)
    return 0.7 + 0.5 * np.exp(-0.8 * (x - x[0])) + amplitude * np.exp(-(((x - np.log(64)) / 0.5) ** 2))


def noisy(truth, num_seeds, random, scale=0.08):
    return truth * np.exp(scale * random.normal(size=(num_seeds, len(truth))))


def prominence_finding(curves, seed):
    left, right = held_out_ratios(curves)
    interval = bootstrap(lambda rows: np.median(rows, axis=1), np.minimum(left, right), seed=seed, num_resamples=300)
    return family([finding("a peak exists", interval, low=1.0)])[0]


def test_peak_of_the_truth():
    truth = double_descent()
    peak = interior_peak(truth)
    assert WIDTHS[peak.peak_index] == 64
    assert peak.left_ratio == pytest.approx(truth[8] / truth[:8].min())
    assert peak.right_ratio == pytest.approx(truth[8] / truth[9:].min())
    assert peak.left_index == np.argmin(truth[:8]) and peak.right_index == 13


def test_a_high_start_is_not_the_peak():
    """The maximum of the whole curve, and of everything but the ends, is on the first descent."""
    # Height 3 over the higher valley 1: half height 2 is crossed at x = 4 and between 5 and 6, at share 0.4 in log x.
    centre = peak_centre(np.arange(1, 7), np.array([9.0, 8.0, 1.0, 2.0, 3.0, 0.5]))
    assert centre == pytest.approx(np.sqrt(4 * 5 * (6 / 5) ** 0.4))


@given(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=8), st.floats(0.1, 10.0))
def test_equals_brute_force_and_ignores_scale(values, scale):
    curve = np.array(values)
    inner = range(1, len(curve) - 1)
    prominence = [min(curve[p] / curve[:p].min(), curve[p] / curve[p + 1 :].min()) for p in inner]
    peak = interior_peak(curve)
    assert peak.prominence == pytest.approx(max(prominence))
    assert prominence[int(peak.peak_index) - 1] == pytest.approx(max(prominence))
    assert interior_peak(scale * curve).prominence == pytest.approx(float(peak.prominence))


@given(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=8), st.booleans())
def test_a_monotone_curve_has_no_peak(values, descending):
    curve = np.sort(values)[:: -1 if descending else 1]
    assert interior_peak(curve).prominence <= 1.0
    assert np.isnan(peak_centre(np.arange(1, len(curve) + 1), curve)).all()


def test_leading_axes_are_independent():
    curves = noisy(double_descent(), 6, np.random.default_rng(0)).reshape(2, 3, -1)
    together = interior_peak(curves)
    for i in np.ndindex(2, 3):
        alone = interior_peak(curves[i])
        assert all(a[i] == b for a, b in zip(together, alone, strict=True))


def test_divergence_is_neither_peak_nor_valley():
    truth = double_descent()
    broken = np.where(np.arange(14) == 5, np.inf, truth)
    assert interior_peak(broken).peak_index == interior_peak(truth).peak_index
    gone = interior_peak(np.full(5, np.inf))
    assert gone.peak_index == -1 and np.isnan(gone.prominence)
    assert np.isnan(peak_centre(np.arange(1, 6), np.full(5, np.inf))).all()


def test_held_out_ratios_are_not_biased_upwards_where_the_naive_ratio_is():
    """Flat truth: the ratio of the largest to its neighbours always exceeds 1; measured on another seed it does not."""
    random = np.random.default_rng(0)
    naive, honest = [], []
    for _ in range(100):
        curves = noisy(np.ones(14), 5, random)
        naive.append(interior_peak(np.median(curves, axis=0)).prominence)
        honest.append(np.mean(np.log(held_out_ratios(curves)[0])))
    assert np.min(naive) > 1.0
    assert abs(np.mean(honest)) < 3.5 * np.std(honest) / np.sqrt(100)


def test_calibration_on_double_descent():
    """200 synthetic sweeps of 5 seeds: the peak's width is covered, the peak is found, and never missed."""
    random = np.random.default_rng(1)
    truth = double_descent()
    verdicts, covered = [], 0
    for seed in range(200):
        curves = noisy(truth, 5, random)
        verdicts.append(prominence_finding(curves, seed).verdict)
        centre = bootstrap(
            lambda rows: peak_centre(WIDTHS, np.median(rows, axis=1)), curves, seed=seed, num_resamples=300
        )
        covered += centre.low <= peak_centre(WIDTHS, truth) <= centre.high
    assert covered / 200 >= 0.9 - 3 * np.sqrt(0.09 / 200)
    assert verdicts.count("supported") > 190


@pytest.mark.parametrize(
    "truth", [double_descent(0.0), double_descent(0.0)[::-1], np.ones(14)], ids=["falling", "rising", "flat"]
)
def test_negative_control_monotone_curves_are_not_supported(truth):
    random = np.random.default_rng(2)
    verdicts = [prominence_finding(noisy(truth, 5, random), seed).verdict for seed in range(200)]
    # All five held-out seeds above 1 by chance: at most 1/32 for a flat curve, less for a monotone one.
    assert verdicts.count("supported") / 200 <= 1 / 32 + 3 * np.sqrt(1 / 32 / 200)
    clean = prominence_finding(noisy(np.linspace(3.0, 1.0, 14), 5, random, scale=0.001), 0)
    assert clean.verdict == "refuted"


@pytest.mark.parametrize(
    ("curve", "match"), [([1.0, 2.0], "at least 3 points"), ([1.0, 0.0, 2.0], "value 0; ratios need positive")]
)
def test_bad_curves(curve, match):
    with pytest.raises(ConfigError, match=match):
        interior_peak(np.array(curve))


@pytest.mark.parametrize("estimate", [held_out_ratios, held_out_first_valley])
def test_held_out_needs_two_seeds(estimate):
    with pytest.raises(ConfigError, match="1 seeds; leaving one out"):
        estimate(np.ones((1, 5)))


def test_the_first_valley_lies_below_start_level_and_peak_whichever_is_lowest():
    truth = double_descent()
    rows = np.stack([truth, 2.0 * truth])
    valley, start, top = truth[:8].min(), truth[0], truth[8]
    assert start < top
    np.testing.assert_allclose(held_out_first_valley(rows), start / valley)
    np.testing.assert_allclose(held_out_first_valley(rows, level=1.0), [1.0 / valley, 0.5 / valley])
    start_high = np.concatenate([[9.0], truth[1:]])
    np.testing.assert_allclose(held_out_first_valley(np.stack([start_high] * 2)), top / valley)


def test_a_curve_that_does_not_fall_and_rise_has_no_first_valley():
    for curve in (np.linspace(1.0, 2.0, 9), np.linspace(2.0, 1.0, 9), np.array([0.9, 1.0, 1.4, 1.2, 0.8])):
        assert np.all(held_out_first_valley(np.stack([curve] * 3)) <= 1.0)


def test_a_seed_that_diverged_at_its_first_valley_is_unknown_and_elsewhere_is_not():
    truth = double_descent()
    rows = np.tile(truth, (4, 1))
    rows[0, np.argmin(truth[:8])] = np.inf
    rows[1, 8] = np.inf
    found = held_out_first_valley(rows)
    assert np.isnan(found[0]) and np.isfinite(found[1:]).all()


def test_threshold_and_both_kinds_of_censoring():
    errors = np.array([[0.5, 0.2, 0.0, 0.0], [0.0, 0.1, 0.0, 0.0], [0.5, 0.4, 0.3, 0.1]])
    found = interpolation_threshold(np.array([2, 4, 8, 16]), errors)
    np.testing.assert_array_equal(found.value, [8, 2, np.nan])
    np.testing.assert_array_equal(found.previous, [4, np.nan, 16])
    assert found.reached.tolist() == [True, True, False]
    assert censored_threshold(found).tolist() == [8.0, 0.0, np.inf]
    one = interpolation_threshold(np.array([2, 4, 8, 16]), errors[0])
    assert censored_threshold(one).shape == () and censored_threshold(one) == 8.0


def test_threshold_interpolates_in_log_width():
    x, errors = np.array([2.0, 8.0]), np.array([[0.3, 0.0], [0.3, 0.1], [0.05, 0.0]])
    found = interpolation_threshold(x, errors, tolerance=0.1, interpolate=True)
    np.testing.assert_allclose(found.value, [2 * 4 ** (2 / 3), 8, 2])


def test_threshold_of_the_median_run_with_its_interval():
    """Seeds reach zero at 32 (one), 48 (three) and 64 (one): the median run at 48, the interval within the seeds'."""
    first = np.array([32, 48, 48, 48, 64])
    errors = np.where(first[:, None] > WIDTHS, 0.2, 0.0)
    interval = bootstrap(lambda rows: interpolation_threshold(WIDTHS, np.median(rows, axis=1)).value, errors)
    assert (interval.estimate, interval.low, interval.high, interval.defined) == (48, 32, 64, 1.0)
    errors[3:] = 0.2
    censored = bootstrap(lambda rows: interpolation_threshold(WIDTHS, np.median(rows, axis=1)).value, errors)
    assert censored.defined < 0.9 and censored.high == np.inf


@pytest.mark.parametrize("x", [[4, 2, 8], [0, 2, 4], [2, 4]])
def test_threshold_needs_ascending_widths(x):
    with pytest.raises(ConfigError, match="must be positive, ascending and as long as"):
        interpolation_threshold(np.array(x), np.zeros(3))


def test_the_centre_is_steadier_than_the_maximum_on_a_broad_peak():
    """The reason for the centre: on a plateau the largest point is anyone's; the flanks are not."""
    random = np.random.default_rng(2)
    plateau = np.array([1.0, 0.9, 0.9, 1.0, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.2, 1.0, 0.8, 0.7])
    curves = [np.median(noisy(plateau, 5, random), axis=0) for _ in range(200)]
    maxima = np.log([WIDTHS[interior_peak(curve).peak_index] for curve in curves])
    centres = np.log([peak_centre(WIDTHS, curve) for curve in curves])
    assert np.std(centres) < 0.6 * np.std(maxima)


def test_the_geometric_mean_curve_places_the_peak_better_than_the_median_curve():
    """Under log-normal scatter between seeds, as losses near the threshold have it."""
    random = np.random.default_rng(3)
    truth = double_descent()
    populations = [truth * np.exp(0.25 * random.normal(size=(10, len(truth)))) for _ in range(300)]
    medians = np.log([peak_centre(WIDTHS, np.median(curves, axis=0)) for curves in populations])
    means = np.log([peak_centre(WIDTHS, np.exp(np.mean(np.log(curves), axis=0))) for curves in populations])
    assert np.std(means) < 0.9 * np.std(medians)
    assert abs(np.mean(means) - np.log(peak_centre(WIDTHS, truth))) < 0.1


def test_peak_places_are_those_of_geometric_means():
    """One redraw in five has a wild value elsewhere: it moves the peak of the mean, and not of the geometric mean."""
    curves = np.tile(double_descent(amplitude=5.0), (5, 1))
    curves[0, 4] *= 50.0
    rows = np.stack([curves, curves[::-1]])
    at = WIDTHS[np.argmax(curves[1, 3:]) + 3]
    assert peak_places(WIDTHS, np.log(rows)).tolist() == [at, at]
    assert WIDTHS[interior_peak(curves.mean(axis=0)).peak_index] != at
    several = np.stack([rows, np.sort(rows, axis=-1)], axis=2)
    np.testing.assert_array_equal(peak_places(WIDTHS, np.log(several)), [[at, np.nan], [at, np.nan]])


def test_the_largest_error_of_a_peak_is_over_curves_and_places():
    """Two curves of two redraws whose geometric means peak at 40 and at 80, where they should be at 50 and at 64."""
    sizes = np.array([20, 40, 80, 160])
    curves = np.log(np.array([[[1.0, 9, 1, 1], [1, 1, 9, 1]], [[1.0, 4, 2, 1], [1, 2, 4, 1]]]))
    errors = largest_peak_error(sizes, curves[None], np.array([50.0, 64.0]))
    np.testing.assert_allclose(errors, [0.25])
    np.testing.assert_allclose(largest_peak_error(sizes, curves[None, :, :1], 40.0), [0.0], atol=1e-12)
