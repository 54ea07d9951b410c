"""Embedding spectra, logit scales, layer norms; and tangent kernels of networks on integer tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure, probes
from gendyn.core import ConfigError
from gendyn.optim import cross_entropy
from gendyn.types import ProbeData


def measured(probe, params, apply=None, data=None):
    return jax.tree.map(np.asarray, jax.jit(lambda p: probe.fn(jax.random.key(0), apply, p, data))(params))


@pytest.mark.parametrize("group", ["additive", "multiplicative"])
def test_embedding_spectrum_finds_planted_frequencies(group):
    p = 13
    elements = measure.group_elements(p, group)
    size = len(elements)
    angle = 2 * np.pi * np.arange(size)[:, None] / size
    # A rotation hides the frequencies from the coordinates; the mean and the row of "=" must not count.
    waves = np.concatenate([3 * np.cos(2 * angle), 3 * np.sin(2 * angle), np.cos(6 * angle), 0 * angle], axis=1)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    table = np.full((p + 1, 6), 100.0)
    table[elements] = np.pad(waves @ rotation + 5.0, ((0, 0), (0, 2)))
    params = {"embed": {"table": jnp.asarray(table)}, "other": jnp.ones(3)}
    values = measured(probes.embedding_spectrum(p, "embed/table", group=group), params)
    # Frequency 6 is size / 2 for products, where a cosine has norm sqrt(size).
    top = size if group == "multiplicative" else size / 2
    power = np.array([0, 9 * size, 0, 0, 0, top])
    np.testing.assert_allclose(values["norms"] ** 2, power, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(values["participation_ratio"], power.sum() ** 2 / (power**2).sum(), rtol=1e-4)
    np.testing.assert_allclose(values["gini"], measure.gini(np.sqrt(power)), rtol=1e-3)
    both = {"embed": {"table": jnp.stack([jnp.zeros((p + 1, 6)), jnp.asarray(table)])}}
    second = measured(probes.embedding_spectrum(p, "embed/table", group=group, position=1), both)
    np.testing.assert_allclose(second["norms"], values["norms"], rtol=1e-6)
    assert values["num_frequencies"] == (2 if group == "multiplicative" and top > 0.1 * power.sum() else 1)
    assert (
        measured(probes.embedding_spectrum(p, "embed/table", group=group, share=0.99), params)["num_frequencies"] == 2
    )


def test_a_random_embedding_is_spread_over_all_frequencies():
    tables = jax.random.normal(jax.random.key(0), (5, 101, 64))
    probe = probes.embedding_spectrum(101, "table")
    values = jax.jit(jax.vmap(lambda table: probe.fn(None, None, {"table": table}, None)))(tables)
    assert np.all(np.asarray(values["gini"]) < 0.1)
    assert np.all(np.asarray(values["num_frequencies"]) > 40)
    assert np.all(np.asarray(values["participation_ratio"]) > 45)


def test_paths_are_checked_and_listed():
    params = {"embedding": {"table": jnp.ones((7, 2))}, "readout": {"kernel": jnp.ones((2, 7))}}
    with pytest.raises(ConfigError, match=r"Did you mean 'embedding/table'.*They are: embedding/table, readout/kernel"):
        probes.embedding_spectrum(7, "embeding/table").fn(None, None, params, None)
    with pytest.raises(ConfigError, match=r"path = 'readout' holds \(2, 7\); it must be one table.*modulus = 7"):
        probes.embedding_spectrum(7, "readout").fn(None, None, params, None)
    with pytest.raises(ConfigError, match=r"position = 2 must be below the 2 tables at path = 'table'"):
        probes.embedding_spectrum(7, "table", position=2).fn(None, None, {"table": jnp.ones((2, 7, 3))}, None)
    with pytest.raises(ConfigError, match=r"path = 'read' must be a path"):
        probes.last_layer_norm("read").fn(None, None, params, None)
    with pytest.raises(ConfigError, match=r"path = '' must be a path"):
        probes.last_layer_norm("")
    with pytest.raises(ConfigError, match=r"share = 0 must be in \(0, 1\]"):
        probes.embedding_spectrum(7, "table", share=0)


def test_last_layer_norm_is_that_of_the_layer_alone():
    params = {"dense": jnp.full((3, 4), 1.0), "readout": {"bias": jnp.array([2.0]), "kernel": jnp.zeros((4, 1))}}
    values = measured(probes.last_layer_norm("readout"), params)
    np.testing.assert_allclose(values["norm"], 2.0)
    np.testing.assert_allclose(values["share"], 0.5)
    large = {"readout": jnp.full(2, 300.0, jnp.float16)}
    np.testing.assert_allclose(measured(probes.last_layer_norm("readout"), large)["norm"], 300 * 2**0.5, rtol=1e-4)


def test_logit_scale_against_numpy():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(9, 5)) * 3 + rng.normal(size=(9, 1)), rng.integers(0, 5, 9)
    data = ProbeData(jnp.asarray(logits), jnp.asarray(labels), jnp.int32(6), None, None, cross_entropy)
    values = measured(probes.logit_scale(), jnp.float32(2.0), lambda scale, x: scale * x, data)
    used, told = 2 * logits[:6], labels[:6]
    np.testing.assert_allclose(values["scale"], np.sqrt(np.mean((used - used.mean(1, keepdims=True)) ** 2)), rtol=1e-5)
    others = np.where(np.eye(5, dtype=bool)[told], -np.inf, used).max(1)
    np.testing.assert_allclose(values["margin"], np.mean(used[np.arange(6), told] - others), rtol=1e-5)
    assert values["softmax_collapse"] == values["zero_loss"] == values["zero_gradient"] == 0


def test_collapse_comes_before_the_gradient_vanishes():
    # Leads of 10, 18 and 200: none, absorbed, underflown; and a confident mistake, which still learns.
    x = jnp.array([[10.0, 0.0], [18.0, 0.0], [200.0, 0.0], [0.0, 200.0]])
    data = ProbeData(x, jnp.zeros(4, jnp.int32), jnp.int32(4), None, None, cross_entropy)
    values = measured(probes.logit_scale(), jnp.float32(1.0), lambda scale, x: scale * x, data)
    assert values["softmax_collapse"] == 0.5
    assert values["zero_loss"] == 0.5
    assert values["zero_gradient"] == 0.25
    first = measured(probes.logit_scale(num_examples=1), jnp.float32(1.0), lambda scale, x: scale * x, data)
    assert first["softmax_collapse"] == 0
    np.testing.assert_allclose(first["margin"], 10.0)


def test_logit_measures_refuse_regression():
    data = ProbeData(jnp.ones((3, 2)), jnp.ones((3, 2)), jnp.int32(3), None, None, cross_entropy)
    with pytest.raises(ConfigError, match=r"labels float32 \(3, 2\).*for classification"):
        probes.logit_scale().fn(None, lambda params, x: x, None, data)
    with pytest.raises(ConfigError, match=r"num_examples = 0"):
        probes.logit_scale(num_examples=0)


def test_tangent_kernels_of_token_networks_equal_the_jacobian():
    """Kernels differentiate by parameters only, so that inputs may be integers."""
    table, kernel = jax.random.split(jax.random.key(0))
    params = {"embedding": jax.random.normal(table, (5, 3)), "kernel": jax.random.normal(kernel, (3, 5))}
    x = jnp.array([[0, 1], [4, 2], [3, 3], [2, 2]], jnp.int32)
    y = x.sum(axis=1) % 5

    def apply(params, x):
        hidden = params["embedding"][x[:, 0]] + params["embedding"][x[:, 1]]
        return jnp.square(hidden) @ params["kernel"]

    data = ProbeData(x, y, jnp.int32(3), x, y, cross_entropy)
    values = measured(probes.tangent_kernel(num_eigenvalues=3), params, apply, data)
    leaves = jax.tree.leaves(jax.jit(jax.jacrev(apply))(params, x))
    jacobian = np.concatenate([np.asarray(leaf).reshape(4, 5, -1) for leaf in leaves], axis=2)
    dense = np.einsum("ncp,mcp->nm", jacobian, jacobian) / 5
    np.testing.assert_allclose(values["eigenvalues"], np.linalg.eigvalsh(dense[:3, :3])[::-1], rtol=1e-4)
    snapshot = measured(probes.kernel_snapshot(num_examples=3), params, apply, data)
    np.testing.assert_allclose(snapshot["kernel"][3:, 3:], dense[:3, :3], rtol=1e-4)
