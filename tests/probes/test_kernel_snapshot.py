"""The snapshot is the dense kernel over training and test inputs; rows not in use are 0, whatever lies there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.optim import cross_entropy, squared_error
from gendyn.probes.kernel_snapshot import kernel_snapshot
from gendyn.types import ProbeData

KEY = jax.random.key(0)
X, X_TEST = jax.random.normal(jax.random.key(1), (6, 3)), jax.random.normal(jax.random.key(2), (4, 3))


def network(params, x):
    return jnp.tanh(x @ params["first"]) @ params["second"]


def draw(outputs):
    first, second = jax.random.split(KEY)
    return {"first": jax.random.normal(first, (3, 5)), "second": jax.random.normal(second, (5, outputs))}


def dense(params, x):
    """Mean over outputs of ``J_k J_k^T``, from a plain Jacobian."""
    jacobian = jax.tree.leaves(jax.jacrev(network)(params, x))
    flat = np.concatenate([np.asarray(leaf).reshape(*leaf.shape[:2], -1) for leaf in jacobian], axis=2)
    return np.einsum("nkp,mkp->nm", flat, flat) / flat.shape[1]


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_snapshot_is_the_dense_kernel_over_training_then_test_inputs(outputs):
    params, y = draw(outputs), jnp.ones((6, outputs))
    data = ProbeData(X, y, jnp.int32(6), X_TEST, 2 * y[:4], squared_error)
    found = kernel_snapshot(num_examples=3).fn(KEY, network, params, data)
    x = jnp.concatenate([X[:3], X_TEST[:3]])
    np.testing.assert_allclose(found["kernel"], dense(params, x), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["outputs"], network(params, x), rtol=1e-6)
    np.testing.assert_array_equal(found["targets"], np.repeat([1.0, 2.0], 3)[:, None] * np.ones(outputs))


def test_rows_beyond_num_train_are_zero_even_where_nothing_finite_lies_there():
    params, labels = draw(2), jnp.array([0, 1, 1, 0, 1, 0])
    probe = kernel_snapshot(num_examples=5)

    @jax.jit
    def measure(num_train, x):
        return probe.fn(KEY, network, params, ProbeData(x, labels, num_train, X_TEST, labels[:4], cross_entropy))

    for count in (2, 4):
        found = measure(jnp.int32(count), X.at[count:].set(jnp.inf))
        rows = np.r_[:count, 5:9]  # the test set has four rows, and all of them follow the five training rows
        assert found["kernel"].shape == (9, 9)
        expected = np.zeros((9, 9))
        expected[np.ix_(rows, rows)] = dense(params, jnp.concatenate([X[:count], X_TEST]))
        np.testing.assert_allclose(found["kernel"], expected, rtol=1e-5, atol=1e-5)
        assert not np.asarray(found["outputs"])[count:5].any() and np.asarray(found["outputs"])[rows].all()
        np.testing.assert_array_equal(np.asarray(found["targets"])[:count], np.eye(2)[labels[:count]])
        assert not np.asarray(found["targets"])[count:5].any()


@pytest.mark.parametrize("count", [0, 2.5])
def test_bad_counts(count):
    with pytest.raises(ConfigError, match=f"num_examples = {count}"):
        kernel_snapshot(num_examples=count)
