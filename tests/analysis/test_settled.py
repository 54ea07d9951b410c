"""Medians of last records."""

import numpy as np
import pytest

from gendyn.analysis import settled, settled_at
from gendyn.core import ConfigError

VALUES = np.random.default_rng(0).normal(size=(2, 3, 8))


def test_the_median_of_the_last_records():
    np.testing.assert_array_equal(settled(VALUES), np.median(VALUES[..., 5:], axis=-1))
    np.testing.assert_array_equal(settled(VALUES, last=1), VALUES[..., -1])
    np.testing.assert_array_equal(settled(VALUES, last=99), np.median(VALUES, axis=-1))
    spiked = VALUES.copy()
    spiked[..., -1] = 1e6
    assert (settled(spiked) < 10).all() and (settled(spiked, last=1) == 1e6).all()
    assert np.isnan(settled(np.array([1.0, np.nan, 2.0])))


def test_up_to_a_step_of_each_run():
    steps = np.broadcast_to(np.arange(8.0), VALUES.shape)
    np.testing.assert_array_equal(settled_at(steps, VALUES, 7.0), settled(VALUES))
    np.testing.assert_array_equal(settled_at(steps, VALUES, 4.5), np.median(VALUES[..., 2:5], axis=-1))
    each = np.array([2.0, 7.0])[:, None, None]
    np.testing.assert_array_equal(settled_at(steps, VALUES, each)[0], np.median(VALUES[0, :, :3], axis=-1))
    np.testing.assert_array_equal(settled_at(steps, VALUES, 0.0), VALUES[..., 0])  # the first alone, again and again
    shorter = np.where(steps < 6, steps, np.nan)
    np.testing.assert_array_equal(settled_at(shorter, VALUES, 99.0), np.median(VALUES[..., 3:6], axis=-1))


def test_bad_arguments():
    with pytest.raises(ConfigError, match="last = 0"):
        settled(VALUES, last=0)
    with pytest.raises(ConfigError, match=r"steps has shape \(8,\) and values \(2, 3, 8\)"):
        settled_at(np.arange(8.0), VALUES, 1.0)
