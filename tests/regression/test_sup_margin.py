"""The largest margin of the largest coordinate, against a search, its own bounds, and bad input."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import max_margin, max_sup_margin


def test_no_direction_of_a_fine_search_has_a_larger_margin():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 2))
    y = np.sign(x @ np.array([1.0, 0.4]))
    found = max_sup_margin(x, y)
    assert np.max(np.abs(found.direction)) == pytest.approx(1.0)
    assert np.min(y * (x @ found.direction)) == pytest.approx(found.margin)
    angles = np.linspace(0, 2 * np.pi, 20_001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    margins = np.min(y[:, None] * (x @ directions), axis=0) / np.max(np.abs(directions), axis=0)
    assert margins.max() == pytest.approx(found.margin, rel=1e-3) and margins.max() <= found.margin + 1e-12


def test_it_is_at_least_the_euclidean_margin_and_at_most_root_p_times_it():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 30))
    y = np.sign(rng.normal(size=6))
    ratio = max_sup_margin(x, y).margin / max_margin(x, y).margin
    assert 1.0 < ratio < np.sqrt(30)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0], [1.0], r"must be \[n, p\]"),
        ([[1.0]], [1.0, -1.0], "its n labels"),
        ([[np.nan]], [1.0], "must be finite"),
        ([[1.0]], [0.0], "each label of y -1 or 1"),
        ([[1.0], [1.0]], [1.0, -1.0], "is not separable by a hyperplane through the origin"),
    ],
)
def test_bad_input_is_refused(x, y, message):
    with pytest.raises(ConfigError, match=message):
        max_sup_margin(np.array(x), np.array(y))
