"""Networks of many widths against Adam by hand, whatever they are packed with; bad input is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.regression import fit_relu_networks, relu_network_parameters, relu_networks

RNG = np.random.default_rng(0)
X, Y, UNITS = RNG.normal(size=(2, 10, 4)), RNG.normal(size=(2, 10, 3)), RNG.normal(size=(2, 9, 7))
SETTING = {"num_steps": 6, "learning_rate": 0.02}


def test_networks_are_trained_by_adam_whatever_they_are_padded_to():
    alone = fit_relu_networks(UNITS, X, Y, [5], **SETTING)
    packed = fit_relu_networks(UNITS, X, Y, [2, 5, 7], **SETTING)
    assert packed.residual.shape == (2, 3) and packed.outputs.shape == (2, 3, 10, 3)
    np.testing.assert_allclose(packed.residual[:, 1], alone.residual[:, 0], rtol=1e-5)
    np.testing.assert_allclose(packed.outputs[:, 1], alone.outputs[:, 0], rtol=1e-4, atol=1e-5)

    x, targets = jnp.asarray(X[1], jnp.float32), jnp.asarray(Y[1], jnp.float32)
    first, second = UNITS[1, :5, :4].T * np.sqrt(2 / 4), UNITS[1, :5, 4:] / np.sqrt(5)
    params = [jnp.asarray(leaf, jnp.float32) for leaf in (first, np.zeros(5), second, np.zeros(3))]

    def outputs(p):
        return jnp.maximum(x @ p[0] + p[1], 0) @ p[2] + p[3]

    def loss(p):
        return jnp.mean((outputs(p) - targets) ** 2) / jnp.mean(targets**2)

    adam = optax.adam(optax.cosine_decay_schedule(0.02, 6))
    state, gradient = adam.init(params), jax.jit(jax.grad(loss))
    for _ in range(6):
        updates, state = adam.update(gradient(params), state)
        params = optax.apply_updates(params, updates)
    assert alone.residual[1, 0] == pytest.approx(float(loss(params)), rel=1e-3)
    np.testing.assert_allclose(alone.outputs[1, 0], outputs(params), atol=1e-4)
    assert sum(leaf.size for leaf in params) == relu_network_parameters(5, 4, 3)


@pytest.mark.parametrize("ratio", [1.0, 1.6, 10.0])
def test_how_widths_share_programs_changes_nothing(ratio):
    found = fit_relu_networks(UNITS, X, Y, [2, 3, 9], widest_over_narrowest=ratio, **SETTING)
    expected = fit_relu_networks(UNITS, X, Y, [2, 3, 9], **SETTING)
    np.testing.assert_allclose(found.residual, expected.residual, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": [5, 2]}, r"widths = \(5, 2\) must be ascending"),
        ({"widths": []}, r"widths = \(\) must be ascending and at least 1"),
        ({"widths": [10]}, "H at least the largest width 10"),
        ({"targets": Y[:, :9]}, r"must be \[R, n, d\], \[R, n, K\] and \[R, H, d \+ K\]"),
        ({"num_steps": 0}, "num_steps = 0 must be an integer of at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate = 0.0 must be in \(0, inf\)"),
        ({"widest_over_narrowest": 0.5}, "widest_over_narrowest = 0.5 must be in"),
    ],
)
def test_bad_input_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        fit_relu_networks(**{"units": UNITS, "x": X, "targets": Y, "widths": [5], **SETTING, **changes})


def test_neighbouring_widths_share_a_program():
    assert relu_networks._buckets([4, 5, 6, 7, 20], 1.6) == [[4, 5, 6], [7], [20]]
