"""A training set that changes on the way, and a test set that is what a run never trains on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import train


def uniform(n):
    return np.full(n, 1 / n)


@pytest.fixture
def pool(linear):
    """All 11 training rows as the pool; the program holds the first 9 of them, the run trains on 6."""
    rng = np.random.default_rng(3)
    labels = jnp.asarray(rng.integers(3, size=11), jnp.int32)
    data = train.Data(linear.data.x_train[:9], linear.data.x_train, labels)
    sample = linear.sample._replace(targets=labels[:9], num_train=jnp.int32(6))
    return linear.run._replace(rest_is_test=True), data, sample


@pytest.mark.parametrize("batch_size", [2048, 4])
def test_the_rest_of_the_pool_is_the_test_set(linear, loss_and_gradient, pool, batch_size):
    run, data, sample = pool
    sample = sample._replace(targets=sample.targets.at[0].set((sample.targets[0] + 1) % 3))  # a noisy label
    run = run._replace(evaluation_batch_size=batch_size)
    found = jax.jit(functools.partial(train.evaluate, run))(linear.variables, (), jnp.int32(0), sample, data)
    params = linear.variables.params
    loss, error, _ = loss_and_gradient(params, data.x_train[:6], sample.targets[:6], uniform(6))
    rest_loss, rest_error, _ = loss_and_gradient(params, data.x_test[6:], data.y_test[6:], uniform(5))
    expected = {"train_loss": loss, "train_error": error, "test_loss": rest_loss, "test_error": rest_error}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("batch_size", [0, 2])
@pytest.mark.parametrize("changed", [3, 8])
def test_from_the_change_on_the_run_is_one_on_the_other_rows(linear, pool, batch_size, changed):
    run, data, sample = pool
    run = run._replace(batch_size=batch_size)
    moving = sample._replace(change_step=jnp.int32(4), changed_num_train=jnp.int32(changed))
    segment = jax.jit(functools.partial(train.segment, run))
    start = train.initial_state(run, linear.variables, sample, data)
    before = segment(start, sample, data, 4)
    same = segment(start, moving, data, 4)
    np.testing.assert_array_equal(same.variables.params["w"], before.variables.params["w"])
    other = sample._replace(num_train=jnp.int32(changed))
    after, expected = segment(same, moving, data, 3), segment(before, other, data, 3)
    np.testing.assert_array_equal(after.variables.params["w"], expected.variables.params["w"])
    assert np.abs(
        np.asarray(after.variables.params["w"] - segment(before, sample, data, 3).variables.params["w"])
    ).max()
    # The test set is what neither phase trained on; the training set is that of the step.
    ever = sample._replace(num_train=jnp.int32(max(changed, 6)))
    unseen = train.evaluate(run, after.variables, (), jnp.int32(0), ever, data)
    np.testing.assert_allclose(after.metrics["test_loss"], unseen["test_loss"], rtol=1e-6)
    np.testing.assert_allclose(after.metrics["train_loss"], expected.metrics["train_loss"], rtol=1e-6)


def test_a_penalty_is_added_to_the_training_loss_alone(linear):
    def penalty(key, apply, params, x):
        del key, apply
        return jnp.sum(jnp.square(params["w"])) * jnp.ones(x.shape[0])

    run = linear.run._replace(penalty=penalty)
    start = train.initial_state(linear.run, linear.variables, linear.sample, linear.data)
    plain = train.segment(linear.run, start, linear.sample, linear.data, 1)
    found = train.segment(run, start, linear.sample, linear.data, 1)
    difference = np.asarray(found.variables.params["w"] - plain.variables.params["w"])
    np.testing.assert_allclose(difference, -0.1 * 2 * np.asarray(start.variables.params["w"]), rtol=1e-4, atol=1e-6)
    again = train.evaluate(linear.run, found.variables, (), jnp.int32(1), linear.sample, linear.data)
    np.testing.assert_allclose(found.metrics["train_loss"], again["train_loss"], rtol=1e-6)
