"""The alternative text says what is drawn: labels that panels share, and where each line leads."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gendyn.plots import described


def test_panels_that_share_an_axis_share_its_label():
    made = Figure()
    left, right = made.subplots(1, 2, sharey=True)
    left.set(ylabel="$\\alpha$ loss", xlabel="width", title="no noise")
    right.set(xlabel="depth")
    assert described(made) == "No noise: alpha loss against width. Alpha loss against depth."


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([1, 2, 3], "1 at 0, 3 at 2"),
        ([1, 5, 3], "1 at 0, highest 5 at 1, 3 at 2"),
        ([4, 1, 3], "4 at 0, lowest 1 at 1, 3 at 2"),
        ([np.nan, 1, 3], "1 at 1, 3 at 2"),
        ([np.nan, np.nan, 3], None),
    ],
)
def test_a_line_is_its_ends_and_the_extremum_between(y, said):
    made = Figure()
    made.subplots().plot([0, 1, 2], y, label="test")
    assert described(made) == (f"test: {said}." if said else "test.")


def test_what_has_no_name_is_left_out_and_long_figures_are_cut():
    made = Figure()
    for ax in made.subplots(4, 2).flat:
        ax.set_title("a")
        ax.axhline(1.0)
    assert described(made) == "A. " * 6 + "2 more panels."
