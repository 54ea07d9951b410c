"""Steps are those of both losses; logistic loss raises the margin after the fit and squared loss does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError, stream
from gendyn.regression import relu_margins

SHAPE = {"num_examples": 6, "num_features": 4, "width": 5}


def test_two_steps_are_those_of_both_losses():
    key = jax.random.key(3)
    with jax.enable_x64(True):
        found = relu_margins(key, **SHAPE, steps=np.array([0, 2]), learning_rate=0.7)
        x = np.asarray(jax.random.normal(stream(key, "x"), (6, 4), float)) / 2
        y = np.where(np.asarray(jax.random.permutation(stream(key, "labels"), 6)) % 2 == 0, 1.0, -1.0)
        w = np.asarray(jax.random.normal(stream(key, "hidden"), (5, 4), float)) / 2
        a = np.asarray(jax.random.normal(stream(key, "readout"), (5,), float)) / 5**0.5
    for row, logistic in enumerate((True, False)):
        hidden, readout = w.copy(), a.copy()
        for _ in range(2):
            units = np.maximum(x @ hidden.T, 0)
            right = y * (units @ readout)
            slope = (-1 / (1 + np.exp(right)) if logistic else right - 1) * y / 6
            loss = np.mean(np.log1p(np.exp(-right))) if logistic else 1.0
            rate = 0.7 / (1 + np.sum(hidden**2) + np.sum(readout**2)) / loss
            back = (slope[:, None] * readout * (units > 0)).T @ x
            hidden, readout = hidden - rate * back, readout - rate * units.T @ slope
        right = y * (np.maximum(x @ hidden.T, 0) @ readout)
        margin = right.min() / (np.sum(hidden**2) + np.sum(readout**2))
        np.testing.assert_allclose(found.margin[row, 1], margin, rtol=1e-9)
        total = np.sum(np.log1p(np.exp(-right)) if logistic else 0.5 * (right - 1) ** 2)
        np.testing.assert_allclose(found.loss[row, 1], total, rtol=1e-9)


def test_bad_arguments_are_refused():
    with pytest.raises(ConfigError, match="width"):
        relu_margins(jax.random.key(0), **SHAPE | {"width": 0}, steps=np.array([1]), learning_rate=1.0)
    with pytest.raises(ConfigError, match="learning_rate"):
        relu_margins(jax.random.key(0), **SHAPE, steps=np.array([1]), learning_rate=0.0)
    with pytest.raises(ConfigError):
        relu_margins(jax.random.key(0), **SHAPE, steps=np.array([2, 1]), learning_rate=jnp.ones(()))
