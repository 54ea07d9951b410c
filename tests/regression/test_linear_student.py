"""The student descends the mean square without a half and is scored on its own and on fresh inputs; traced too."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.regression import linear_student

SIZES = {"dimension": 12, "num_train": 20, "num_test": 50}


def test_a_path_is_the_loop_on_the_gradient_of_the_mean_square():
    key, steps = jax.random.key(4), (0, 1, 7)
    found = linear_student(key, **SIZES, steps=steps, learning_rate=0.05, tolerance=0.1)
    x, x_test = (
        np.asarray(jax.random.normal(stream(key, name), (rows, 12)), float)
        for name, rows in (("train", 20), ("test", 50))
    )
    w, teacher = np.asarray(jax.random.normal(stream(key, "weights"), (2, 12)), float) / math.sqrt(24)
    for step in range(8):
        if step in steps:
            at = steps.index(step)
            error, fresh = np.square(x @ (w - teacher)), np.square(x_test @ (w - teacher))
            assert found.train_loss[at] == pytest.approx(error.mean(), rel=1e-5)
            assert found.test_loss[at] == pytest.approx(np.sum((w - teacher) ** 2), rel=1e-5)
            assert found.train_error[at] == pytest.approx(np.mean(error >= 0.1), abs=1e-6)
            assert found.test_error[at] == pytest.approx(np.mean(fresh >= 0.1), abs=1e-6)
        w = w - 0.05 * np.asarray(jax.grad(lambda w: jnp.mean(jnp.square(x @ (w - teacher))))(jnp.asarray(w)))


def test_large_dimensions_follow_the_closed_form():
    """Below and above ratio 1, where the test loss stays at its floor."""
    steps = (0, 20, 100, 1000)
    for num_train in (800, 200):
        sizes = {"dimension": 400, "num_train": num_train, "num_test": 10}
        found = linear_student(jax.random.key(0), **sizes, steps=steps, learning_rate=0.02, tolerance=1e-3)
        exact = theory.linear_losses(np.array(steps), 400 / num_train, learning_rate=0.02)
        start = float(found.test_loss[0])
        np.testing.assert_allclose(found.test_loss / start, exact.test, atol=0.15)
        np.testing.assert_allclose(found.train_loss / start, exact.train, atol=0.15)


def test_rate_and_tolerance_may_be_traced_under_vmap():
    def end(rate, tolerance):
        return linear_student(jax.random.key(0), **SIZES, steps=(9,), learning_rate=rate, tolerance=tolerance)

    both = jax.jit(jax.vmap(end))(jnp.array([0.05, 0.02]), jnp.array([0.1, 0.2]))
    alone = end(0.02, 0.2)
    for traced, expected in zip(both, alone, strict=True):
        np.testing.assert_allclose(traced[1], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 0}, "dimension = 0 must be an integer of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be in"),
        ({"tolerance": -1.0}, "tolerance = -1.0 must be in"),
        ({"steps": (3, 1)}, "steps"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    arguments = {**SIZES, "steps": (1,), "learning_rate": 0.1, "tolerance": 0.1}
    with pytest.raises(ConfigError, match=message):
        linear_student(jax.random.key(0), **{**arguments, **changes})
