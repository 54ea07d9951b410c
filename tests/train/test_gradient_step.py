"""One step equals the optimizer applied by hand to the gradient written by hand."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn import train
from gendyn.train.step import batch
from gendyn.types import Variables


def state_of(linear, run):
    return train.initial_state(run, linear.variables, linear.sample, linear.data)


def steps(linear, run, count, sample=None):
    """States after 0, 1, ..., ``count`` steps."""
    sample = linear.sample if sample is None else sample
    step = jax.jit(functools.partial(train.gradient_step, run))
    states = [train.initial_state(run, linear.variables, sample, linear.data)]
    for _ in range(count):
        states.append(step(states[-1], sample, linear.data))
    return states


def assert_close(actual, desired, tolerance=2e-6):
    jax.tree.map(lambda a, d: np.testing.assert_allclose(a, d, rtol=tolerance, atol=tolerance), actual, desired)


def by_hand(linear, loss_and_gradient, optimizer, count, rows_of_step):
    """Parameters after ``count`` updates, float64 gradients of the mean over ``rows_of_step(step)``."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), linear.variables.params)
    opt_state = optimizer.init(params)
    for step in range(count):
        rows = rows_of_step(step)
        weights = np.full(len(rows), 1 / len(rows))
        _, _, gradient = loss_and_gradient(params, linear.data.x_train[rows], linear.sample.targets[rows], weights)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        params = jax.tree.map(lambda p, u: p + np.asarray(u, np.float64), params, updates)
    return params


@pytest.mark.parametrize("optimizer", [optax.sgd(0.3, 0.9), optax.adam(0.05), optax.adamw(0.05, weight_decay=0.3)])
def test_full_batch_is_optax_on_the_mean_over_the_first_rows(linear, loss_and_gradient, optimizer):
    run = linear.run._replace(optimizer=optimizer)
    states = steps(linear, run, 4)
    rows = np.arange(int(linear.sample.num_train))
    expected = by_hand(linear, loss_and_gradient, optimizer, 4, lambda step: rows)
    assert_close(states[-1].variables.params, expected)
    assert [int(state.step) for state in states] == [0, 1, 2, 3, 4]


def test_mini_batches_are_those_of_batch_indices(linear, loss_and_gradient):
    run = linear.run._replace(batch_size=3)
    states = steps(linear, run, 5)

    def rows(step):
        return np.asarray(train.batch_indices(linear.sample.order_key, jnp.int32(step), 3, linear.sample.num_train))

    expected = by_hand(linear, loss_and_gradient, run.optimizer, 5, rows)
    assert_close(states[-1].variables.params, expected)
    wrong = by_hand(linear, loss_and_gradient, run.optimizer, 5, lambda step: np.arange(3))
    with pytest.raises(AssertionError):
        assert_close(states[-1].variables.params, wrong)


def test_a_traced_train_set_size_is_a_run_on_the_sliced_data(linear):
    """Rows beyond ``num_train`` change nothing: neither full batch nor mini-batches, neither steps nor records."""
    n = int(linear.sample.num_train)
    sliced = linear.data._replace(x_train=linear.data.x_train[:n])
    short = linear.sample._replace(targets=linear.sample.targets[:n])
    for batch_size in (0, 3):
        run = linear.run._replace(batch_size=batch_size)
        segment = jax.jit(functools.partial(train.segment, run))
        whole = segment(state_of(linear, run), linear.sample, linear.data, 20)
        alone = segment(train.initial_state(run, linear.variables, short, sliced), short, sliced, 20)
        assert_close(whole.variables, alone.variables)
        assert_close(whole.metrics, alone.metrics)
        longer = linear.sample._replace(num_train=jnp.int32(n + 2))
        other = segment(state_of(linear, run), longer, linear.data, 20)
        assert float(jnp.abs(other.variables.params["w"] - whole.variables.params["w"]).max()) > 1e-3


def test_weight_average(linear):
    run = linear.run._replace(ema_decay=0.75)
    states = steps(linear, run, 4)
    average = states[0].variables.params
    for state in states[1:]:
        average = jax.tree.map(lambda e, p: 0.75 * e + 0.25 * p, average, state.variables.params)
        assert_close(state.ema, average)
    assert float(jnp.abs(states[-1].ema["w"] - states[-1].variables.params["w"]).max()) > 1e-3
    without = steps(linear, linear.run, 4)[-1]
    assert without.ema == ()
    assert_close(states[-1].variables, without.variables)


def test_statistics_move_with_training_mode(linear):
    def apply(variables, x, *, train=False):
        moved = {"seen": variables.statistics["seen"] + 1.0} if train else variables.statistics
        return x @ variables.params["w"] + variables.params["b"], moved

    run = linear.run._replace(model=linear.run.model._replace(apply=apply))
    variables = Variables(linear.variables.params, {"seen": jnp.zeros(())})
    state = train.initial_state(run, variables, linear.sample, linear.data)
    state = jax.jit(functools.partial(train.segment, run))(state, linear.sample, linear.data, 3)
    assert float(state.variables.statistics["seen"]) == 3.0


def test_the_first_step_with_a_loss_that_is_not_finite_is_noted(linear):
    run = linear.run._replace(optimizer=optax.sgd(1e30), loss=lambda outputs, targets: jnp.sum(outputs**2, axis=-1))
    states = steps(linear, run, 6)
    losses = [float(evaluated(linear, run, state)) for state in states]
    first = next(step for step, loss in enumerate(losses) if not np.isfinite(loss))
    assert 0 < first < 5
    expected = [-1] * (first + 1) + [first] * (6 - first)
    assert [int(state.diverged_step) for state in states] == expected
    assert int(steps(linear, linear.run, 3)[-1].diverged_step) == -1


def evaluated(linear, run, state):
    return train.evaluate(run, state.variables, (), state.step, linear.sample, linear.data)["train_loss"]


def test_augmentation_draws_anew_each_step_from_the_runs_own_stream(linear):
    run = linear.run._replace(augment=lambda key, x: x + jax.random.normal(key, x.shape))

    def x_of(step, sample):
        return np.asarray(batch(run, jnp.int32(step), sample, linear.data)[0])

    other = linear.sample._replace(order_key=jnp.asarray([1, 2], jnp.uint32))
    np.testing.assert_array_equal(x_of(0, linear.sample), x_of(0, linear.sample))
    assert np.abs(x_of(0, linear.sample) - x_of(1, linear.sample)).min() > 0
    assert np.abs(x_of(0, linear.sample) - x_of(0, other)).min() > 0


def test_create_draws_variables_of_the_models_init(linear):
    state = train.create(linear.run, jax.random.key(0), linear.sample, linear.data)
    assert_close(state.variables.params["w"], np.full((4, 3), 0.1))
    assert int(state.step) == 0
    assert all(np.isnan(value) for value in state.metrics.values())


def test_the_gradients_of_training_are_those_written_by_hand(linear, loss_and_gradient):
    """Along Adam with momentum, whose updates are not the gradients; and the states are those of ``gradient_step``."""
    run = linear.run._replace(optimizer=optax.adam(0.05), batch_size=3)
    plain = steps(linear, run, 4)
    seen = jax.jit(functools.partial(train.step_and_gradient, run))
    for before, after in itertools.pairwise(plain):
        state, gradient = seen(before, linear.sample, linear.data)
        assert_close(state, after)
        x, targets, weights = batch(run, before.step, linear.sample, linear.data)
        assert_close(gradient, loss_and_gradient(before.variables.params, x, targets, weights)[2])


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_row_that_is_never_seen_does_no_harm(linear, value):
    """0 times infinity is NaN: a weight of 0 alone would not keep a neighbour's row out of the gradient."""
    n = int(linear.sample.num_train)
    poisoned = linear.data._replace(x_train=linear.data.x_train.at[n + 1].set(value))

    def after(run, data):
        state = train.initial_state(run, linear.variables, linear.sample, data)
        return jax.jit(functools.partial(train.gradient_step, run))(state, linear.sample, data)

    masked = linear.run._replace(unseen_rows=True)
    jax.tree.map(np.testing.assert_array_equal, after(masked, poisoned), after(masked, linear.data))
    assert_close(after(masked, poisoned).variables.params, after(linear.run, linear.data).variables.params)
    assert int(after(masked, poisoned).diverged_step) == -1
    assert not np.isfinite(after(linear.run, poisoned).variables.params["w"]).all()  # the control
