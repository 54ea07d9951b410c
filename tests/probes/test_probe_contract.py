"""Every probe by glob: pure, jit- and vmap-safe, and blind to zero-padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import core, probes
from gendyn.models import from_flax, mlp
from gendyn.optim import cross_entropy
from gendyn.sweep.plan.masks import parameter_mask
from gendyn.types import Model, ProbeData, Variables

DATA = ProbeData(
    x_train=jax.random.normal(jax.random.key(1), (8, 3)),
    targets=jnp.array([0, 1, 1, 0, 1, 0, 0, 1]),
    num_train=jnp.int32(6),
    x_test=jax.random.normal(jax.random.key(2), (4, 3)),
    y_test=jnp.array([0, 1, 0, 1]),
    loss=cross_entropy,
)


def network(width: int, active_width: int | None = None):
    return from_flax(mlp(num_outputs=2, width=width, depth=1, active_width=active_width))


def token_network(modulus: int):
    """``relu(e[a] + e[b]) W + bias`` on tokens ``[a, b]``."""

    def make(width: int, active_width: int | None = None):
        def init(key, x):
            table, kernel = jax.random.split(key)
            embedding = jax.random.normal(table, (modulus, width))
            readout = {"kernel": jax.random.normal(kernel, (width, modulus)), "bias": jnp.arange(modulus) / modulus}
            return Variables({"embedding": embedding, "readout": readout}, {})

        def apply(variables, x, *, train=False):
            params = variables.params
            hidden = jax.nn.relu(params["embedding"][x[:, 0]] + params["embedding"][x[:, 1]])
            return hidden @ params["readout"]["kernel"] + params["readout"]["bias"], {}

        return Model(init, apply)

    return make


def token_data(modulus: int) -> ProbeData:
    """All pairs ``[a, b]`` with their sums, shuffled; every pair is in the test set too."""
    order = jax.random.permutation(jax.random.key(1), modulus**2)
    pool = jnp.stack([order // modulus, order % modulus], axis=1)
    sums = pool.sum(axis=1) % modulus
    return ProbeData(pool, sums, jnp.int32(15), pool, sums, cross_entropy)


def run_probe(probe, model, params, data=DATA):
    return probe.fn(jax.random.key(0), lambda p, x: model.apply(Variables(p, {}), x)[0], params, data)


@pytest.mark.parametrize("name", core.names("probes"))
def test_the_first_line_says_whether_it_is_exact(name):
    assert core.lookup("probes", name).__doc__.startswith(("Exact", "Estimates"))


@pytest.mark.parametrize("name", core.names("probes"))
def test_probe_is_jit_and_vmap_safe_and_ignores_padding(name):
    kwargs = core.module("probes", name).example().kwargs
    probe = core.lookup("probes", name)(**kwargs)
    assert probe.name == name
    # A probe of modular arithmetic, known by its argument, is tried on tokens.
    modulus = kwargs.get("modulus")
    make, data = (token_network(modulus), token_data(modulus)) if modulus else (network, DATA)
    row, count = data.x_train[:1], int(data.num_train)
    model, padded_model = make(5), make(8, 5)
    stacked = [model.init(jax.random.key(seed), row).params for seed in range(3)]

    def alone(params):
        return run_probe(probe, model, params, data)

    # Compiled as a whole: a probe of many small operations takes far longer one by one.
    one_by_one = jax.jit(alone)
    expected = [one_by_one(params) for params in stacked]
    shapes = jax.eval_shape(lambda: make(8).init(jax.random.key(0), row).params)
    padded = [
        jax.tree.map(
            lambda leaf, like: jnp.pad(leaf, [(0, b - a) for a, b in zip(leaf.shape, like.shape, strict=True)]),
            params,
            shapes,
        )
        for params in stacked
    ]
    mask = parameter_mask(
        lambda sizes: jax.eval_shape(lambda: make(sizes["width"]).init(jax.random.key(0), row).params),
        {"width": 8},
        {"width": 5},
    )
    unseen = data.x_train.at[count:].set(100), data.targets.at[count:].set(0)
    seen = data._replace(x_train=unseen[0], targets=unseen[1], mask=mask)
    # Side by side and in a bucket at once, as a sweep does it.
    together = jax.jit(jax.vmap(lambda p: run_probe(probe, padded_model, p, seen)))(
        jax.tree.map(lambda *x: jnp.stack(x), *padded)
    )
    exact = core.lookup("probes", name).__doc__.startswith("Exact")
    for key in expected[0]:
        # Eigenvalues near 0 are known to rounding of the largest only, and an iteration stops at its own tolerance.
        scale = max(float(np.nanmax(np.abs(v), initial=0.0)) for v in expected[0].values())
        tolerance = {"rtol": 1e-4, "atol": 1e-6 * scale} if exact else {"rtol": 2e-3, "atol": 1e-4 * scale}
        np.testing.assert_allclose(together[key], np.stack([e[key] for e in expected]), **tolerance)
    assert any(not np.allclose(expected[0][key], expected[1][key]) for key in expected[0])


def test_parameter_norm_is_the_euclidean_norm():
    params = {"a": jnp.array([3.0, 4.0]), "b": {"c": jnp.full((2, 2), 6.0)}}
    values = probes.parameter_norm().fn(jax.random.key(0), None, params, None)
    np.testing.assert_allclose(values["a"], 5.0)
    np.testing.assert_allclose(values["b/c"], 12.0)
    np.testing.assert_allclose(values["total"], 13.0)
