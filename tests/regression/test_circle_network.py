"""The network on the circle starts at 0 and steps by its own tangent kernel; its arguments are checked, or traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.regression import circle_network, circle_networks

OPTIONS = {"num_units": 64, "num_points": 16, "frequencies": (0, 1, 3, 5), "amplitude": 1e-3, "learning_rate": 0.5}


@pytest.mark.parametrize("use_bias", [False, True])
def test_it_starts_at_zero_and_steps_by_its_own_tangent_kernel(use_bias):
    """One step of the records equals ``r - learning_rate K r / N`` with the finite network's kernel, built here."""
    found = circle_network(jax.random.key(3), use_bias=use_bias, steps=(0, 1), **OPTIONS)
    modes = np.asarray(found.residual)
    # The network starts at 0, so the residual is minus the target: a / 2 at each k > 0 and a at 0.
    np.testing.assert_allclose(np.abs(modes[0]), [1e-3, 5e-4, 5e-4, 5e-4], rtol=1e-4)
    angles = 2 * np.pi * np.arange(16) / 16
    x = np.stack([np.cos(angles), np.sin(angles), np.full(16, float(use_bias))], axis=1) / np.sqrt(1.0 + use_bias)
    gates = (x @ np.asarray(found.weights[0], float).T > 0) / np.sqrt(64)
    kernel = (x @ x.T) * (gates @ gates.T)
    waves = np.exp(-1j * np.outer(angles, OPTIONS["frequencies"])) / 16
    residual = np.real(16 * waves.conj() @ (modes[0] * np.array([1, 2, 2, 2])))
    np.testing.assert_allclose(modes[1], (residual - 0.5 * kernel @ residual / 16) @ waves, rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(found.train_loss[0], 0.5 * np.mean(residual**2), rtol=1e-4)
    assert found.weight_movement[0] == 0.0 < found.weight_movement[1]


@pytest.mark.parametrize("use_bias", [False, True])
def test_a_wide_one_decays_at_the_closed_form_s_rates(use_bias):
    options = OPTIONS | {"num_units": 4096, "learning_rate": 1.0}
    found = circle_network(jax.random.key(0), use_bias=use_bias, steps=(0, 20), **options)
    left = np.abs(found.residual[1]) / np.abs(found.residual[0])
    rates = theory.circle_grid_coefficients(np.array(OPTIONS["frequencies"]), 16, use_bias=use_bias)
    np.testing.assert_allclose(left, (1.0 - rates) ** 20, atol=0.03)


def test_bias_and_rate_may_be_traced_under_vmap():
    def end(bias, rate):
        options = OPTIONS | {"learning_rate": rate}
        return circle_network(jax.random.key(1), use_bias=bias, steps=(4,), **options).residual[0]

    both = jax.jit(jax.vmap(end))(jnp.array([0.0, 1.0]), jnp.array([0.5, 0.2]))
    np.testing.assert_allclose(both[1], end(True, 0.2), rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(both[0], end(False, 0.5), rtol=1e-4, atol=1e-8)


def test_networks_side_by_side_are_those_of_their_seeds_with_bias_or_without():
    seeds, biases = jnp.array([4, 1]), jnp.array([1.0, 0.0])
    both = circle_networks(seeds, use_bias=biases, steps=(0, 3), **OPTIONS)
    for i, seed in enumerate((4, 1)):
        alone = circle_network(jax.random.key(seed), use_bias=bool(biases[i]), steps=(0, 3), **OPTIONS)
        np.testing.assert_allclose(both.residual[i], alone.residual, rtol=1e-4, atol=1e-8)
    same = circle_networks(seeds[:1], use_bias=True, steps=(0, 3), **OPTIONS)
    np.testing.assert_allclose(same.train_loss[0], both.train_loss[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_units": 5}, "num_units = 5 must be even"),
        ({"frequencies": ()}, "frequencies = .* not empty"),
        ({"num_points": 0}, "num_points = 0 must be an integer of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be in"),
        ({"steps": (2, 1)}, "steps"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        circle_network(jax.random.key(0), **{"use_bias": True, "steps": (1,), **OPTIONS, **changes})
    with pytest.raises(ConfigError, match=message):
        circle_networks(jnp.arange(2), **{"use_bias": True, "steps": (1,), **OPTIONS, **changes})
