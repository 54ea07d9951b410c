"""Steps are those of one example each; where all can be fitted the least norm is found from 0, and from 0 alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import stochastic_descent


def problem():
    random = np.random.default_rng(0)
    return random.normal(size=(4, 9)), random.normal(size=4), random.normal(size=(9, 2))


def test_each_step_is_that_of_one_example():
    x, y, start = problem()
    with jax.enable_x64(True):
        key = jax.random.key(1)
        path = stochastic_descent(key, *map(jnp.asarray, (x, y, start)), np.array([0, 1, 5]), learning_rate=0.05)
        drawn = np.asarray(jax.random.randint(key, (5,), 0, 4))
    w = start
    for step, i in enumerate(drawn, 1):
        w = w - 0.05 * np.outer(x[i], x[i] @ w - y[i])
        if step == 1:
            np.testing.assert_allclose(path[1], w, rtol=1e-12)
    np.testing.assert_allclose(path[0], start)
    np.testing.assert_allclose(path[2], w, rtol=1e-12)


def test_from_zero_it_ends_at_the_least_norm_and_keeps_what_another_start_has_outside():
    x, y, start = problem()
    start[:, 0] = 0.0
    with jax.enable_x64(True):
        args = (jax.random.key(2), *map(jnp.asarray, (x, y, start)), np.array([40_000]))
        end = np.asarray(stochastic_descent(*args, learning_rate=0.05))[0]
    shortest = np.linalg.pinv(x) @ y
    np.testing.assert_allclose(end[:, 0], shortest, atol=1e-10)
    outside = start[:, 1] - np.linalg.pinv(x) @ (x @ start[:, 1])
    np.testing.assert_allclose(end[:, 1], shortest + outside, atol=1e-10)


def test_bad_arguments_are_refused():
    x, y, start = (jnp.asarray(array) for array in problem())
    key = jax.random.key(0)
    with pytest.raises(ConfigError, match="must be"):
        stochastic_descent(key, x, y, start[:, 0], np.array([1]), learning_rate=0.1)
    with pytest.raises(ConfigError, match="learning_rate"):
        stochastic_descent(key, x, y, start, np.array([1]), learning_rate=0.0)
    with pytest.raises(ConfigError):
        stochastic_descent(key, x, y, start, np.array([2, 1]), learning_rate=0.1)
