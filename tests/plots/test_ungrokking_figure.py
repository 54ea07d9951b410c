"""The figure of ungrokking: what is drawn is what was passed, and open intervals run to the edge."""

import math

import numpy as np
import pytest

from gendyn.analysis import Interval
from gendyn.core import ConfigError
from gendyn.plots.ungrokking import Shrunk, ungrokking

FRACTIONS = np.array([0.1, 0.2, 0.4])


def row(decay, *, critical=0.25, high=0.3):
    accuracy = np.tile([0.1, 0.4, 0.9], (8, 1)) + 0.01 * np.arange(8)[:, None]
    known = Interval(critical, 0.2, high, 0.9, 1.0)
    return Shrunk(decay, accuracy, accuracy - 0.05, known, Interval(math.nan, -math.inf, math.inf, 0.9, 1.0))


def test_medians_and_critical_fractions_are_drawn():
    made = ungrokking(FRACTIONS, [row(0.5), row(2.0, high=math.inf)], note="a note")
    curves, critical = made.axes
    solid, dashed = curves.get_lines()[:2]
    np.testing.assert_allclose(solid.get_ydata(), [0.135, 0.435, 0.935])
    np.testing.assert_allclose(dashed.get_ydata(), [0.085, 0.385, 0.885])
    assert solid.get_color() == dashed.get_color() and solid.get_linestyle() != dashed.get_linestyle()
    assert [text.get_text() for text in curves.get_legend().get_texts()] == ["0.5", "2"]
    drawn = [line.get_ydata() for line in critical.get_lines()]
    assert [0.2, 0.3] in [list(y) for y in drawn] and [0.2, 0.4] in [list(y) for y in drawn]
    assert sum(len(y) == 1 for y in drawn) == 2  # the unknown estimates have no mark
    shaded = critical.patches[0].get_extents().transformed(critical.transData.inverted())
    np.testing.assert_allclose([shaded.y0, shaded.y1], [0.25 / 1.25, 0.25 * 1.25])
    assert "a note" in made.get_supxlabel() and "8 seeds" in made.get_supxlabel()


def test_points_that_lack_a_run_are_left_out():
    lacking = row(1.0)
    lacking.control[0, 1] = np.nan
    made = ungrokking(FRACTIONS, [lacking])
    assert made.axes[0].get_lines()[1].get_xdata().tolist() == [0.1, 0.4]


def test_bad_input():
    with pytest.raises(ConfigError, match="rows is empty"):
        ungrokking(FRACTIONS, [])
    with pytest.raises(ConfigError, match=r"equivalence = 0.5 must be"):
        ungrokking(FRACTIONS, [row(1.0)], equivalence=0.5)
    with pytest.raises(ConfigError, match=r"weight decay 1: continued has shape \(8, 3\); for 2 fractions"):
        ungrokking(FRACTIONS[:2], [row(1.0)])
