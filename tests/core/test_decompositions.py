"""Decompositions under vmap, on all devices at once: equal to one by one, and they return."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

from gendyn.core import eigh, eigvalsh, singular_values, solve_triangular

MATRICES = jax.random.normal(jax.random.key(0), (8, 24, 24))
SYMMETRIC = MATRICES + MATRICES.transpose(0, 2, 1)


@pytest.mark.parametrize("decompose", [eigvalsh, singular_values, lambda m: eigh(m)[0]])
def test_a_batch_over_devices_equals_each_alone(decompose):
    devices = np.asarray(jax.devices())
    mesh = Mesh(devices, ("run",), axis_types=(AxisType.Auto,))
    rows = PartitionSpec("run")
    together = jax.shard_map(jax.vmap(decompose), mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False)
    # A loop, as training is: the devices reach the call again and again, out of step.
    found = jax.jit(lambda m: jax.lax.fori_loop(0, 20, lambda _, total: total + together(m), jnp.zeros((8, 24))))(
        SYMMETRIC
    )
    alone = np.stack([decompose(matrix) for matrix in SYMMETRIC])
    np.testing.assert_allclose(found / 20, alone, rtol=1e-3, atol=1e-4)


def test_eigenvectors_diagonalise():
    values, vectors = jax.vmap(eigh)(SYMMETRIC)
    np.testing.assert_allclose(SYMMETRIC @ vectors, vectors * values[:, None], atol=1e-4)


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "float32"])
def test_a_triangle_is_solved_for_vectors_stacks_and_any_dtype(dtype):
    triangle = jnp.tril(SYMMETRIC[:3, :4, :4]) + 9 * jnp.eye(4)
    right = jnp.arange(12).reshape(3, 4).astype(dtype)
    found = solve_triangular(triangle, right, lower=True)
    assert found.shape == (3, 4) and found.dtype == jnp.float32
    np.testing.assert_allclose(jnp.einsum("bij,bj->bi", triangle, found), right, atol=1e-5)
    np.testing.assert_allclose(solve_triangular(triangle[1], right[1], lower=True), found[1], rtol=1e-6)
