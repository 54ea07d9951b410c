"""The probe against dense eigenvalues; the Ritz sum under its ceiling; padding and unused rows that change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gendyn.core import ConfigError
from gendyn.optim import squared_error
from gendyn.probes.hessian_effective_dimension import hessian_effective_dimension
from gendyn.types import ProbeData

ALPHAS = (0.03, 0.3, 3.0)
X = jax.random.normal(jax.random.key(1), (14, 3))
Y = jnp.arange(14) % 2
DATA = ProbeData(X, Y, jnp.int32(9), X[:4], Y[:4], squared_error)


def network(params, x):
    return jnp.tanh(x @ params["first"]) @ params["second"]


def draw(seed, width=8):
    first, second = jax.random.split(jax.random.key(seed))
    return {"first": jax.random.normal(first, (3, width)), "second": jax.random.normal(second, (width, 2))}


def compiled(**kwargs):
    probe = hessian_effective_dimension(**{"alphas": ALPHAS, **kwargs})
    return jax.jit(lambda params, data: probe.fn(jax.random.key(0), network, params, data._replace(loss=squared_error)))


def measure(params, data=DATA, **kwargs):
    return compiled(**kwargs)(params, data._replace(loss=None))


def exact(params, *, ggn=False):
    """By ``jax.hessian`` of the mean loss over the 9 rows in use, or by dense Jacobians."""
    flat, unravel = ravel_pytree(params)
    if ggn:
        jacobian = np.asarray(jax.jacobian(lambda w: network(unravel(w), X[:9]).ravel())(flat))
        matrix = 2 * jacobian.T @ jacobian / 9
    else:
        matrix = jax.hessian(lambda w: squared_error(network(unravel(w), X[:9]), Y[:9]).mean())(flat)
    values = np.maximum(np.linalg.eigvalsh(np.asarray(matrix, float)), 0)
    return np.array([np.sum(values / (values + alpha)) for alpha in ALPHAS])


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_agrees_with_dense_eigenvalues_within_its_standard_error(curvature):
    # More steps than the 40 parameters.
    run = compiled(curvature=curvature, num_probes=32, num_steps=44, dense_limit=40)
    for seed in range(2):
        params = draw(seed)
        found = run(params, DATA._replace(loss=None))
        expected = exact(params, ggn=curvature == "ggn")
        np.testing.assert_allclose(found["dense"], expected, rtol=1e-4)
        assert np.all(np.abs(found["quadrature"] - expected) <= 4 * found["quadrature_standard_error"] + 1e-3)
        assert np.all(found["quadrature_standard_error"] < 0.1 * expected)
        assert np.all(np.diff(found["quadrature"]) < 0)
        assert float(found["dimension"]) == float(found["ceiling"]) == 40
        np.testing.assert_allclose(found["alpha"], ALPHAS)


def test_the_other_curvature_is_another_number():
    params = draw(0)
    assert np.all(np.abs(exact(params) - exact(params, ggn=True)) > 1e-2)


def test_the_ritz_sum_is_a_lower_bound_under_its_ceiling_and_exact_with_enough_steps():
    params, x = jnp.ones((30, 1)), jnp.diag(jnp.sqrt(jnp.arange(1.0, 31.0) * 15))
    data = ProbeData(x, jnp.zeros((30, 1)), jnp.int32(30), x, jnp.zeros((30, 1)), squared_error)
    eigenvalues = np.arange(1.0, 31.0)
    expected = np.sum(eigenvalues / (eigenvalues + 0.1))

    def linear(num_steps):
        probe = hessian_effective_dimension(alphas=(0.1,), num_probes=4, num_steps=num_steps)
        return jax.jit(lambda p: probe.fn(jax.random.key(0), lambda w, x: x @ w, p, data))(params)

    few, all_of_them = linear(8), linear(34)
    assert 7 < few["ritz"][0] < 8 == few["ceiling"]
    assert all_of_them["ceiling"] == 30
    np.testing.assert_allclose(all_of_them["ritz"][0], expected, rtol=1e-4)
    for found in (few, all_of_them):
        np.testing.assert_allclose(found["quadrature"][0], expected, rtol=0.02)
    np.testing.assert_allclose([all_of_them["smallest"], all_of_them["largest"]], [1.0, 30.0], rtol=1e-4)


def test_padding_and_rows_beyond_the_sample_count_for_nothing():
    params = draw(0, 5)
    options = {"num_probes": 2, "num_steps": 12, "dense_limit": 40}
    expected = measure(params, **options)
    padded = {"first": jnp.pad(params["first"], ((0, 0), (0, 3))), "second": jnp.pad(params["second"], ((0, 3), (0, 0)))}  # fmt: skip  # noqa: E501
    real = jnp.arange(8) < 5
    data = DATA._replace(
        x_train=X.at[9:].set(50.0), mask={"first": real[None, :], "second": real[:, None]}, targets=Y.at[9:].set(0)
    )
    found = measure(padded, data, **options)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-3, atol=1e-3, err_msg=name)
    assert float(found["dimension"]) == 25 and not np.isnan(found["dense"]).any()


def test_beyond_the_dense_limit_there_is_no_exact_value():
    assert np.isnan(measure(draw(0), num_probes=2, num_steps=2, dense_limit=39)["dense"]).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"curvature": "fisher"}, "curvature = 'fisher' must be one of hessian, ggn"),
        ({"alphas": (0.1, 0.0)}, "alphas = 0.0"),
        ({"alphas": ()}, r"alphas = \(\) must be a sequence of at least one"),
        ({"alphas": 0.1}, r"alphas = 0.1 must be a sequence of at least one"),
        ({"num_probes": 1}, "num_probes = 1"),
        ({"num_steps": 0}, "num_steps = 0"),
        ({"dense_limit": -1}, "dense_limit = -1"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        hessian_effective_dimension(**kwargs)
