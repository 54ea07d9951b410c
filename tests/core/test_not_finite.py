"""Decompositions of what is not finite: they return, all is NaN, and neighbours in a batch are what they are alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import cholesky, eigh, eigvalsh, qr, qr_triangle, singular_values, solve_triangular, svd

SIZE = 6
SOUND = jnp.asarray(np.cov(np.random.default_rng(0).standard_normal((SIZE, 40))), jnp.float32)
DECOMPOSITIONS = {
    "eigh": eigh,
    "eigvalsh": eigvalsh,
    "singular_values": singular_values,
    "svd": svd,
    "qr": qr,
    "complete qr": lambda matrix: qr(matrix, complete=True),
    "qr_triangle": qr_triangle,
    "cholesky": cholesky,
    "solve_triangular": lambda matrix: solve_triangular(matrix, jnp.ones((SIZE, 2)), lower=True),
}
# LAPACK's singular value decomposition never returns from an infinity in the first row or column.
BROKEN = [SOUND.at[place].set(value) for place in [(0, 0), (3, 0), (4, 4)] for value in (jnp.inf, -jnp.inf, jnp.nan)]


@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_all_of_it_is_nan_and_a_neighbour_is_untouched(name):
    decompose = jax.jit(DECOMPOSITIONS[name])
    batch = jax.vmap(decompose)(jnp.stack([SOUND, *BROKEN, SOUND]))
    for found, alone in zip(jax.tree.leaves(batch), jax.tree.leaves(decompose(SOUND)), strict=True):
        np.testing.assert_array_equal(found[0], alone)
        np.testing.assert_array_equal(found[-1], alone)
        assert np.isfinite(alone).all()
        assert np.isnan(found[1:-1]).all()
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(decompose(BROKEN[0])))


@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_its_derivative_is_nan(name):
    """And no silent 0, as the derivative of a replaced matrix would be."""
    direction = jnp.eye(SIZE).at[0, 1].set(1.0).at[1, 0].set(1.0)
    moved = jax.jit(lambda matrix: jax.jvp(DECOMPOSITIONS[name], (matrix,), (direction,))[1])
    assert all(np.isfinite(leaf).all() and leaf.any() for leaf in jax.tree.leaves(moved(SOUND)))
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(moved(BROKEN[0])))


def test_only_what_is_read_counts():
    above = SOUND.at[0, 3].set(jnp.nan)
    np.testing.assert_array_equal(cholesky(above), cholesky(SOUND))
    right = jnp.ones((SIZE, 1))
    np.testing.assert_array_equal(
        solve_triangular(above, right, lower=True), solve_triangular(SOUND, right, lower=True)
    )


def test_a_sum_that_overflows_is_not_finite():
    """``eigh`` takes the symmetric part: half of a sum that may be infinite where no entry is."""
    values, vectors = eigh(jnp.full((2, 2), 3e38))
    assert np.isnan(values).all()
    assert np.isnan(vectors).all()
