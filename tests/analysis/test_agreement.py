"""Agreement is judged by the worst place, relative, from means over redraws."""

import numpy as np
import pytest

from gendyn.analysis import agreement, consistency, sampling_error
from gendyn.core import ConfigError

EXACT = np.array([0.1, 1.0, 30.0])


def redraws(errors=(0.0, 0.0, 0.0), spread=0.1, count=2000):
    noise = np.random.default_rng(3).normal(0.0, spread, [count, 3])
    return EXACT * (1.0 + np.array(errors) + noise)


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [((0.0, 0.0, 0.0), "supported"), ((0.05, 0.0, 0.0), "refuted"), ((0.0, 0.02, 0.0), "undecided")],
)
def test_the_largest_relative_error_decides(errors, verdict):
    found = agreement("they agree", redraws(errors), EXACT, tolerance=0.02)
    assert found.decided(0.9) == verdict
    assert f"place {int(np.argmax(errors))}" in found.detail or not any(errors)


def test_few_redraws_decide_nothing():
    assert agreement("they agree", redraws(count=4), EXACT, tolerance=0.02).decided(0.9) == "undecided"
    assert agreement("they agree", redraws(spread=1.0, count=30), EXACT, tolerance=0.02).decided(0.9) != "supported"


def test_places_may_have_several_axes_and_one_closed_form():
    table = redraws((0.0, 0.05, 0.0))
    folded, truth = table.reshape(-1, 3, 1), EXACT[:, None]
    assert agreement("", folded, truth, tolerance=0.02) == agreement("", table, EXACT, tolerance=0.02)
    assert agreement("", table / EXACT, 1.0, tolerance=0.02) == agreement("", table / EXACT, np.ones(3), tolerance=0.02)
    assert consistency(folded, truth) == consistency(table, EXACT)


def test_the_worst_place_is_named_along_every_axis():
    table, truth = np.ones((5, 2, 3)), np.ones((2, 3))
    table[:, 1, 2] = 1.5
    assert "the largest error is at place (1, 2)," in agreement("", table, truth, tolerance=0.1).detail
    assert "the largest error is at place 2," in agreement("", table[:, 1:], truth[1:], tolerance=0.1).detail


def test_a_threshold_is_refused():
    with pytest.raises(ConfigError, match="leave out"):
        agreement("they agree", redraws(), np.array([1.0, np.inf, 2.0]), tolerance=0.02)
    with pytest.raises(ConfigError, match="do not fit"):
        agreement("they agree", redraws(), EXACT[:2], tolerance=0.02)
    with pytest.raises(ConfigError, match="tolerance"):
        agreement("they agree", redraws(), EXACT, tolerance=0.0)


def test_redraws_that_are_not_finite_decide_nothing_and_are_named():
    table = redraws()
    table[[3, 5], 1] = [np.nan, np.inf]
    found = agreement("they agree", table, EXACT, tolerance=0.02)
    assert (
        found.decided(0.9) == "undecided" and "2 redraws are not finite, at 1 places, the first place 1" in found.detail
    )
    with pytest.raises(ConfigError, match="S and places >= 1"):
        agreement("they agree", table[:0], EXACT, tolerance=0.02)


def test_consistency_is_the_worst_place_in_units_of_what_is_allowed():
    rows = redraws((0.0, 0.05, 0.0), count=500)
    errors = rows.std(axis=0, ddof=1) / np.sqrt(500)
    expected = np.max(np.abs(rows.mean(axis=0) - EXACT) / np.maximum(3.0 * errors, 0.02 * EXACT))
    found = consistency(rows, EXACT)
    assert found[:3] == pytest.approx((expected,) * 3) and expected > 2
    assert consistency(redraws(count=500), EXACT).high < 1  # negative control: nothing is off
    loose = consistency(rows, EXACT, num_errors=0.0, close=0.1)
    assert loose.estimate == pytest.approx(np.max(np.abs(rows.mean(axis=0) / EXACT - 1)) / 0.1)


def test_consistency_of_few_redraws_says_nothing():
    for count in (1, 4):
        found = consistency(redraws(count=count), EXACT)
        assert np.isfinite(found.estimate) and found[1:3] == (-np.inf, np.inf)
    assert np.isfinite(consistency(redraws(count=5), EXACT).low)
    with pytest.raises(ConfigError, match=r"redraws \(0, 3\) and exact \(3,\) do not fit"):
        consistency(np.zeros((0, 3)), EXACT)


def test_the_sampling_error_is_what_chance_makes_of_the_mean_error():
    random = np.random.default_rng(5)
    draws = random.normal(1.0, 0.2, [300, 2, 50, 4])
    found = [np.mean(np.abs(a.mean(0) / b.mean(0) - 1)) for a, b in draws]
    expected = np.mean([sampling_error(a, b) for a, b in draws])
    assert np.mean(found) == pytest.approx(expected, rel=0.05)
