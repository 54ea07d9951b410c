"""One-sided ends at places: closed forms, what infinite, equal and few rows do, and shared tails."""

import numpy as np
import pytest
from scipy.stats import beta, binom, t

from gendyn.analysis import counted, geometric_mean, median, ranked, resampled, share_interval, smooth

RANDOM = np.random.default_rng(0)
SYMMETRIC = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
SKEWED = RANDOM.lognormal(size=(10, 3))
INF = np.inf


def itself(means):
    return means


def test_without_skewness_a_mean_has_students_ends():
    found = smooth(itself, SYMMETRIC[:, None])
    half = t.ppf(0.95, 4) * np.sqrt(2.5 / 5)
    assert found.estimate == 0.0 and found.defined == 1.0
    np.testing.assert_allclose(found.ends(0.05, 1), [[-half], [half]], atol=1e-6)
    # A tail that ten ends share: Student's quantile, wider by 1 + 8 / 5.
    np.testing.assert_allclose(found.ends(0.05, 10)[1], t.ppf(0.995, 4) * np.sqrt(0.5) * 2.6, rtol=1e-5)


def test_the_long_tail_has_the_further_end_and_none_is_nearer_than_students():
    found = smooth(itself, SKEWED)
    mean, half = SKEWED.mean(axis=0), t.ppf(0.95, 9) * SKEWED.std(axis=0, ddof=1) / np.sqrt(10)
    low, high = found.ends(0.05, 1)
    assert np.all(high > mean + 1.05 * half) and np.all(low <= mean - half * (1 - 1e-9))
    mirrored = smooth(itself, -SKEWED).ends(0.05, 1)
    np.testing.assert_allclose(mirrored, [-high, -low])


def test_halls_transform_is_exact_for_its_inverse():
    """W(z) solves Q(W) = z, Q(W) = W + g W^2 / 3 + g^2 W^3 / 27 + g / (6 S): Hall's cubic, with W = (mean - t) / s."""
    rows = SKEWED[:, :1]
    sd, centred = rows.std(ddof=1), rows - rows.mean()
    skewness = 1.25 * np.mean(centred**3) / rows.std() ** 3 * np.sqrt(10 * 9) / 8
    high = smooth(itself, rows).ends(0.05, 1)[1][0]
    w = (rows.mean() - high) / sd
    left = w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / 60
    assert left == pytest.approx(-t.ppf(0.95, 9) / np.sqrt(10), rel=1e-9)


def test_a_smooth_function_of_means_has_the_delta_methods_ends_with_many_rows():
    rows = 3.0 + RANDOM.normal(size=(4000, 2))
    found = smooth(lambda a, b: a / b, rows[:, :1], rows[:, 1:])
    mean = rows.mean(axis=0)
    error = np.std(rows[:, 0] / mean[1] - rows[:, 1] * mean[0] / mean[1] ** 2) / np.sqrt(4000)
    np.testing.assert_allclose(
        found.ends(0.05, 1), mean[0] / mean[1] + 1.645 * error * np.array([[-1], [1]]), rtol=1e-3
    )


def test_rows_that_are_not_finite_are_resampled():
    rows = SKEWED.copy()
    rows[3, 1] = INF
    found, apart = smooth(itself, rows), smooth(itself, rows[:, [0, 2]])
    low, high = found.ends(0.05, 1)
    np.testing.assert_allclose([low[[0, 2]], high[[0, 2]]], apart.ends(0.05, 1))
    assert found.estimate[1] == INF == high[1] and np.isfinite(low[1])
    assert [end.tolist() for end in smooth(itself, np.full((6, 2), INF)).ends(0.05, 40)] == [[INF, INF]] * 2


def test_medians_lie_between_order_statistics_exact_where_a_tail_is():
    rows = np.arange(1.0, 11.0)
    for k in (1, 2, 3):
        assert [float(end[0]) for end in ranked(rows).ends(binom.cdf(k - 1, 10, 0.5), 1)] == [k, 11 - k]
    low, high = (float(end[0]) for end in ranked(rows).ends(0.05, 1))
    assert 2 < low < 3 and low + high == pytest.approx(11)
    # Hettmansperger and Sheather's weight, by hand: tails 11 / 1024 and 56 / 1024 of k = 2 and 3.
    share = (0.05 - 11 / 1024) / (45 / 1024)
    assert low == pytest.approx(2 + 8 * share / (2 + 6 * share))
    assert [float(end[0]) for end in ranked(np.arange(3.0)).ends(0.4999, 1)] == pytest.approx([1.0, 1.0], abs=1e-2)


def test_medians_beside_infinite_rows_and_of_nan():
    rows = np.append(np.arange(1.0, 9.0), [INF, INF])
    low, high = ranked(rows).ends(0.05, 1)
    assert high[0] == INF and low[0] == pytest.approx(ranked(np.arange(1.0, 11.0)).ends(0.05, 1)[0][0])
    assert ranked(-rows).ends(0.05, 1)[0][0] == -INF
    found = ranked(np.stack([rows, np.append(rows[:-1], np.nan)], axis=1))
    assert np.isnan(found.estimate).tolist() == [False, True] and found.defined == pytest.approx(0.9**10)
    assert found.ends(0.05, 1)[0][1] == -INF and found.ends(0.05, 1)[1][1] == INF


@pytest.mark.parametrize("made", [lambda rows: smooth(itself, rows), ranked, lambda rows: resampled(median, rows)])
def test_few_rows_say_nothing_and_equal_rows_are_a_point(made):
    assert [float(end[0]) for end in made(SKEWED[:4, :1]).ends(0.05, 1)] == [-INF, INF]
    assert np.isfinite(made(SKEWED[:5, :1]).ends(0.05, 1)).all()
    for sharing in (1, 50):
        np.testing.assert_array_equal(made(np.ones((5, 2))).ends(0.05, sharing), np.ones((2, 2)))
    assert np.isinf(made(np.ones((4, 1))).ends(0.05, 1)).all()


@pytest.mark.parametrize("made", [ranked, lambda rows: resampled(geometric_mean, rows)])
def test_a_shared_tail_that_the_rows_do_not_have_says_nothing(made):
    assert np.isinf(made(SKEWED).ends(0.05, 100)).all()
    assert np.isfinite(made(SKEWED).ends(0.05, 50)).all()


def test_shares_have_clopper_and_pearsons_ends():
    rows = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]], bool)
    low, high = counted(rows).ends(0.05, 1)
    for place in range(3):
        one = share_interval(rows[:, place], level=0.9)
        np.testing.assert_allclose([low[place], high[place]], one[1:3])
    assert counted(rows).ends(0.05, 5)[0][0] == pytest.approx(beta.ppf(0.01, 4, 1))
