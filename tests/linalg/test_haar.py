"""Uniform orthogonal matrices: orthogonal, and with the moments of the Haar measure."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import haar_orthogonal


def test_draws_are_orthogonal_and_uniform():
    q = haar_orthogonal(np.random.default_rng(0).normal(size=(4000, 5, 5)))
    np.testing.assert_allclose(q @ np.swapaxes(q, -1, -2), np.broadcast_to(np.eye(5), q.shape), atol=1e-12)
    # An entry has mean 0 and a square of 1 / n on average, with variance 2 (n - 1) / (n^2 (n + 2)) of the square.
    assert np.abs(q.mean(axis=0)).max() < 4.5 * np.sqrt(1 / 5 / 4000)
    assert np.abs((q**2).mean(axis=0) - 1 / 5).max() < 4.5 * np.sqrt(8 / 175 / 4000)


def test_lapacks_signs_would_not_be_uniform():
    plain = np.linalg.qr(np.random.default_rng(0).normal(size=(4000, 5, 5)))[0]
    assert np.abs(plain.mean(axis=0)).max() > 0.1


def test_matrices_that_are_not_square_are_refused():
    with pytest.raises(ConfigError, match=r"must be \[\.\.\., n, n\]"):
        haar_orthogonal(np.ones((2, 3)))
