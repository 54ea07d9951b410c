"""Noise of gradients over batches, where it is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.probes import gradient_noise
from gendyn.types import ProbeData

ROWS = np.random.default_rng(0).normal(size=(20, 3)) + np.array([1.0, 0.5, 0.0])


def linear(params, x):
    """The gradient of the mean output is the mean row: its mean and covariance are those of the rows."""
    return x[:, :2] @ params["a"] + x[:, 2:] @ params["b"]


def rows_data(num_train):
    x = jnp.asarray(ROWS).at[num_train:].set(1e6)
    return ProbeData(x, jnp.zeros(20), jnp.int32(num_train), x, None, lambda outputs, targets: outputs[:, 0])


def test_ratio_of_a_linear_model_within_its_standard_error():
    params, num_train, batch_size = {"a": jnp.ones((2, 1)), "b": jnp.ones((1, 1))}, 15, 4
    probe = gradient_noise(num_batches=64, batch_size=batch_size)
    many = jax.jit(jax.vmap(lambda key: probe.fn(key, linear, params, rows_data(num_train))))
    values = jax.tree.map(np.asarray, many(jax.random.split(jax.random.key(0), 200)))
    used = ROWS[:num_train]
    mean, variance = used.mean(0), used.var(0) / batch_size
    np.testing.assert_allclose(values["total/signal"].mean(), np.sum(mean**2), rtol=0.03)
    np.testing.assert_allclose(values["total/noise"].mean(), np.sum(variance), rtol=0.03)
    truth = {
        "a": np.sum(mean[:2] ** 2) / np.sum(variance[:2]),
        "b": mean[2] ** 2 / variance[2],
        "total": np.sum(mean**2) / np.sum(variance),
    }
    for name, expected in truth.items():
        ratio, error = values[f"{name}/ratio"], values[f"{name}/ratio_standard_error"]
        scores = (ratio - expected) / error
        assert np.mean(np.abs(scores) < 2) > 0.85, name
        # The error is that of the estimate: neither a tenth nor ten times its scatter.
        assert 0.7 < np.mean(error) / np.std(ratio) < 1.4, name


def test_gradients_without_noise_have_an_infinite_ratio():
    params = {"a": jnp.ones((2, 1)), "b": jnp.ones((1, 1))}
    x = jnp.ones((4, 3)).at[:, 2].set(0.0)
    data = ProbeData(x, jnp.zeros(4), jnp.int32(4), x, None, lambda outputs, targets: outputs[:, 0])
    values = jax.jit(lambda key: gradient_noise(num_batches=4, batch_size=2).fn(key, linear, params, data))(
        jax.random.key(0)
    )
    assert values["a/ratio"] == jnp.inf
    assert values["b/ratio"] == 0
    assert values["total/ratio_standard_error"] == 0


def test_bad_input_is_named():
    with pytest.raises(ConfigError, match=r"num_batches = 2 must be an integer of at least 3"):
        gradient_noise(num_batches=2)
    with pytest.raises(ConfigError, match=r"batch_size = 0"):
        gradient_noise(batch_size=0)
