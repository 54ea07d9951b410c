"""Extreme eigenpairs: dense references, bounds that hold, stopping, restarts, multiplicities, masks, vmap."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import top_eigenpairs

OUTLIERS = np.concatenate([np.linspace(-4, 5, 195), [20.0, 30.0, 40.0, 60.0, 100.0]])
REFERENCE = {
    "largest": lambda values, k: np.sort(values)[::-1][:k],
    "smallest": lambda values, k: np.sort(values)[:k],
    "magnitude": lambda values, k: values[np.argsort(-np.abs(values), kind="stable")][:k],
}


def symmetric(eigenvalues, seed=0):
    size = len(eigenvalues)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return (basis * eigenvalues) @ basis.T


@functools.cache
def compiled(k, **options):
    """One program for all matrices of a size and all tolerances."""
    return jax.jit(lambda a, key, tol: top_eigenpairs(lambda v: a @ v, a[0], k, key=key, tol=tol, **options))


def solve(matrix, k, seed=0, tol=1e-3, **options):
    return compiled(k, **options)(jnp.asarray(matrix), jax.random.key(seed), tol)


def true_residuals(matrix, found):
    vectors = np.asarray(found.vectors, np.float64)
    image = vectors @ np.asarray(matrix, np.float64)
    return np.linalg.norm(image - np.asarray(found.values, np.float64)[:, None] * vectors, axis=1)


@pytest.mark.parametrize("which", REFERENCE)
def test_values_and_bounds_in_float32(which):
    matrix = symmetric(OUTLIERS).astype(np.float32)
    found = solve(matrix, 4, which=which, tol=1e-3)
    reference = REFERENCE[which](np.linalg.eigvalsh(matrix.astype(np.float64)), 4)
    assert bool(found.converged)
    np.testing.assert_allclose(found.values, reference, rtol=1e-5, atol=1e-4)
    assert np.all(true_residuals(matrix, found) <= np.asarray(found.residuals))
    # A bound that says something: within the tolerance asked for, plus rounding.
    assert np.all(found.residuals <= 1e-3 * np.abs(found.values) + 2e-4)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(4), atol=5e-6)


def test_float64_to_1e_10():
    with jax.enable_x64(True):
        matrix = symmetric(OUTLIERS)
        found = solve(matrix, 5, tol=1e-11)
        np.testing.assert_allclose(found.values, [100, 60, 40, 30, 20], atol=1e-10)
        assert np.all(true_residuals(matrix, found) <= np.asarray(found.residuals))


def test_it_stops_when_it_is_done():
    matrix = symmetric(np.linspace(0, 1, 150) ** 3).astype(np.float32)
    few, many = (int(solve(matrix, 3, tol=tol).num_matvecs) for tol in (1e-1, 1e-5))
    assert 3 <= few < many < 150


def test_it_says_when_it_did_not_converge():
    found = solve(symmetric(np.linspace(0, 1, 200)).astype(np.float32), 5, tol=1e-6, max_steps=12)
    assert not bool(found.converged)
    assert int(found.num_matvecs) == 12
    assert np.all(true_residuals(symmetric(np.linspace(0, 1, 200)), found) <= np.asarray(found.residuals) + 1e-6)


def test_restarts_bound_the_memory_and_change_no_value():
    matrix = symmetric(np.linspace(0, 1, 150) ** 3).astype(np.float32)
    whole = solve(matrix, 4, tol=1e-4, max_basis=150)
    small = solve(matrix, 4, tol=1e-4, max_basis=16)
    assert bool(whole.converged) and bool(small.converged)
    assert int(small.num_matvecs) > 16  # more than fit at once
    np.testing.assert_allclose(small.values, whole.values, rtol=1e-5)
    assert np.all(true_residuals(matrix, small) <= np.asarray(small.residuals))


@pytest.mark.parametrize(
    ("eigenvalues", "k"),
    [
        ([2.0] * 40, 6),
        ([5.0] * 2 + [1.0] * 38, 6),
        ([3.0, 2.0, 1.0] + [0.0] * 37, 6),
        ([0.0] * 40, 6),
        ([4.0, 3.0, -2.0], 3),
        ([7.0], 1),
    ],
    ids=["identity", "multiple", "rank three", "zero", "whole space", "one dimension"],
)
def test_invariant_subspaces(eigenvalues, k):
    matrix = symmetric(eigenvalues).astype(np.float32)
    found = solve(matrix, k)
    np.testing.assert_allclose(found.values, sorted(eigenvalues, reverse=True)[:k], atol=1e-5)
    assert bool(found.converged)
    assert np.all(true_residuals(matrix, found) <= np.asarray(found.residuals) + 1e-7)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(k), atol=1e-5)


def test_vectors_come_back_as_trees():
    scale = {"kernel": jnp.arange(1.0, 7.0).reshape(2, 3), "bias": jnp.array([10.0, 20.0])}
    like = jax.eval_shape(lambda: scale)
    found = top_eigenpairs(lambda v: jax.tree.map(jnp.multiply, scale, v), like, 2, key=jax.random.key(0))
    assert found.vectors["kernel"].shape == (2, 2, 3)
    np.testing.assert_allclose(np.abs(found.vectors["bias"]), [[0, 1], [1, 0]], atol=1e-3)


def test_padding_changes_nothing():
    matrix = symmetric(np.linspace(-1, 6, 24)).astype(np.float32).reshape(4, 6, 4, 6)
    # Coupled to the padding, as a network whose activation has a slope at zero is.
    padded = np.random.default_rng(0).normal(size=(5, 9, 5, 9)).astype(np.float32)
    padded[:4, :6, :4, :6] = matrix
    mask = np.zeros((5, 9), bool)
    mask[:4, :6] = True

    def run(a, like, mask):
        return top_eigenpairs(
            lambda v: jnp.einsum("ijkl,kl->ij", a, v), like, 3, key=jax.random.key(1), mask=mask, tol=1e-4
        )

    run = jax.jit(run)
    alone, packed = run(matrix, jnp.ones((4, 6)), None), run(padded, jnp.ones((5, 9)), mask)
    assert int(alone.num_matvecs) == int(packed.num_matvecs)
    np.testing.assert_allclose(packed.values, alone.values, rtol=1e-5)
    np.testing.assert_allclose(packed.vectors[:, :4, :6], alone.vectors, atol=1e-4)
    assert not np.any(packed.vectors[:, ~mask])


def test_vmap_over_operators_is_a_loop():
    tops = np.array([3.0, 10.0, 1.0], np.float32)
    matrices = np.stack([symmetric(np.linspace(0, 1, 40) ** 4 * top, i) for i, top in enumerate(tops)])
    matrices[2] = np.eye(40)
    matrices = jnp.asarray(matrices, jnp.float32)
    keys = jax.random.split(jax.random.key(0), 3)

    def run(matrix, key):
        return top_eigenpairs(lambda v: matrix @ v, matrix[0], 2, key=key, max_basis=12)

    batched, one = jax.jit(jax.vmap(run))(matrices, keys), jax.jit(run)
    for i in range(3):
        alone = one(matrices[i], keys[i])
        np.testing.assert_allclose(batched.values[i], alone.values, rtol=1e-5)
        assert int(batched.num_matvecs[i]) == int(alone.num_matvecs)
        assert bool(batched.converged[i])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 6}, "k = 6 exceeds the operator's dimension 5"),
        ({"k": 0}, "k = 0 must be an integer of at least 1"),
        ({"k": 3, "mask": jnp.array([1, 1, 0, 0, 0])}, "k = 3 exceeds the operator's dimension 2"),
        ({"k": 2, "which": "lagrest"}, "which = 'lagrest' must be one of .* Did you mean 'largest'"),
        ({"k": 2, "tol": -1.0}, "tol = -1.0 must be in"),
        ({"k": 3, "max_steps": 2}, "max_steps = 2 must be an integer of at least 3"),
        ({"k": 2, "max_basis": 2}, "max_basis = 2 leaves no room"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ConfigError, match=message):
        top_eigenpairs(lambda v: v, jnp.ones(5), key=jax.random.key(0), **options)
