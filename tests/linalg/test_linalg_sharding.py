"""Operators over two devices: the same numbers as on one, by jit's own partitioning and inside shard_map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gendyn.linalg import diagonal, lanczos, spectral_density, top_eigenpairs, trace

FEATURES = np.random.default_rng(0).normal(size=(64, 20)).astype(np.float32)
KEY = jax.random.key(0)
START = np.random.default_rng(1).normal(size=20).astype(np.float32)


def gram(x, v):
    return x.T @ (x @ v) / 64


MEASURES = {
    "lanczos": lambda f: lanczos(f, jnp.asarray(START), 8)[:3],
    "top_eigenpairs": lambda f: top_eigenpairs(f, jnp.asarray(START), 3, key=KEY, tol=1e-5)[:1],
    "spectral_density": lambda f: spectral_density(f, START, key=KEY, num_probes=2, num_steps=6)[:2],
    "hutch++": lambda f: trace(f, START, key=KEY, num_probes=9, method="hutch++")[:2],
    "xtrace": lambda f: trace(f, START, key=KEY, num_probes=8, method="xtrace")[:2],
    "diagonal": lambda f: diagonal(f, START, key=KEY, num_probes=3)[:2],
}


@pytest.fixture(scope="module")
def mesh():
    assert jax.device_count() >= 2, "tests/conftest.py asks for two devices"
    return jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])


def assert_same(found, reference):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(reference), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


# What the others are made of: the rest are second copies of their loops.
FAST = ("top_eigenpairs", "spectral_density", "hutch++", "diagonal")


def fast_or_slow(names, fast):
    return [pytest.param(name, marks=[] if name in fast else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", fast_or_slow(MEASURES, FAST))
def test_a_sum_over_devices_inside_shard_map(name, mesh):
    measure = MEASURES[name]

    def split(x):
        return measure(lambda v: jax.lax.psum(gram(x, v), "data"))

    run = jax.shard_map(split, mesh=mesh, in_specs=PartitionSpec("data"), out_specs=PartitionSpec())
    assert_same(jax.jit(run)(FEATURES), jax.jit(lambda x: measure(lambda v: gram(x, v)))(FEATURES))


@pytest.mark.parametrize("name", fast_or_slow(["top_eigenpairs", "spectral_density"], ["spectral_density"]))
def test_another_operator_on_each_device(name, mesh):
    measure = MEASURES[name]

    def each(x):
        return jax.tree.map(lambda leaf: leaf[None], measure(lambda v: gram(x[0], v)))

    run = jax.shard_map(each, mesh=mesh, in_specs=PartitionSpec("data"), out_specs=PartitionSpec("data"))
    pair = FEATURES.reshape(2, 32, 20)
    found, alone = jax.jit(run)(pair), jax.jit(lambda x: measure(lambda v: gram(x, v)))
    for i in range(2):
        assert_same(jax.tree.map(lambda leaf, i=i: leaf[i], found), alone(pair[i]))


def test_vectors_sharded_by_jit(mesh):
    scale = jnp.linspace(1.0, 4.0, 64)
    run = jax.jit(lambda d, v: lanczos(lambda x: d * x, v, 10))
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    start = jnp.linspace(1.0, 2.0, 64)
    found = run(jax.device_put(scale, sharding), jax.device_put(start, sharding))
    expected = run(scale, start)
    assert_same((found.alphas, found.betas), (expected.alphas, expected.betas))
