"""Descents against gradients by hand; margins of the best directions are all there is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import max_margin, max_sup_margin, relative_margins, separable_descents, separable_sample

RATES = {"learning_rate": 0.5, "momentum": 0.9, "adam_learning_rate": 0.01}


def sample(seed=4, **changes):
    with jax.enable_x64(True):
        shape = {"num_examples": 3, "num_features": 8, "margin": 0.1} | changes
        return separable_sample(jax.random.key(seed), **shape)


def test_a_sample_is_separable_by_its_margin():
    signed = np.asarray(sample(num_examples=30, num_features=4, margin=0.2))
    assert signed.dtype == np.float64 and max_margin(signed, np.ones(30)).margin >= 0.2


def test_each_descent_is_its_equation():
    signed = sample()
    with jax.enable_x64(True):
        path = np.asarray(separable_descents(signed, (1, 8), **RATES))
        gradient = jax.grad(lambda v: jnp.sum(jax.nn.softplus(-signed @ v)))
        w, heavy, velocity = np.zeros(8), np.zeros(8), np.zeros(8)
        for _ in range(8):
            w = w - 0.5 * np.asarray(gradient(w))
            velocity = 0.9 * velocity + 0.1 * np.asarray(gradient(heavy))
            heavy = heavy - 0.5 * velocity
    np.testing.assert_allclose(path[-1, :, :2], np.stack([w, heavy], axis=1), rtol=1e-12)
    np.testing.assert_allclose(np.abs(path[0, :, 2]), 0.01, rtol=1e-9)  # Adam's first step is its rate


def test_shares_are_1_at_the_best_directions_and_below_elsewhere():
    signed = np.asarray(sample())
    best, sup = (learner(signed, np.ones(3)).direction for learner in (max_margin, max_sup_margin))
    found = relative_margins(signed, 3.0 * np.stack([best, sup]))
    np.testing.assert_allclose(found.angle[0], 0.0, atol=1e-7)
    np.testing.assert_allclose([found.margin_share[0], found.sup_margin_share[1]], 1.0, rtol=1e-6)
    assert found.angle[1] > 0.01 and found.margin_share[1] < 1 and found.sup_margin_share[0] < 1


def test_bad_arguments_are_refused():
    with pytest.raises(ConfigError, match="margin"):
        sample(margin=-1.0)
    with pytest.raises(ConfigError, match="not separable"):
        relative_margins(np.array([[1.0], [-1.0]]), np.ones(1))
