"""Maps have their rank and size; entries are seen apart from their values; bad sizes are refused."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import matrix_completions

SHAPE = {"size": 6, "rank": 2, "num_observed": 9}


def test_maps_and_masks_are_what_they_say():
    maps, seen = matrix_completions(range(200), **SHAPE)
    assert set(np.linalg.matrix_rank(maps)) == {2} and set(np.unique(seen)) == {0.0, 1.0}
    np.testing.assert_allclose(np.sum(maps**2, axis=(1, 2)), 2.0)
    assert set(seen.sum(axis=(1, 2))) == {9.0}
    # Every entry is seen as often as any other: 9 of 36, to four standard errors; so are large ones.
    np.testing.assert_allclose(seen.mean(axis=0), 0.25, atol=4 * np.sqrt(0.25 * 0.75 / 200))
    assert np.mean(maps[seen > 0] ** 2) == pytest.approx(2 / 36, rel=0.15)


def test_a_seed_has_its_own_matrix_whatever_stands_beside_it():
    together, alone = matrix_completions((5, 7), **SHAPE), matrix_completions((7,), **SHAPE)
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_array_equal(many[1], one[0])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"rank": 7}, "^rank = 7 and .* must fit into 6 rows"),
        ({"num_observed": 0}, "num_observed = 0 must fit"),
        ({"num_observed": 37}, "num_observed = 37 must fit"),
        ({"rank": 0}, "^rank = 0 must be an integer of at least 1"),
        ({"size": 0}, "^size = 0 must be an integer of at least 1"),
    ],
)
def test_bad_sizes_are_refused(changes, fault):
    with pytest.raises(ConfigError, match=fault):
        matrix_completions((0,), **SHAPE | changes)
