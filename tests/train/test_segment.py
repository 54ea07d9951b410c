"""Segments compose, cost one program whatever their length, and stop where the rule says."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn import train


def segment_of(run):
    return jax.jit(functools.partial(train.segment, run))


def start(linear, run):
    return train.initial_state(run, linear.variables, linear.sample, linear.data)


def test_segments_compose(linear):
    """7 steps are 0 + 3 + 4 steps, bit for bit."""
    run = linear.run._replace(batch_size=3, optimizer=optax.adam(0.05))
    segment = segment_of(run)
    whole = segment(start(linear, run), linear.sample, linear.data, 7)
    state = start(linear, run)
    for count in (0, 3, 4):
        state = segment(state, linear.sample, linear.data, count)
    chex.assert_trees_all_equal(state, whole)


def test_segments_of_every_length_share_a_program(linear):
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def segment(state, sample, num_steps):
        return train.segment(linear.run, state, sample, linear.data, num_steps)

    state = start(linear, linear.run)
    for num_steps in (0, 1, 2, 5, 100):
        # The train-set size and the seed are arrays too.
        sample = linear.sample._replace(num_train=jnp.int32(3 + num_steps % 5))
        state = segment(state, sample, jnp.int32(num_steps))
    assert int(state.step) == 108


def history(linear, run, steps=(0, 1, 2, 4, 8, 16, 32, 64)):
    segment, state, states = segment_of(run), start(linear, run), []
    for before, after in zip((0, *steps), steps, strict=False):
        state = segment(state, linear.sample, linear.data, after - before)
        states.append(state)
    return states


@pytest.fixture(scope="module")
def free(linear):
    """The records of a run without a stop rule."""
    return history(linear, linear.run._replace(batch_size=3))


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ({"step": 4}, 3),
        ({"step": 5}, 4),  # not a record: the next one counts
        ({"epoch": 2}, 3),  # 8 rows in batches of 3: two steps an epoch
        ({"epoch": 3}, 4),
        ({"step": 16, "epoch": 2}, 3),  # whichever comes first
        ({}, None),
    ],
)
def test_stop_by_step_and_epoch(linear, free, rule, record):
    run = linear.run._replace(batch_size=3, stop=train.Stop(**rule))
    states = history(linear, run)
    for position, state in enumerate(states):
        final = position if record is None else min(position, record)
        chex.assert_trees_all_close(state.variables, free[final].variables, rtol=1e-6)
        chex.assert_trees_all_equal(state.variables, states[final].variables)
        chex.assert_trees_all_equal(state.metrics, states[final].metrics)
        finished = record is not None and position >= record
        assert int(state.finished_step) == (int(free[record].step) if finished else -1)


@pytest.mark.parametrize("name", ["train_loss", "train_error"])
def test_stop_by_training_loss_and_error(linear, free, name):
    values = [float(state.metrics[name]) for state in free]
    # A threshold that some later record meets first, to be reached from above.
    record = next(i for i, value in enumerate(values) if i and value < min(values[:i]) and i > 1)
    threshold = values[record] + 1e-7
    run = linear.run._replace(batch_size=3, stop=train.Stop(**{name: threshold}))
    states = history(linear, run)
    assert int(states[-1].finished_step) == int(free[record].step)
    assert int(states[record - 1].finished_step) == -1
    chex.assert_trees_all_equal(states[-1].metrics, states[record].metrics)
    never = linear.run._replace(batch_size=3, stop=train.Stop(**{name: min(values) / 2 - 1e-3}))
    assert int(history(linear, never)[-1].finished_step) == -1


def test_full_batch_epochs_are_steps(linear):
    run = linear.run._replace(stop=train.Stop(epoch=4))
    assert [int(state.finished_step) for state in history(linear, run)] == [-1, -1, -1, 4, 4, 4, 4, 4]


def test_stop_rules_may_be_traced(linear):
    """A sweep gives each run its own rule: vmap over thresholds equals a loop."""

    def finished(step, loss):
        run = linear.run._replace(stop=train.Stop(step=step, train_loss=loss))
        state = start(linear, run)
        for count in (0, 2, 2, 8, 20):
            state = train.segment(run, state, linear.sample, linear.data, count)
        return state.finished_step, state.metrics["train_loss"]

    rules = (jnp.asarray([0, 3, 12, 0]), jnp.asarray([-1.0, -1.0, 1.2, 100.0]))
    packed = jax.jit(jax.vmap(finished))(*rules)
    loop = [jax.jit(finished)(*(array[i] for array in rules)) for i in range(4)]
    np.testing.assert_array_equal(packed[0], [int(one[0]) for one in loop])
    np.testing.assert_allclose(packed[1], [float(one[1]) for one in loop], rtol=1e-6)
    assert packed[0].tolist()[0] == -1
    assert packed[0].tolist()[1] == 4
    assert packed[0].tolist()[3] == 0
