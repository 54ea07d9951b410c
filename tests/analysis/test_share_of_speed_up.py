"""The share of a speed-up that is left against controls: of logarithms, of the faster control, honest if cut off."""

import numpy as np
import pytest

from gendyn.analysis import Crossing, share_of_speed_up

SPREAD = np.exp(0.1 * np.random.default_rng(0).normal(size=(3, 9)))


def at(step, row=0, *, seen=True):
    times = step * SPREAD[row]
    return Crossing(times, times - 1.0, np.full(9, seen))


def test_it_is_of_logarithms_and_of_the_faster_control():
    found = share_of_speed_up(at(8000.0), at(1000.0), [at(2000.0), at(4000.0)])
    assert found.estimate == pytest.approx(1 / 3) and found.low <= found.estimate <= found.high
    noisy = share_of_speed_up(at(8000.0), at(1000.0, 1), [at(4000.0, 2)])
    assert noisy.low < 2 / 3 < noisy.high


@pytest.mark.parametrize(("control", "share"), [(8000.0, 1.0), (1000.0, 0.0)])
def test_controls_that_gain_nothing_or_all(control, share):
    assert share_of_speed_up(at(8000.0), at(1000.0), [at(control)]).estimate == pytest.approx(share)


def test_a_baseline_that_is_cut_off_widens_it_to_0():
    cut = share_of_speed_up(at(8000.0, seen=False), at(1000.0), [at(2000.0)])
    assert cut.low == 0.0 and cut.estimate == pytest.approx(1 / 3) == pytest.approx(cut.high)


def test_it_is_unknown_without_a_speed_up_or_beyond_a_budget():
    for baseline, arm, control in (
        (at(1000.0), at(2000.0), at(500.0)),
        (at(8000.0), at(1000.0), at(9000.0, seen=False)),
    ):
        found = share_of_speed_up(baseline, arm, [control])
        assert np.isnan(found.estimate) and found.low == -np.inf and found.high == np.inf
