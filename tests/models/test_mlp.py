"""The three parametrisations against their defining properties, and every activation against its profile."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.models import from_flax, mlp, parameter_count
from gendyn.models._activations import ACTIVATIONS, profile

INPUTS = 16
SEEDS = 8


def unit_inputs(count, seed=0):
    """Inputs of mean square exactly 1, for which the initial variances are exact."""
    x = jax.random.normal(jax.random.key(seed), (count, INPUTS))
    return x / jnp.sqrt(jnp.mean(jnp.square(x), axis=1, keepdims=True))


def initial(module, key):
    return from_flax(module).init(key, jax.ShapeDtypeStruct((1, INPUTS), jnp.float32)).params


def ensemble(module, seeds=SEEDS):
    """Parameters of several seeds, leaves ``[seeds, ...]``."""
    keys = jax.random.split(jax.random.key(11), seeds)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *[initial(module, key) for key in keys])


def outputs(module, params, x):
    return jax.jit(jax.vmap(lambda p: module.apply({"params": p}, x)))(params)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gain_is_one_over_the_second_moment(name):
    """Against a Monte Carlo estimate, and its own standard error."""
    z = jax.random.normal(jax.random.key(1), (40_000,)).at[0].set(0.0)
    values = np.asarray(jax.jit(ACTIVATIONS[name])(z))
    squares = np.square(values[1:])
    error = squares.std() / np.sqrt(squares.size)
    assert abs(1 / profile(name).gain - squares.mean()) < 4.5 * error + 1e-6
    assert profile(name).at_zero == pytest.approx(float(values[0]), abs=1e-7)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "quadratic"])
@pytest.mark.parametrize("parametrisation", ["standard", "ntk"])
def test_initial_logits_have_unit_variance(activation, parametrisation):
    module = mlp(num_outputs=64, width=256, depth=2, activation=activation, parametrisation=parametrisation)
    values = np.asarray(outputs(module, ensemble(module, 12), unit_inputs(1)))  # [12, 1, 64]
    per_seed = np.mean(np.square(values), axis=(1, 2))
    error = per_seed.std(ddof=1) / np.sqrt(len(per_seed))
    assert abs(per_seed.mean() - 1) < 4 * error + 0.02
    if activation == "relu":  # and the interval is narrow enough to tell gain 2 from gain 1
        assert error < 0.1


def test_standard_and_ntk_are_the_same_function_at_the_start():
    x = unit_inputs(5)
    make = functools.partial(mlp, num_outputs=3, width=32, depth=2, activation="tanh")
    key = jax.random.key(2)
    values = []
    for parametrisation in ("standard", "ntk", "mup"):
        module = make(parametrisation=parametrisation, base_width=32)
        values.append(module.apply({"params": initial(module, key)}, x))
    np.testing.assert_allclose(values[0], values[1], rtol=2e-4, atol=2e-5)
    np.testing.assert_array_equal(values[0], values[2])  # muP at its base width is the standard parametrisation
    off_base = make(parametrisation="mup", base_width=16)
    assert float(jnp.abs(off_base.apply({"params": initial(off_base, key)}, x) - values[0]).max()) > 1e-2


def tangent_kernel_scale(parametrisation, width):
    """``||grad f(x)||^2``, mean and standard error over seeds."""
    module = mlp(num_outputs=1, width=width, depth=2, parametrisation=parametrisation)
    x = unit_inputs(1)

    def squared_norm(params):
        gradients = jax.grad(lambda p: module.apply({"params": p}, x)[0, 0])(params)
        return sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradients))

    values = np.asarray(jax.jit(jax.vmap(squared_norm))(ensemble(module)))
    return values.mean(), values.std(ddof=1) / np.sqrt(SEEDS)


def test_the_tangent_kernel_is_width_independent_in_ntk_only():
    (small, small_error), (large, large_error) = (tangent_kernel_scale("ntk", width) for width in (64, 512))
    assert abs(large - small) < 4 * np.hypot(small_error, large_error)
    assert large_error < 0.15 * large
    standard = [tangent_kernel_scale("standard", width)[0] for width in (64, 512)]
    assert standard[1] > 4 * standard[0]  # it grows in proportion to the width: 8 here


WIDTHS = (64, 256, 1024)


def feature_movement(parametrisation, width, steps=3, learning_rate=0.001):
    """Root mean square change of the last hidden features by a few Adam steps, mean over seeds.

    The readout starts at 0, as the paper advises (appendix D.2): a random one adds a correction of order
    1/sqrt(width), by which the movement approaches its limit from above (slope -0.15 over these widths).
    """
    module = mlp(num_outputs=1, width=width, depth=2, parametrisation=parametrisation, base_width=64, use_bias=False)
    x = unit_inputs(16)
    y = jnp.sin(3 * x[:, :1])
    adam = optax.scale_by_adam(eps=1e-30)  # muP's table needs an eps that no gradient comes near

    def loss(params):
        return jnp.mean(jnp.square(module.apply({"params": params}, x) - y))

    def features(params):
        _, state = module.apply({"params": params}, x, mutable=["intermediates"])
        return state["intermediates"]["hidden_1"][0]

    @jax.jit
    def movement(start):
        scales = module.learning_rate_scales(start, "adam")
        params, state = start, adam.init(start)

        def step(_, carry):
            params, state = carry
            updates, state = adam.update(jax.grad(loss)(params), state)
            return jax.tree.map(lambda p, u, s: p - learning_rate * s * u, params, updates, scales), state

        params, _ = jax.lax.fori_loop(0, steps, step, (params, state))
        return jnp.sqrt(jnp.mean(jnp.square(features(params) - features(start))))

    seeds = 2 if width > 256 else 5
    starts = [initial(module, jax.random.key(seed)) for seed in range(seeds)]
    return np.mean([movement(start | {"readout": jax.tree.map(jnp.zeros_like, start["readout"])}) for start in starts])


def test_coordinate_check():
    """Features move by the same amount at every width under muP, and more the wider in the standard parametrisation."""
    slope = {}
    for parametrisation in ("mup", "standard"):
        moves = [feature_movement(parametrisation, width) for width in WIDTHS]
        slope[parametrisation] = np.polyfit(np.log(WIDTHS), np.log(moves), 1)[0]
    assert abs(slope["mup"]) < 0.05, slope
    assert slope["standard"] > 0.6, slope


def test_learning_rate_scales_are_table_8():
    """At 4 base widths: every entry of the table, and all ones in the other parametrisations."""
    module = mlp(num_outputs=3, width=256, depth=2, parametrisation="mup", base_width=64)
    params = initial(module, jax.random.key(0))
    expected = {
        "sgd": {"dense_0": (4, 4), "dense_1": (1, 4), "readout": (4, 1)},
        "adam": {"dense_0": (1, 1), "dense_1": (0.25, 1), "readout": (1, 1)},
    }
    for family, layers in expected.items():
        scales = module.learning_rate_scales(params, family)
        assert jax.tree.structure(scales) == jax.tree.structure(params)
        for layer, (kernel, bias) in layers.items():
            assert (float(scales[layer]["kernel"]), float(scales[layer]["bias"])) == (kernel, bias), (family, layer)
    traced = jax.jit(
        lambda active: mlp(
            num_outputs=3, width=512, active_width=active, parametrisation="mup", depth=2
        ).learning_rate_scales(params, "sgd")
    )(jnp.int32(256))
    jax.tree.map(np.testing.assert_allclose, traced, module.learning_rate_scales(params, "sgd"))
    for parametrisation in ("standard", "ntk"):
        plain = mlp(num_outputs=3, width=256, parametrisation=parametrisation)
        assert set(map(float, jax.tree.leaves(plain.learning_rate_scales(params, "sgd")))) == {1.0}
    with pytest.raises(ConfigError, match="family = 'adamax' must be one of sgd, adam"):
        module.learning_rate_scales(params, "adamax")


def test_mup_sgd_moves_the_logits_alike_at_every_width():
    """One SGD step: the table's factors make the change of the output independent of the width."""
    x = unit_inputs(8)

    def change(width, scaled):
        module = mlp(num_outputs=1, width=width, depth=2, parametrisation="mup")

        @jax.jit
        def of_seed(params):
            gradients = jax.grad(lambda p: module.apply({"params": p}, x).mean())(params)
            scales = module.learning_rate_scales(params, "sgd") if scaled else jax.tree.map(jnp.ones_like, params)
            moved = jax.tree.map(lambda p, g, s: p - 0.01 * s * g, params, gradients, scales)
            return jnp.mean(module.apply({"params": params}, x) - module.apply({"params": moved}, x))

        return float(jnp.mean(jax.vmap(of_seed)(ensemble(module, 6))))

    assert change(512, True) == pytest.approx(change(64, True), rel=0.2)
    assert change(512, False) < 0.5 * change(64, False)


def test_initial_and_output_scales():
    x = unit_inputs(4)
    key = jax.random.key(0)
    plain, scaled = mlp(num_outputs=2, depth=2), mlp(num_outputs=2, depth=2, init_scale=3.0)
    params = initial(plain, key)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(3 * a, b, rtol=1e-5), params, initial(scaled, key))
    doubled = mlp(num_outputs=2, depth=2, output_scale=2.0).apply({"params": params}, x)
    np.testing.assert_allclose(doubled, 2 * plain.apply({"params": params}, x), rtol=1e-6)


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("use_bias", [True, False])
def test_depth_and_count(depth, use_bias):
    sizes = [INPUTS, *[5] * depth, 3]
    expected = sum(a * b + (b if use_bias else 0) for a, b in itertools.pairwise(sizes))
    module = mlp(num_outputs=3, width=5, depth=depth, use_bias=use_bias)
    assert parameter_count(from_flax(module), (INPUTS,)) == expected
    assert parameter_count(from_flax(module), (4, 2, 2)) == expected  # images are flattened


def test_a_network_by_hand():
    module = mlp(num_outputs=2, width=4, depth=1, activation="tanh")
    x = unit_inputs(3)
    params = jax.tree.map(lambda leaf: leaf + 0.1, initial(module, jax.random.key(0)))
    hidden = np.tanh(x @ params["dense_0"]["kernel"] + params["dense_0"]["bias"])
    expected = hidden @ params["readout"]["kernel"] + params["readout"]["bias"]
    np.testing.assert_allclose(module.apply({"params": params}, x), expected, rtol=1e-4, atol=1e-6)
    # Intermediates on request, by flax's two ways.
    _, sown = module.apply({"params": params}, x, mutable=["intermediates"])
    np.testing.assert_allclose(sown["intermediates"]["hidden_0"][0], hidden, rtol=1e-4, atol=1e-6)
    _, captured = module.apply({"params": params}, x, capture_intermediates=True, mutable=["intermediates"])
    before = captured["intermediates"]["dense_0"]["__call__"][0]
    np.testing.assert_allclose(np.tanh(before), hidden, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"width": 0}, "width = 0 must be an integer of at least 1"),
        ({"width": True}, "width = True must be an integer"),
        ({"depth": -1}, "depth = -1 must be an integer of at least 0"),
        ({"num_outputs": 2.5}, "num_outputs = 2.5 must be an integer"),
        ({"activation": "rely"}, "activation = 'rely' must be one of .*Did you mean 'relu'"),
        ({"parametrisation": "mUP"}, "parametrisation = 'mUP' must be one of standard, ntk, mup"),
        ({"base_width": 0}, "base_width = 0 must be"),
        ({"init_scale": -1.0}, "init_scale = -1.0 must be in"),
        ({"output_scale": float("nan")}, "output_scale = nan must be in"),
        ({"width": 8, "active_width": 9}, r"active_width = 9 must be an integer in \[1, width = 8\]"),
        ({"width": 8, "active_width": 2.5}, "active_width = 2.5 must be an integer"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        mlp(**{"num_outputs": 3, **kwargs})
