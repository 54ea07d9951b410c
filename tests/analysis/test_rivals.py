"""Each rival over the best of the others, along any axis; a single one is refused."""

import numpy as np
import pytest

from gendyn.analysis import ratio_to_best_other
from gendyn.core import ConfigError


def test_every_entry_is_divided_by_the_smallest_of_the_others():
    table = np.random.default_rng(0).uniform(1, 2, size=(4, 3, 5))
    found = ratio_to_best_other(table, axis=1)
    for rival in range(3):
        others = np.delete(table, rival, axis=1).min(axis=1)
        np.testing.assert_array_equal(found[:, rival], table[:, rival] / others)


def test_one_alone_is_refused():
    with pytest.raises(ConfigError, match=r"errors \(2, 1\) need at least two rivals on axis 1"):
        ratio_to_best_other(np.ones((2, 1)), axis=1)
