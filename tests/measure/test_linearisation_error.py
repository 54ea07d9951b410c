"""A linear model is its own linearisation at every step; another rate, another path or a bad shape is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.measure import linearisation_error

RNG = np.random.default_rng(0)
TRAIN, STEPS, RATE = 5, (0, 1, 7, 60), 0.02
FEATURES, TARGETS = RNG.normal(size=(8, 12)), RNG.normal(size=(8, 2))
KERNEL = FEATURES @ FEATURES.T


def descend():
    weights, recorded = RNG.normal(size=(12, 2)), []
    for step in range(STEPS[-1] + 1):
        outputs = FEATURES @ weights
        if step in STEPS:
            recorded.append(outputs)
        weights = weights - RATE * FEATURES[:TRAIN].T @ (outputs - TARGETS)[:TRAIN]
    return np.array(recorded)


def error(outputs, rate=RATE, train=TRAIN):
    with jax.enable_x64(True):
        arrays = (jnp.asarray(each, jnp.float64) for each in (KERNEL, outputs, TARGETS, STEPS))
        return float(linearisation_error(*arrays, num_train=train, learning_rate=rate))


def test_a_linear_model_has_none_and_another_rate_has_some():
    outputs = descend()
    assert error(outputs) < 1e-10
    assert error(outputs, rate=1.1 * RATE) > 1e-3


@pytest.mark.parametrize("row", [0, TRAIN])
def test_the_worst_record_and_the_worse_part_count(row):
    outputs = descend()
    outputs[2, row] += [0.3, 0.4]
    part = slice(None, TRAIN) if row < TRAIN else slice(TRAIN, None)
    assert error(outputs) == pytest.approx(0.5 / np.linalg.norm(TARGETS[part]), rel=1e-6)


def test_training_examples_alone_will_do_and_bad_shapes_are_refused():
    outputs, steps = jnp.asarray(descend()[:, :TRAIN]), jnp.array(STEPS)
    kernel, targets = jnp.asarray(KERNEL[:TRAIN, :TRAIN]), jnp.asarray(TARGETS[:TRAIN])
    assert linearisation_error(kernel, outputs, targets, steps, num_train=TRAIN, learning_rate=RATE) < 1e-3
    for bad in ({"num_train": 0}, {"num_train": TRAIN + 1}):
        with pytest.raises(ConfigError, match="of the M examples"):
            linearisation_error(kernel, outputs, targets, steps, learning_rate=RATE, **bad)
    with pytest.raises(ConfigError, match=r"must be \[M, M\], \[T, M, K\]"):
        linearisation_error(kernel, outputs[:, :2], targets, steps, num_train=2, learning_rate=RATE)
