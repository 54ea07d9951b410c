"""The cell that shows a phase: the largest share, then the nearest to the middle, and only with half of the runs."""

import numpy as np

from gendyn.analysis import typical_cell


def grid(counts):
    """Of 4 runs a cell, so many are in phase "a"."""
    return np.where(np.arange(4) < np.array(counts)[..., None], "a", "b")


def test_the_largest_share_wins_and_then_the_middle():
    assert typical_cell(grid([[1, 3, 2], [0, 0, 2]]), "a") == (0, 1)
    assert typical_cell(grid([[4, 0, 0], [0, 4, 0], [0, 0, 4]]), "a") == (1, 1)


def test_less_than_half_shows_nothing_and_missing_runs_do_not_count():
    assert typical_cell(grid([[1, 1]]), "a") is None
    phases = grid([[1, 1]])
    phases[0, 1, 2:] = ""
    assert typical_cell(phases, "a") == (0, 1)
    assert typical_cell(np.full((1, 1, 2), ""), "a") is None
