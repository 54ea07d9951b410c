"""Learning-rate schedules: closed forms, and every number traced."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.core import ConfigError
from gendyn.optim import SCHEDULES, schedule, sgd, warmup

each_schedule = pytest.mark.parametrize("name", SCHEDULES)


def table(name, num_steps, warmup_steps=0, learning_rate=1.0):
    rate = schedule(name, learning_rate, num_steps=num_steps, warmup_steps=warmup_steps)
    # One shape for all lengths: fewer programs.
    return np.asarray(rate(jnp.arange(303)))[: num_steps + 3]


def test_the_names():
    assert set(SCHEDULES) == {"constant", "linear", "cosine", "inverse_sqrt"}


@each_schedule
@settings(max_examples=20, deadline=None)
@given(num_steps=st.integers(2, 300), share=st.floats(0, 0.99), peak=st.floats(1e-4, 10))
def test_ramp_peak_and_bounds(name, num_steps, share, peak):
    warmup_steps = int(share * (num_steps - 1))
    rates = table(name, num_steps, warmup_steps, peak)
    ramp = (np.arange(warmup_steps) + 1) / (warmup_steps + 1)
    np.testing.assert_allclose(rates[:warmup_steps], peak * ramp, rtol=1e-5)
    assert rates[warmup_steps] == pytest.approx(peak, rel=1e-5)
    assert (rates >= 0).all()
    assert (np.diff(rates[warmup_steps:]) <= 1e-6 * peak).all()


def test_the_ramp_without_steps_is_one():
    assert warmup(jnp.arange(3), warmup_steps=0).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("linear", optax.linear_schedule(0.3, 0.0, 40)), ("cosine", optax.cosine_decay_schedule(0.3, 40))],
)
def test_decays_match_optax(name, theirs):
    np.testing.assert_allclose(table(name, 40, learning_rate=0.3), theirs(jnp.arange(43)), atol=1e-7)


def test_inverse_sqrt_is_the_staircase_of_deep_double_descent():
    rates = schedule("inverse_sqrt", 0.1, num_steps=2048)(jnp.arange(2049))
    expected = [0.1 / np.sqrt(1 + step // 512) for step in range(2049)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    assert len(set(rates.tolist())) == 5


@each_schedule
def test_every_number_may_be_swept(name):
    peaks, lengths, ramps = jnp.array([0.1, 0.2]), jnp.array([20, 35]), jnp.array([0, 5])

    @jax.jit
    @jax.vmap
    def packed(peak, num_steps, warmup_steps):
        return schedule(name, peak, num_steps=num_steps, warmup_steps=warmup_steps)(jnp.arange(30))

    rows = packed(peaks, lengths, ramps)
    for row, peak, length, ramp in zip(rows, (0.1, 0.2), (20, 35), (0, 5), strict=True):
        alone = schedule(name, peak, num_steps=length, warmup_steps=ramp)(jnp.arange(30))
        np.testing.assert_allclose(row, alone, rtol=1e-6, atol=1e-8)
    assert not np.allclose(rows[0], rows[1])


def test_drives_a_transform():
    transform = sgd(schedule("linear", 1.0, num_steps=4), momentum=0.0)
    params, state = jnp.zeros(1), transform.init(jnp.zeros(1))
    moves = []
    for _ in range(5):
        updates, state = transform.update(jnp.ones(1), state, params)
        moves.append(float(updates[0]))
    assert moves == [-1.0, -0.75, -0.5, -0.25, 0.0]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cosin", {}, r"^name = 'cosin' must be one of .*cosine.* Did you mean 'cosine'"),
        ("cosine", {"learning_rate": -0.1}, r"^learning_rate = -0\.1 must be in \[0, inf\)"),
        ("cosine", {"num_steps": 0}, r"^num_steps = 0 must be in \[1, inf\)"),
        ("cosine", {"warmup_steps": -1}, r"^warmup_steps = -1 must be in \[0, inf\)"),
        ("cosine", {"warmup_steps": 10}, r"^warmup_steps = 10 must be below num_steps = 10"),
    ],
)
def test_bad_values_are_named(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        schedule(name, **{"learning_rate": 0.1, "num_steps": 10, **arguments})
