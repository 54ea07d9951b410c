"""Gram matrices of features: what alignment cannot tell apart, what it must, and where they are found in a network."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.measure import kernel_alignment
from gendyn.models import from_flax, lstm, mlp
from gendyn.probes import feature_snapshot
from gendyn.types import ProbeData, Variables

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (20, 4))
FEATURES = np.random.default_rng(0).normal(size=(20, 6)) * [3.0, 2.0, 1.0, 1.0, 0.5, 0.1] + 2.0


def data(x_test):
    return ProbeData(
        jnp.zeros((3, *x_test.shape[1:])), jnp.zeros(3), jnp.int32(3), x_test, jnp.zeros(len(x_test)), None
    )


def gram(features, **arguments):
    probe = feature_snapshot(features=lambda params, x: {"layer": params[x[:, 0].astype(int)]}, **arguments)
    return probe.fn(KEY, None, jnp.asarray(features), data(jnp.arange(len(features))[:, None]))["layer"]


def linear_cka(first, second):
    """Kornblith et al., eq. 3 in the features themselves: ``||Y^T X||² / (||X^T X|| ||Y^T Y||)``, columns centred."""
    first, second = (values - values.mean(0) for values in (first, second))
    cross = np.linalg.norm(second.T @ first) ** 2
    return cross / (np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second))


def test_alignment_of_two_records_is_linear_cka():
    other = np.tanh(FEATURES) + np.random.default_rng(1).normal(size=FEATURES.shape)
    found = float(kernel_alignment(gram(FEATURES), gram(other)))
    assert found == pytest.approx(linear_cka(FEATURES, other), rel=1e-4)
    assert 0.05 < found < 0.95


def test_rotation_scale_and_shift_are_no_movement_and_stretching_is():
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    start = gram(FEATURES)
    same = {"equal": FEATURES, "rotated": FEATURES @ rotation, "scaled": 7.0 * FEATURES, "shifted": FEATURES + 5.0}
    for name, features in same.items():
        assert float(kernel_alignment(start, gram(features))) == pytest.approx(1.0, abs=1e-4), name
    padded = gram(np.pad(FEATURES, ((0, 0), (0, 3))))
    np.testing.assert_allclose(padded, start, rtol=1e-5, atol=1e-4)
    assert float(kernel_alignment(start, gram(FEATURES * [0.0, 1.0, 1.0, 1.0, 1.0, 9.0]))) < 0.8


def test_inputs_are_evenly_spaced_over_the_test_set():
    chosen = np.arange(0, 20, 4)
    np.testing.assert_allclose(gram(FEATURES, num_examples=5), gram(FEATURES[chosen]), rtol=1e-5, atol=1e-4)
    assert gram(FEATURES, num_examples=500).shape == (20, 20)


def snapshot(model, params, x, statistics=None):
    def apply(params, x):
        return model.apply(Variables(params, statistics or {}), x)[0]

    return jax.jit(lambda params: feature_snapshot().fn(KEY, apply, params, data(x)))(params)


def test_hidden_layers_of_a_network_are_found_and_padding_changes_nothing():
    model = from_flax(mlp(num_outputs=3, depth=2, width=5))
    params = model.init(KEY, X).params
    found = snapshot(model, params, X)
    first = jax.nn.relu(X @ params["dense_0"]["kernel"] + params["dense_0"]["bias"])
    second = jax.nn.relu(first @ params["dense_1"]["kernel"] + params["dense_1"]["bias"])
    assert set(found) == {"hidden_0", "hidden_1"}
    for name, hidden in (("hidden_0", first), ("hidden_1", second)):
        centred = np.asarray(hidden - hidden.mean(0))
        np.testing.assert_allclose(found[name], centred @ centred.T, rtol=1e-4, atol=1e-5)
    padded = from_flax(mlp(num_outputs=3, depth=2, width=8, active_width=5))
    shapes = jax.eval_shape(padded.init, KEY, X).params
    wide = jax.tree.map(
        lambda leaf, like: jnp.pad(leaf, [(0, b - a) for a, b in zip(leaf.shape, like.shape, strict=True)]),
        params,
        shapes,
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), snapshot(padded, wide, X), found)


def test_layers_inside_a_loop_are_found_too():
    model, x = from_flax(lstm(num_outputs=3, width=4, depth=2, embedding_size=2)), jnp.arange(12).reshape(6, 2) % 3
    assert {name: value.shape for name, value in snapshot(model, model.init(KEY, x).params, x).items()} == {
        "hidden_0": (6, 6),
        "hidden_1": (6, 6),
    }


def small_network():
    model = from_flax(mlp(num_outputs=3, depth=1, width=5))
    return (lambda params, x: model.apply(Variables(params, {}), x)[0]), model.init(KEY, X).params


def test_a_jitted_network_is_as_good_as_a_plain_one_whether_or_not_it_has_been_called():
    plain, params = small_network()
    probe, jitted = feature_snapshot(), jax.jit(plain)
    expected = probe.fn(KEY, plain, params, data(X))["hidden_0"]
    for _ in ("cold", "warm"):
        np.testing.assert_allclose(probe.fn(KEY, jitted, params, data(X))["hidden_0"], expected, rtol=1e-6, atol=1e-6)
        jitted(params, X)
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), params)
    packed = jax.vmap(lambda params: probe.fn(KEY, jitted, params, data(X))["hidden_0"])(twice)
    np.testing.assert_allclose(packed[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("hide", ["jit", "checkpoint", "vmap", "loop", "compiled"])
def test_a_module_inside_another_transformation_is_refused_alike_warm_or_cold(hide):
    plain, params = small_network()
    inner = jax.jit(plain)
    network = {
        "jit": lambda params, x: 2.0 * inner(params, x),
        "checkpoint": jax.checkpoint(plain),
        "vmap": jax.vmap(jax.jit(lambda params, row: plain(params, row[None])[0]), (None, 0)),
        "loop": lambda params, x: jax.lax.map(lambda row: plain(params, row[None])[0], x),
        "compiled": inner.lower(params, X).compile(),
    }[hide]
    for _ in ("cold", "warm"):
        with pytest.raises(ConfigError, match=r"calls the module inside jit, vmap, checkpoint or a loop.*features="):
            feature_snapshot().fn(KEY, network, params, data(X))
        network(params, X)
    shown = feature_snapshot(features=lambda params, x: {"outputs": network(params, X)}).fn(KEY, None, params, data(X))
    assert shown["outputs"].shape == (20, 20)


def test_two_modules_are_refused():
    plain, params = small_network()
    with pytest.raises(ConfigError, match=r"the network calls 2 flax modules.*pass features="):
        feature_snapshot().fn(KEY, lambda params, x: plain(params, x) - plain(params, -x), params, data(X))


def test_bad_input_is_named():
    with pytest.raises(ConfigError, match=r"num_examples = 1 must be an integer of at least 2"):
        feature_snapshot(num_examples=1)
    with pytest.raises(ConfigError, match=r"is no flax module, sows nothing, or .* Write self.sow"):
        feature_snapshot().fn(KEY, lambda params, x: x @ params, jnp.eye(4), data(X))
    silent = from_flax(nn.Dense(2))
    with pytest.raises(ConfigError, match=r"feature_snapshot: no intermediates \[B, ...\] are found"):
        snapshot(silent, silent.init(KEY, X).params, X)
