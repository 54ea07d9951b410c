"""The share is of the rise from the last place to the peak."""

import numpy as np

from gendyn.analysis import share_of_rise

TOTAL = np.array([[1.0, 6.0, 2.0], [7.0, 6.0, 2.0]])


def test_the_peak_is_given_or_that_of_each_resample():
    part = TOTAL / 4 + 1.0  # what is in it all along is no part of the rise
    np.testing.assert_allclose(share_of_rise(TOTAL, part), 0.25)
    part[:, 0] = 2.0
    np.testing.assert_allclose(share_of_rise(TOTAL, part), [0.25, 0.1])
    np.testing.assert_allclose(share_of_rise(TOTAL, part, peak=1), 0.25)


def test_a_curve_that_does_not_rise_has_no_share():
    falls = TOTAL[:, ::-1].copy()
    falls[0] = [0.0, 1.0, 3.0]
    assert np.isnan(share_of_rise(falls, falls)).tolist() == [True, True]
