"""Accuracies of one arm: medians where every seed is, the seeds beside them, step 0 on the axis."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots import accuracy_panel, draw_panels

STEPS = np.array([0.0, 1.0, 10.0, 100.0])


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def test_it_draws_medians_where_all_seeds_are():
    test = np.array([[0, 0, 0.2, 1.0], [0, 0, 0.4, 0.9], [0, 0, 0.9, np.nan]])
    made = draw_panels([accuracy_panel("arm", STEPS, np.ones((3, 4)), test, legend="best")], over="seeds")
    ax = made.axes[0]
    np.testing.assert_array_equal(line(ax, "test").get_xydata(), [[0, 0], [1, 0], [10, 0.4]])
    np.testing.assert_array_equal(line(ax, "train").get_ydata(), np.ones(4))
    assert sum(found.get_linewidth() == 0.7 for found in ax.get_lines()) == 3
    assert ax.get_xlim() == (0, 100) and ax.get_title() == "arm" and ax.get_xscale() == "symlog"
    assert "75% intervals of the median over seeds" in made.get_supxlabel()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test"]


def test_it_refuses_arrays_that_do_not_fit():
    with pytest.raises(ConfigError, match=r"curve 'test': x \(4,\) needs redraws"):
        draw_panels([accuracy_panel("arm", STEPS, np.ones((3, 4)), np.ones((3, 3)))])
    with pytest.raises(ConfigError, match="neither redraws nor a closed form"):
        draw_panels([accuracy_panel("arm", STEPS, np.ones((0, 4)), np.ones((3, 4)))])
