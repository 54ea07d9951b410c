"""Spectra of gradients over time, and their signal-to-noise ratio, where both are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure
from gendyn.core import ConfigError


def test_estimates_equal_brute_force_with_the_jackknife():
    samples = np.random.default_rng(1).normal(size=(7, 5)) + 0.3

    def ratio(samples):
        noise = samples.var(axis=0, ddof=1).sum()
        return (np.sum(samples.mean(0) ** 2) - noise / len(samples)) / noise

    mean = samples.mean(0)
    found = measure.signal_to_noise(
        jnp.sum(mean**2), jnp.sum((samples - mean) ** 2, axis=1), jnp.asarray((samples - mean) @ mean)
    )
    np.testing.assert_allclose(found.ratio, ratio(samples), rtol=1e-4)
    left_out = np.array([ratio(np.delete(samples, k, axis=0)) for k in range(7)])
    np.testing.assert_allclose(
        found.standard_error, np.sqrt(6 / 7 * np.sum((left_out - left_out.mean()) ** 2)), rtol=1e-3
    )


def test_welch_density_of_known_series():
    times = np.arange(4096)
    noise = np.random.default_rng(0).normal(size=(4096, 8)) * 1.5
    frequencies, density = jax.jit(lambda s: measure.welch_density(s, segment_length=64))(noise)
    # White noise: one-sided density 2 v, and its integral v.
    np.testing.assert_allclose(density[2:-2].mean(), 2 * 1.5**2, rtol=0.05)
    np.testing.assert_allclose(density.sum(axis=0) / 64, 1.5**2, rtol=0.15)
    assert frequencies.shape == (33,)
    halves = jax.jit(lambda series: measure.welch_density(series)[1])
    constant = halves(jnp.full(32, 3.0))
    np.testing.assert_allclose(constant.sum() / 16, 9.0, rtol=1e-5)
    np.testing.assert_allclose(constant[2:], 0.0, atol=1e-5)
    wave = halves(jnp.asarray(np.cos(2 * np.pi * times[:32] / 4)))
    assert np.argmax(wave) == 4


def oscillating(time):
    gradient = {
        "fast": jnp.cos(0.8 * jnp.pi * time) * jnp.ones(50),
        "mixed": jnp.concatenate([jnp.ones(30), jnp.cos(0.8 * jnp.pi * time) * jnp.full(30, 2**0.5)]),
        "none": jnp.zeros(2),
        "slow": jnp.cos(2 * jnp.pi * time / 512) * jnp.ones((5, 10)),
    }
    return time + 1, gradient


def test_slow_fraction_of_layers_of_known_speed():
    def spectrum(key, cutoff):
        return measure.temporal_gradient_spectrum(
            oscillating, jnp.float32(0.0), 1024, key=key, num_projections=64, segment_length=256, cutoff=cutoff
        )

    together = jax.jit(jax.vmap(spectrum))(jax.random.split(jax.random.key(0), 2), jnp.array([0.02, 0.5]))
    found = jax.tree.map(lambda leaf: leaf[0], together)
    assert found.slow_fraction["slow"] > 0.999
    assert found.slow_fraction["fast"] < 1e-3
    assert found.slow_fraction["none"] == 0
    error = found.slow_fraction_standard_error["mixed"]
    assert 0 < error < 0.1
    np.testing.assert_allclose(found.slow_fraction["mixed"], 0.5, atol=4 * error)
    assert found.state == 1024
    # The integral of the density is the mean squared norm: 50 / 2 for the fast leaf, within the projections' error.
    np.testing.assert_allclose(found.density["fast"].sum() / 256, 25.0, rtol=0.6)
    assert abs(found.frequencies[jnp.argmax(found.density["fast"])] - 0.4) < 0.005
    # Everything lies below the top frequency: the cutoff may be traced.
    np.testing.assert_allclose(together.slow_fraction["fast"][1], 1.0, rtol=1e-5)


def test_minibatch_noise_is_fast_and_the_full_gradient_slow():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(200, 10)), jnp.float32)
    y = x @ jnp.ones(10)

    def step_of(batch_size):
        def step(state):
            w, key = state
            key, draw = jax.random.split(key)
            rows = jax.random.randint(draw, (batch_size,), 0, 200) if batch_size < 200 else jnp.arange(200)
            gradient = jax.grad(lambda w: jnp.mean((x[rows] @ w - y[rows] + noise[rows]) ** 2))(w)
            return (w - 0.003 * gradient, key), {"w": gradient}

        return step

    noise = jnp.asarray(rng.normal(size=200), jnp.float32)
    start = (jnp.zeros(10), jax.random.key(0))
    full, small = (
        measure.temporal_gradient_spectrum(step_of(size), start, 512, key=jax.random.key(1)) for size in (200, 4)
    )
    assert full.slow_fraction["w"] > 0.99
    assert small.slow_fraction["w"] < full.slow_fraction["w"] - 0.1
    # Training went on as it would have without the instrument.
    plain, _ = jax.lax.scan(lambda state, _: (step_of(200)(state)[0], None), start, None, length=512)
    np.testing.assert_allclose(full.state[0], plain[0], rtol=1e-5)


def test_bad_input_is_named():
    key = jax.random.key(0)
    with pytest.raises(ConfigError, match=r"segment_length = 33 must be even and at most the 64 steps"):
        measure.temporal_gradient_spectrum(oscillating, 0.0, 64, key=key, segment_length=33)
    with pytest.raises(ConfigError, match=r"cutoff = 0.001 must be in \[0.03125, 0.5\]"):
        measure.temporal_gradient_spectrum(oscillating, 0.0, 64, key=key, cutoff=0.001)
    with pytest.raises(ConfigError, match=r"step must return \(next state, gradient\)"):
        measure.temporal_gradient_spectrum(lambda state: state, 0.0, 64, key=key, cutoff=0.1)
    with pytest.raises(ConfigError, match=r"series has shape \(3,\)"):
        measure.welch_density(jnp.ones(3))
