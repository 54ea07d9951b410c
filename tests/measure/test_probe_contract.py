"""Every probe by glob: pure, jit- and vmap-safe, and blind to zero-padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import core, measure
from gendyn.models import from_flax, mlp
from gendyn.optim import cross_entropy
from gendyn.sweep.masks import parameter_mask
from gendyn.types import ProbeData, Variables

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


def run_probe(probe, model, params, data=DATA):
    return probe.fn(jax.random.key(0), lambda p, x: model.apply(Variables(p, {}), x)[0], params, data)


@pytest.mark.parametrize("name", core.names("measure"))
def test_the_first_line_says_whether_it_is_exact(name):
    assert core.lookup("measure", name).__doc__.startswith(("Exact", "Estimates"))


@pytest.mark.parametrize("name", core.names("measure"))
def test_probe_is_jit_and_vmap_safe_and_ignores_padding(name):
    found = core.module("measure", name)
    probe = core.lookup("measure", name)(**found.example().kwargs)
    assert probe.name == name
    model, padded_model = network(5), network(8, 5)
    stacked = [model.init(jax.random.key(seed), DATA.x_train[:1]).params for seed in range(3)]
    expected = [run_probe(probe, model, params) for params in stacked]
    together = jax.jit(jax.vmap(lambda p: run_probe(probe, model, p)))(jax.tree.map(lambda *x: jnp.stack(x), *stacked))
    shapes = jax.eval_shape(lambda: network(8).init(jax.random.key(0), DATA.x_train[:1]).params)
    padded = jax.tree.map(
        lambda leaf, like: jnp.pad(leaf, [(0, b - a) for a, b in zip(leaf.shape, like.shape, strict=True)]),
        stacked[0],
        shapes,
    )
    mask = parameter_mask(
        lambda sizes: jax.eval_shape(lambda: network(sizes["width"]).init(jax.random.key(0), DATA.x_train[:1]).params),
        {"width": 8},
        {"width": 5},
    )
    unseen = DATA.x_train.at[6:].set(100.0), DATA.targets.at[6:].set(0)
    data = DATA._replace(x_train=unseen[0], targets=unseen[1], mask=mask)
    in_bucket = run_probe(probe, padded_model, padded, data)
    exact = core.lookup("measure", name).__doc__.startswith("Exact")
    for key, value in expected[0].items():
        # Eigenvalues near 0 are known to rounding of the largest only, and an iteration stops at its own tolerance.
        scale = max(float(np.abs(v).max()) for v in expected[0].values())
        tolerance = {"rtol": 1e-4, "atol": 1e-6 * scale} if exact else {"rtol": 2e-3, "atol": 1e-4 * scale}
        np.testing.assert_allclose(together[key], np.stack([e[key] for e in expected]), **tolerance)
        np.testing.assert_allclose(in_bucket[key], value, **tolerance)
    assert any(not np.allclose(expected[0][key], expected[1][key]) for key in expected[0])


def test_parameter_norm_is_the_euclidean_norm():
    params = {"a": jnp.array([3.0, 4.0]), "b": {"c": jnp.full((2, 2), 6.0)}}
    values = measure.parameter_norm().fn(jax.random.key(0), None, params, None)
    np.testing.assert_allclose(values["a"], 5.0)
    np.testing.assert_allclose(values["b/c"], 12.0)
    np.testing.assert_allclose(values["total"], 13.0)
