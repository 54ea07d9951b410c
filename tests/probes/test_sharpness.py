"""The two Hessian probes: closed form, traced train-set size and rate, padding that changes nothing."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gendyn.core import ConfigError
from gendyn.measure.curvature.operators import hessian_operator
from gendyn.optim import cross_entropy, squared_error
from gendyn.probes.hessian_density import hessian_density
from gendyn.probes.hessian_effective_dimension import hessian_effective_dimension
from gendyn.probes.sharpness import sharpness
from gendyn.types import ProbeData

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (14, 3))
Y = jnp.arange(14) % 2
DATA = ProbeData(X, Y, jnp.int32(9), X[:4], Y[:4], cross_entropy)


def network(params, x):
    return jnp.tanh(x @ params["first"]) @ params["second"]


def draw(seed, width=4):
    first, second = jax.random.split(jax.random.key(seed))
    return {"first": jax.random.normal(first, (3, width)), "second": jax.random.normal(second, (width, 2))}


def pad(params, width):
    extra = width - params["second"].shape[0]
    padded = {"first": jnp.pad(params["first"], ((0, 0), (0, extra))), "second": jnp.pad(params["second"], ((0, extra), (0, 0)))}  # fmt: skip  # noqa: E501
    real = jnp.arange(width) < width - extra
    return padded, {"first": real[None, :], "second": real[:, None]}


def hessian(params, rows):
    flat, unravel = ravel_pytree(params)
    return np.asarray(jax.hessian(lambda w: cross_entropy(network(unravel(w), X[:rows]), Y[:rows]).mean())(flat))


def test_probes_measure_the_rows_in_use_and_the_rate_is_traced():
    params = draw(0)

    @jax.jit
    def measure(num_train, rate):
        probe = sharpness(learning_rate=rate, num_probes=8)
        density = hessian_density(num_probes=16, num_steps=20, alphas=(0.1,))
        data = DATA._replace(num_train=num_train)
        return probe.fn(KEY, network, params, data), density.fn(KEY, network, params, data)

    for rows in (9, 14):
        found, density = measure(jnp.int32(rows), 0.3)
        values = np.linalg.eigvalsh(hessian(params, rows))
        np.testing.assert_allclose(found["lambda_max"], values[-1], rtol=1e-4)
        np.testing.assert_allclose(found["lambda_min"], values[0], rtol=1e-3)
        np.testing.assert_allclose(found["edge_of_stability_ratio"], values[-1] * 0.3 / 2, rtol=1e-4)
        assert abs(found["trace"] - values.sum()) <= 4 * found["trace_standard_error"]
        np.testing.assert_allclose(density["nodes"].max(), values[-1], rtol=1e-4)
        share = (values < -1e-5 * values[-1]).mean()
        assert 0 < share < 1
        assert abs(density["negative_fraction"] - share) <= 4 * density["negative_fraction_standard_error"] + 1e-3
        positive = np.maximum(values, 0)
        error = abs(density["effective_dimension"][0] - (positive / (positive + 0.1)).sum())
        assert error <= 4 * density["effective_dimension_standard_error"][0] + 1e-2
    assert np.abs(hessian(params, 9) - hessian(params, 14)).max() > 1e-2


# The density's blindness to padding is in the contract test of the room too.
@pytest.mark.parametrize(
    "probe",
    [
        sharpness(num_probes=4),
        pytest.param(hessian_density(num_probes=2, num_steps=6, alphas=(0.1,)), marks=pytest.mark.slow),
    ],
)
def test_a_padded_population_measures_what_each_network_alone_does(probe):
    alone = [draw(0, 3), draw(1, 4)]
    padded, masks = zip(*(pad(params, 6) for params in alone), strict=True)
    stack = lambda *leaves: jnp.stack(leaves)  # noqa: E731

    def one(params, mask):
        return probe.fn(KEY, network, params, DATA._replace(mask=mask))

    together = jax.jit(jax.vmap(one))(jax.tree.map(stack, *padded), jax.tree.map(stack, *masks))
    for i, params in enumerate(alone):
        expected = jax.jit(lambda params: probe.fn(KEY, network, params, DATA))(params)
        for name, value in expected.items():
            tolerance = 1e-3 if name.endswith("residual") else 1e-4
            np.testing.assert_allclose(together[name][i], value, rtol=2e-3, atol=tolerance, err_msg=name)


def test_an_unmasked_padded_operator_is_wrong():
    """The control: tanh'(0) = 1, so that a dead unit has a cross second derivative."""
    padded, mask = pad(draw(0), 6)
    flat, unravel = ravel_pytree(padded)

    def smallest(mask):
        matvec = hessian_operator(network, cross_entropy, padded, X[:9], Y[:9], mask=mask)
        dense = jax.jit(jax.vmap(lambda e: ravel_pytree(matvec(unravel(e)))[0]))(jnp.eye(flat.size))
        return np.linalg.eigvalsh(np.asarray(dense))

    real = np.linalg.eigvalsh(hessian(draw(0), 9))
    np.testing.assert_allclose(smallest(mask)[0], real[0], atol=1e-5)
    assert np.abs(smallest(None)[:3] - real[:3]).max() > 1e-2


def test_ggn_density_has_no_negative_part():
    params = draw(0)
    probe = hessian_density(curvature="ggn", num_probes=2, num_steps=6, batch_size=4)
    found = jax.jit(lambda params: probe.fn(KEY, network, params, DATA))(params)
    assert float(found["negative_fraction"]) == 0.0


def test_a_regression_has_the_closed_form():
    x = jnp.diag(jnp.array([1.0, 2.0, 3.0]))
    data = ProbeData(x, jnp.zeros((3, 1)), jnp.int32(3), x, jnp.zeros((3, 1)), squared_error)
    found = jax.jit(lambda w: sharpness(batch_size=2).fn(KEY, lambda w, x: x @ w, w, data))(jnp.ones((3, 1)))
    np.testing.assert_allclose(found["lambda_max"], 6.0, rtol=1e-5)
    np.testing.assert_allclose(found["mean_eigenvalue"], 2 * 14 / 9, rtol=1e-5)
    assert "edge_of_stability_ratio" not in found


TOO_MUCH = {
    "sharpness": (sharpness, 100e3, "set batch_size to at most"),
    "vectors": (sharpness, 2e3, "not even one example fits beside the vectors"),
    "density": (hessian_density, 100e3, "set batch_size to at most"),
    "effective dimension": (hessian_effective_dimension, 100e3, "set batch_size to at most"),
    "dense eigenvalues": (lambda **o: hessian_effective_dimension(dense_limit=999, num_steps=2, **o), 3e3, "vectors"),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_needs_beyond_the_memory_are_refused_while_traced_and_the_advice_helps(case):
    make, limit, message = TOO_MUCH[case]
    data = DATA._replace(x_train=jnp.ones((3000, 3)), targets=jnp.zeros(3000, jnp.int32))

    def traced(**more):
        probe = make(memory_limit=limit, **more)
        jax.eval_shape(lambda params: probe.fn(KEY, network, params, data), draw(0))

    with pytest.raises(ConfigError, match=r"memory: .* needed .*memory_limit is .*" + message) as refused:
        traced()
    advised = re.search(r"batch_size to at most (\d+)", str(refused.value))
    if advised:
        traced(batch_size=int(advised[1]))
        with pytest.raises(ConfigError, match="for a product"):
            traced(batch_size=8 * int(advised[1]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sharpness(num_probes=1), "num_probes = 1"),
        (lambda: sharpness(learning_rate=-0.1), "learning_rate = -0.1"),
        (lambda: hessian_density(curvature="fisher"), "curvature = 'fisher' must be one of hessian, ggn"),
        (lambda: hessian_density(alphas=(0.0,)), "alphas = 0.0"),
        (lambda: hessian_density(num_steps=0), "num_steps = 0"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
