"""The published filters against transcriptions of their formulas in NumPy, and what their states promise."""

from collections import deque

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.optim import gradient_split, grokfast_ema, grokfast_ma

STEPS = 300


def gradients(seed=0, steps=STEPS):
    """A slow drift under noise, float32 ``[steps, 4]``."""
    rng = np.random.default_rng(seed)
    return (np.cumsum(rng.normal(size=(steps, 4)), 0) * 0.05 + rng.normal(size=(steps, 4))).astype(np.float32)


def run(transform, signal):
    def step(state, gradient):
        updates, state = transform.update(gradient, state)
        return state, updates

    program = jax.jit(lambda signal: jax.lax.scan(step, transform.init(signal[0]), signal)[::-1])
    updates, state = program(jnp.asarray(signal))
    return np.asarray(updates), state


def ema_transcription(signal, alpha, lamb):
    mean, found = None, []
    for gradient in signal.astype(np.float64):
        mean = gradient if mean is None else mean
        mean = mean * alpha + gradient * (1 - alpha)
        found.append(gradient + mean * lamb)
    return np.array(found)


def ma_transcription(signal, window, lamb, filter_type, warmup, trigger):
    queue, found = deque(maxlen=window), []
    for gradient in signal.astype(np.float64):
        queue.append(gradient)
        if not warmup or (len(queue) == window and not trigger):
            slow = sum(queue) / len(queue) if filter_type == "mean" else sum(queue)
            gradient = gradient + slow * lamb
        found.append(gradient)
    return np.array(found)


def assert_equal_to(actual, expected):
    """To 1e-6 of the size of what is compared."""
    assert np.abs(actual - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize(("alpha", "lamb"), [(0.98, 2.0), (0.0, 1.0), (0.999, 5.0)])
def test_ema_is_the_transcription(alpha, lamb):
    assert_equal_to(run(grokfast_ema(alpha, lamb), gradients())[0], ema_transcription(gradients(), alpha, lamb))


def test_ema_starts_at_the_first_gradient_unless_bias_is_corrected():
    signal = gradients(steps=40)
    first, _ = run(grokfast_ema(0.9, 2.0), signal)
    corrected, _ = run(grokfast_ema(0.9, 2.0, bias_correction=True), signal)
    np.testing.assert_allclose(first[0], 3 * signal[0], rtol=1e-6)
    weights = 0.1 * 0.9 ** np.arange(40)[::-1]
    for t in (1, 7, 40):
        slow = (weights[-t:, None] * signal[:t]).sum(0) / weights[-t:].sum()
        np.testing.assert_allclose(corrected[t - 1], signal[t - 1] + 2 * slow, rtol=1e-5, atol=1e-5)
    assert np.abs(first[2] - corrected[2]).max() > 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"window": 100, "lamb": 5.0},
        {"window": 7, "lamb": 2.0, "filter_type": "sum"},
        {"window": 50, "warmup": False},
        {"window": 50, "warmup": False, "trigger": True},
        {"window": 1},
    ],
)
def test_ma_is_the_transcription(options):
    chosen = {"window": 100, "lamb": 5.0, "filter_type": "mean", "warmup": True, "trigger": False} | options
    assert_equal_to(run(grokfast_ma(**options), gradients())[0], ma_transcription(gradients(), **chosen))


@pytest.mark.parametrize("window", [1, 2, 100])
def test_ma_is_silent_for_exactly_window_minus_one_calls(window):
    updates, _ = run(grokfast_ma(window, 5.0), gradients(steps=120))
    silent = (updates == gradients(steps=120)).all(1)
    assert silent.tolist() == [True] * (window - 1) + [False] * (121 - window)


def test_a_triggered_ma_stays_silent_and_fills():
    updates, state = run(grokfast_ma(5, trigger=True), gradients(steps=12))
    np.testing.assert_array_equal(updates, gradients(steps=12))
    # The four gradients that the next one joins.
    np.testing.assert_allclose(state.current + state.previous, gradients(steps=12)[-4:].sum(0), rtol=1e-5, atol=1e-6)
    assert int(state.filled) == 5


def test_the_running_sum_does_not_drift():
    """After 20,000 gradients of which some are a million times as large; a plain running sum is off by 100 times."""
    signal = gradients(steps=20_000)
    signal[::977] *= 1e6
    # No outlier is left in the last window or the one before.
    signal[-250:] = gradients(1, 250)
    updates, _ = run(grokfast_ma(100, 1.0, "sum"), signal)
    exact = signal[-100:].astype(np.float64).sum(0)
    naive = np.zeros(4, np.float32)
    for t in range(len(signal)):
        naive = naive + (signal[t] - (signal[t - 100] if t >= 100 else np.float32(0)))
    error, drift = np.abs(updates[-1] - signal[-1] - exact).max(), np.abs(naive - exact).max()
    assert error < 1e-4
    assert drift > 100 * error


def test_a_gradient_that_is_not_finite_is_forgotten():
    signal = gradients(steps=40)
    signal[11] = np.nan
    updates, _ = run(grokfast_ma(8, warmup=False), signal)
    bad = np.isnan(updates).any(1)
    assert not bad[:11].any()
    assert bad[11:19].all()
    assert not bad[11 + 16 :].any()


def test_the_split_adds_up_and_its_slow_part_is_the_filters():
    signal = gradients()
    slow, fast = (run(gradient_split(component, 0.9), signal)[0] for component in ("slow", "fast"))
    np.testing.assert_allclose(slow + fast, signal, atol=1e-5)
    filtered, _ = run(grokfast_ema(0.9, 1.0), signal)
    np.testing.assert_allclose(signal + slow, filtered, atol=1e-5)
    assert not fast[0].any()
    assert np.var(np.diff(fast, axis=0)) > 10 * np.var(np.diff(slow, axis=0))


def test_swapped_arguments_are_recognised():
    with pytest.raises(ConfigError, match=r"swapped; write grokfast_ema\(alpha=0\.98, lamb=2\.0\)"):
        grokfast_ema(2.0, 0.98)
    with pytest.raises(ConfigError, match=r"^alpha = 2\.0 must be in \[0, 1\)\.$"):
        grokfast_ema(2.0, 5.0)
    with pytest.raises(ConfigError, match=r"swapped; write gradient_split\(alpha=0\.9, lamb=1\.0\)"):
        gradient_split("slow", 1.0, 0.9)
    with pytest.raises(ConfigError, match=r"swapped; write grokfast_ma\(window=100, lamb=5\.0\)"):
        grokfast_ma(5.0, 100)
    with pytest.raises(ConfigError, match=r"swapped; write grokfast_ma\(window=100, lamb=5\), or lamb=100\.0 if it is"):
        grokfast_ma(5, 100)
    for window, lamb in ((100, 5), (100, 5.0), (5, 5), (2, 10.0), (5, 100.0), (1, jnp.asarray(3))):
        grokfast_ma(window, lamb)
    with pytest.raises(ConfigError, match=r"^window = 5\.5 must be an integer of at least 1\.$"):
        grokfast_ma(5.5, 0.5)
    with pytest.raises(ConfigError, match=r"^filter_type = 'median' must be one of mean, sum"):
        grokfast_ma(filter_type="median")
    with pytest.raises(ConfigError, match=r"^alpha = 1\.0 must be in \[0, 1\)"):
        grokfast_ema(1.0)


def compiled_loop(window, size, *, num_runs=0):
    """The program of a thousand updates whose state is the loop's carry; of several runs under vmap."""
    transform = grokfast_ma(window)

    def many(state, gradient):
        def step(carry, scale):
            updates, carry = transform.update(scale * gradient, carry)
            return carry, updates.sum()

        return jax.lax.scan(step, state, jnp.arange(1000.0))

    arguments = (jax.eval_shape(transform.init, jnp.zeros(size)), jax.ShapeDtypeStruct((size,), jnp.float32))
    if num_runs:
        arguments = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((num_runs, *leaf.shape), leaf.dtype), arguments)
    return jax.jit(jax.vmap(many) if num_runs else many, donate_argnums=0).lower(*arguments).compile()


def test_the_ring_is_written_in_place():
    """In the compiled loop nothing of the ring's size is copied, made or filled: one row is read, one written."""
    window, size = 64, 1024
    compiled, ring = compiled_loop(window, size), f"f32[{window},{size}]"
    made = [line.strip() for line in compiled.as_text().splitlines() if f"= {ring}" in line]
    kinds = {line.split(ring, 1)[1].split("(")[0].split("}")[-1].strip() for line in made}
    assert {"get-tuple-element"} < kinds <= {"parameter", "get-tuple-element", "dynamic-update-slice", "fusion"}, kinds
    for line in made:
        assert " fusion(" not in line or "dynamic-update-slice" in line or "dynamic_update_slice" in line, line


@pytest.mark.parametrize("num_runs", [0, 3])
def test_the_loop_needs_no_second_ring(num_runs):
    """Also where each run of a sweep has a slot of its own; and the result takes the donated ring's place."""
    memory = compiled_loop(64, 1024, num_runs=num_runs).memory_analysis()
    ring = 4 * 64 * 1024 * max(num_runs, 1)
    assert memory.temp_size_in_bytes < ring / 4
    assert memory.alias_size_in_bytes >= ring


def test_a_plain_loop_of_flax_and_optax_needs_nothing_else():
    """The filter in a chain with AdamW lowers a convex loss, and its state is an ordinary member of the chain's."""
    transform = optax.chain(grokfast_ema(0.9, 2.0), optax.adamw(0.05))
    params = jnp.array([2.0, -3.0])
    state = transform.init(params)
    for _ in range(100):
        updates, state = transform.update(jax.grad(lambda p: jnp.sum(p**2))(params), state, params)
        params = optax.apply_updates(params, updates)
    assert float(jnp.abs(params).max()) < 0.1
    assert int(state[0].step) == 100
