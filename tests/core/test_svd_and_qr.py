"""The other decompositions: their defining equations, and a batch equal to each alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import qr, qr_triangle, solve_triangular, svd

SHAPES = [(5, 3), (3, 5)]


def matrices(shape):
    return jax.random.normal(jax.random.key(0), (3, *shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_svd_of_a_batch(shape):
    u, values, vt = jax.vmap(svd)(matrices(shape))
    np.testing.assert_allclose((u * values[:, None]) @ vt, matrices(shape), atol=1e-5)
    np.testing.assert_allclose(u.transpose(0, 2, 1) @ u, np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-5)
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("complete", [False, True])
def test_qr_of_a_batch(shape, complete):
    q, r = jax.vmap(lambda m: qr(m, complete=complete))(matrices(shape))
    np.testing.assert_allclose(q @ r, matrices(shape), atol=1e-5)
    size = shape[0] if complete else min(shape)
    np.testing.assert_allclose(q.transpose(0, 2, 1) @ q, np.broadcast_to(np.eye(size), (3, size, size)), atol=1e-5)
    np.testing.assert_array_equal(r, jnp.triu(r))
    alone = jnp.stack([qr_triangle(m) for m in matrices(shape)])
    np.testing.assert_allclose(r[:, : min(shape)], alone, atol=1e-5)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_triangular_systems_of_a_batch(lower, transposed):
    triangles = (jnp.tril if lower else jnp.triu)(matrices((4, 4))) + 3 * jnp.eye(4)
    right = jnp.arange(8.0).reshape(4, 2)
    found = jax.vmap(lambda t: solve_triangular(t, right, lower=lower, transposed=transposed))(triangles)
    product = triangles.transpose(0, 2, 1) if transposed else triangles
    np.testing.assert_allclose(product @ found, np.broadcast_to(right, (3, 4, 2)), atol=1e-5)
