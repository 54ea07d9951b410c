"""Medians as rows: their intervals are those of analysis, values that are not finite are neither drawn nor counted."""

import numpy as np

from gendyn.analysis import median_over_seeds
from gendyn.plots import draw_panels, median_rows

VALUES = [np.array([3.0, 1.0, np.nan, 2.0, np.inf]), np.array([5.0])]


def test_each_row_is_the_median_of_what_is_finite():
    made = median_rows("loss", VALUES, ["first", "second"], x_scale="log")
    assert made.rows == ("first", "second") and made.x_label == "loss" and made.x_scale == "log"
    assert made.groups[""][0] == median_over_seeds(np.array([3.0, 1.0, 2.0]))
    assert [sorted(dots) for dots in made.dots] == [[1.0, 2.0, 3.0], [5.0]]


def test_rows_without_names_are_drawn_and_a_row_without_values_is_empty():
    made = median_rows("loss", [*VALUES, np.array([np.nan])])
    assert made.rows == ("", "", "") and len(made.dots[2]) == 0
    (ax,) = draw_panels([made]).axes
    assert ax.get_xlabel() == "loss"
