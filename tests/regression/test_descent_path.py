"""Paths of descents against loops by hand, one at a time or side by side, traced or not; bad steps are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.regression import descent_path, parallel_descents

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 8)), RNG.normal(size=5)


def gradient(w):
    return X.T @ (X @ w - Y[:, None]) / len(X)


def test_a_path_is_the_loop_of_its_transform():
    with jax.enable_x64(True):
        start = jnp.asarray(RNG.normal(size=(8, 2)))
        path = descent_path(gradient, start, optax.sgd(0.1, momentum=0.5), (0, 1, 6))
    w, velocity = np.asarray(start), np.zeros((8, 2))
    np.testing.assert_array_equal(path[0], w)
    for step in range(6):
        velocity = 0.5 * velocity + gradient(w)
        w = w - 0.1 * velocity
        if step == 0:
            np.testing.assert_allclose(path[1], w, rtol=1e-12)
    np.testing.assert_allclose(path[2], w, rtol=1e-12)


def test_any_pytree_descends_and_schedules_count_every_step():
    start = {"a": jnp.array([1.0]), "b": jnp.array(2.0)}
    halving = optax.sgd(lambda count: jnp.where(count < 2, 0.5, 0.0))
    path = descent_path(lambda w: w, start, halving, (1, 2, 9))
    np.testing.assert_allclose(path["a"][:, 0], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(path["b"], [1.0, 0.5, 0.5])


def test_descents_side_by_side_are_those_alone():
    transforms = optax.sgd(0.1), optax.sgd(0.1, momentum=0.9), optax.adam(optax.cosine_decay_schedule(0.01, 20))
    with jax.enable_x64(True):
        starts = [jnp.asarray(RNG.normal(size=(8, columns))) for columns in (3, 1, 2)]
        together = parallel_descents(gradient, starts, transforms, (2, 20))
        alone = [descent_path(gradient, *each, (2, 20)) for each in zip(starts, transforms, strict=True)]
    assert together.shape == (2, 8, 6)
    np.testing.assert_allclose(together, jnp.concatenate(alone, axis=2), rtol=1e-10)


def test_rates_and_steps_may_be_traced_under_vmap():
    def end(rate, steps):
        return descent_path(lambda w: w, jnp.ones(2), optax.sgd(rate), steps)[-1, 0]

    found = jax.jit(jax.vmap(end))(jnp.array([0.5, 0.1]), jnp.array([[1, 2], [1, 3]]))
    np.testing.assert_allclose(found, [0.25, 0.729], rtol=1e-6)


@pytest.mark.parametrize("steps", [(), (-1, 2), (2, 2), (3, 1)])
def test_bad_steps_are_refused(steps):
    with pytest.raises(ConfigError, match="must be one or more numbers from 0 up"):
        descent_path(lambda w: w, jnp.ones(2), optax.sgd(0.1), steps)


def test_each_start_needs_its_transform():
    for starts, transforms in (((), ()), ((jnp.ones((2, 1)),), ())):
        with pytest.raises(ConfigError, match=r"starts has \d and transforms 0 entries: give one for each"):
            parallel_descents(lambda w: w, starts, transforms, (1,))
