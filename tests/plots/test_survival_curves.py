"""Survival curves: medians and ticks where the runs say, and what is censored looks censored."""

import numpy as np
import pytest

from gendyn.analysis import Crossing
from gendyn.core import ConfigError
from gendyn.plots import survival_curves

SEEN = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool)
TIMES = np.array([10.0, 20, 30, 40, 50, 60, 99, 99])
EVENT = "at 95% test accuracy"


def arm(times, seen):
    return Crossing(np.array(times, float), np.array(times, float), np.array(seen, bool))


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def num_bands(made):
    """How many are drawn."""
    return sum(bool(band.get_paths()) for band in made.axes[0].collections)


def test_curves_ticks_and_medians():
    arms = {"slow": arm(TIMES, SEEN), "never": arm([99.0] * 8, [False] * 8)}
    made = survival_curves(arms, event=EVENT, note="a note")
    top, bottom = made.axes
    x, y = line(top, "slow (6 of 8)").get_data()
    np.testing.assert_allclose(y[1:-2], [0.875, 0.75, 0.625, 0.5, 0.375, 0.25])
    assert x[1:7].tolist() == [10, 20, 30, 40, 50, 60] and y[0] == 1 and y[-1] == 0.25
    assert x[-1] == 99.0  # no further than it was followed
    assert line(top, "slow").get_drawstyle() == "steps-post"
    ticks = [found.get_xydata().tolist() for found in top.get_lines() if found.get_marker() == "|"]
    assert ticks == [[[99.0, 0.25]], [[99.0, 1.0]]]
    assert [text.get_text() for text in bottom.texts] == ["45", "> 99"]
    assert [text.get_text() for text in bottom.get_yticklabels()] == ["slow (6 of 8)", "never (0 of 8)"]
    assert bottom.get_xscale() == "log" and "a note" in made.get_supxlabel() and "90%" in bottom.get_xlabel()
    # An unreached median's interval starts where the runs were followed to, not at the left end of the axis.
    arrow = next(i for i, found in enumerate(bottom.get_lines()) if found.get_marker() == ">")
    assert bottom.get_lines()[arrow - 1].get_xdata()[0] == bottom.get_lines()[arrow].get_xdata()[0] == 99.0


def test_a_median_has_its_interval_in_its_arm_s_colour():
    bottom = survival_curves({"a": arm(TIMES, SEEN), "b": arm(TIMES, ~SEEN | SEEN)}, event=EVENT).axes[1]
    first, second = (found for found in bottom.get_lines() if found.get_marker() == "o" and len(found.get_xdata()))
    assert first.get_xdata()[0] == second.get_xdata()[0] == 45.0 and first.get_color() != second.get_color()
    (bar,) = (found for found in bottom.get_lines() if found.get_linewidth() == 2.2 and 0 in found.get_ydata())
    assert bar.get_color() == first.get_color() and bar.get_xdata()[0] < 45 < bar.get_xdata()[1]


def test_only_few_arms_have_bands():
    assert num_bands(survival_curves({str(i): arm(TIMES, SEEN) for i in range(5)}, event=EVENT)) == 5
    made = survival_curves({str(i): arm(TIMES, SEEN) for i in range(6)}, event=EVENT)
    assert num_bands(made) == 0 and "band" not in made.get_supxlabel()


def test_runs_that_never_arrive_are_held_and_what_has_no_place_is_refused():
    made = survival_curves({"one": arm([5.0, 9, np.inf], [True, True, False])}, event=EVENT)
    assert line(made.axes[0], "one (2 of 3)").get_ydata()[-1] == pytest.approx(1 / 3)
    with pytest.raises(ConfigError, match="arms has 0 entries; pass 1 to 16"):
        survival_curves({}, event=EVENT)
    with pytest.raises(ConfigError, match="arms has 17 entries"):
        survival_curves({str(i): arm(TIMES, SEEN) for i in range(17)}, event=EVENT)
    with pytest.raises(ConfigError, match="early: times must be positive"):
        survival_curves({"early": arm([0.0, 0.0], [True, True])}, event=EVENT)
    with pytest.raises(ConfigError, match="no finite time"):
        survival_curves({"none": arm([np.inf] * 2, [False] * 2)}, event=EVENT)
