"""Fits on the first columns: the residual is that of least squares, and rounding once there is a column an equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import prefix_fits

RANDOM = np.random.default_rng(0)
X, TARGETS = RANDOM.normal(size=(6, 9)), RANDOM.normal(size=(6, 2))


def test_residuals_and_outputs_are_those_of_least_squares_on_each_prefix():
    with jax.enable_x64(True):
        residual, outputs = prefix_fits(jnp.asarray(X), jnp.asarray(TARGETS), (2, 5, 6, 9))
    for i, size in enumerate((2, 5, 6, 9)):
        exact = X[:, :size] @ np.linalg.lstsq(X[:, :size], TARGETS, rcond=None)[0]
        np.testing.assert_allclose(outputs[i], exact, atol=1e-10)
    left = np.sum((outputs[:2] - TARGETS) ** 2, axis=(1, 2)) / np.sum(TARGETS**2)
    np.testing.assert_allclose(residual[:2], left)
    assert residual[1] > 1e-3 and np.all(residual[2:] < 1e-20)


def test_sizes_beyond_the_columns_are_refused():
    with pytest.raises(ConfigError, match="sizes = "):
        prefix_fits(X, TARGETS, (10,))
