"""Lanczos: its equation, orthogonality, invariant subspaces, ghosts, masks, precision, vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import _orthogonalise, lanczos


def symmetric(eigenvalues, seed=0):
    """A dense symmetric matrix with chosen eigenvalues, in float64 on the host."""
    size = len(eigenvalues)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return (basis * eigenvalues) @ basis.T


def vector(size, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=size).astype(dtype)


def equation_error(matrix, found):
    """Largest entry of ``A Q^T - Q^T T - beta r e_m^T``."""
    remainder = matrix @ found.basis.T - found.basis.T @ found.tridiagonal()
    return float(jnp.max(jnp.abs(remainder.at[:, -1].add(-found.betas[-1] * found.residual))))


def orthogonality_error(basis):
    return float(jnp.max(jnp.abs(basis @ basis.T - jnp.eye(basis.shape[0]))))


@pytest.mark.parametrize("num_steps", [1, 33])
def test_the_defining_equation_and_orthonormal_rows(num_steps):
    matrix = jnp.asarray(symmetric(np.linspace(-3, 5, 60)), jnp.float32)
    found = jax.jit(lambda v: lanczos(lambda x: matrix @ x, v, num_steps))(vector(60))
    assert int(found.rank) == num_steps
    assert equation_error(matrix, found) < 1e-5
    assert orthogonality_error(found.basis) < 2e-6


def test_in_float64_to_1e_10():
    with jax.enable_x64(True):
        matrix = jnp.asarray(symmetric(np.linspace(-3, 5, 40)))
        found = jax.jit(lambda v: lanczos(lambda x: matrix @ x, v, 40))(vector(40, dtype=np.float64))
        assert found.alphas.dtype == jnp.float64
        assert equation_error(matrix, found) < 1e-10
        assert orthogonality_error(found.basis) < 1e-10
        np.testing.assert_allclose(jnp.linalg.eigvalsh(found.tridiagonal()), np.linspace(-3, 5, 40), atol=1e-10)


def test_no_ghosts_where_the_bare_recurrence_shows_them():
    outliers = [20.0, 30.0, 40.0, 60.0, 100.0]
    matrix = jnp.asarray(symmetric(np.concatenate([np.linspace(-1, 5, 995), outliers])), jnp.float32)

    def above_ten(reorthogonalise):
        run = jax.jit(lambda v: lanczos(lambda x: matrix @ x, v, 80, reorthogonalise=reorthogonalise).tridiagonal())
        return int(np.sum(np.linalg.eigvalsh(np.asarray(run(vector(1000)), np.float64)) > 10))

    assert above_ten(True) == 5
    assert above_ten(False) > 5


def test_the_identity_is_one_vector():
    found = lanczos(lambda x: 2 * x, vector(50), 10)
    assert int(found.rank) == 1
    np.testing.assert_allclose(found.alphas, [2.0] + [0.0] * 9, rtol=1e-6)
    assert not np.any(found.betas) and not np.any(found.basis[1:]) and not np.any(found.residual)


@pytest.mark.parametrize("reorthogonalise", [True, False])
def test_the_zero_operator(reorthogonalise):
    found = lanczos(lambda x: 0 * x, vector(20), 4, reorthogonalise=reorthogonalise)
    assert int(found.rank) == 1
    assert not np.any(found.alphas) and not np.any(found.betas)


def test_rank_three_ends_with_zeros():
    matrix = jnp.asarray(symmetric([3.0, 2.0, 1.0] + [0.0] * 27), jnp.float32)
    found = lanczos(lambda x: matrix @ x, vector(30), 10)
    rank = int(found.rank)
    # The start vector's part in the null space is the fourth; rounding may add one that belongs to zero.
    assert 4 <= rank <= 5
    assert all(np.all(np.isfinite(part)) for part in found)
    assert not np.any(found.alphas[rank:]) and not np.any(found.betas[rank - 1 :]) and not np.any(found.basis[rank:])
    values = np.linalg.eigvalsh(found.tridiagonal())
    np.testing.assert_allclose(np.sort(values)[-3:], [1, 2, 3], atol=1e-5)
    np.testing.assert_allclose(np.sort(values)[:-3], 0, atol=1e-5)


def test_more_steps_than_dimensions():
    matrix = jnp.asarray(symmetric([1.0, 2.0, 4.0, 8.0]), jnp.float32)
    found = lanczos(lambda x: matrix @ x, vector(4), 12)
    assert int(found.rank) == 4
    np.testing.assert_allclose(jnp.linalg.eigvalsh(found.tridiagonal()[:4, :4]), [1, 2, 4, 8], rtol=1e-5)
    assert not np.any(found.alphas[4:]) and not np.any(found.residual)


def test_a_traced_zero_start_has_rank_zero():
    found = jax.jit(lambda v: lanczos(lambda x: 2 * x, v, 3))(jnp.zeros(5))
    assert int(found.rank) == 0
    assert all(not np.any(part) for part in found)


def test_a_nonfinite_operator_is_not_hidden():
    found = lanczos(lambda x: x * jnp.array([1.0, jnp.nan]), jnp.ones(2), 3)
    assert np.isnan(found.alphas[0])


def test_any_pytree_and_its_own_order():
    tree = {"kernel": vector((3, 4)), "bias": vector(4, seed=1)}
    scale = {"kernel": jnp.arange(12.0).reshape(3, 4), "bias": 12 + jnp.arange(4.0)}
    found = lanczos(lambda v: jax.tree.map(jnp.multiply, scale, v), tree, 16)
    np.testing.assert_allclose(jnp.linalg.eigvalsh(found.tridiagonal()), np.arange(16.0), atol=2e-4)
    np.testing.assert_allclose(found.basis[0][:4] / found.basis[0][0], tree["bias"] / tree["bias"][0], rtol=1e-5)


def test_half_precision_leaves_are_accumulated_in_float32():
    found = lanczos(lambda x: 2 * x, jnp.ones(8, jnp.bfloat16), 2)
    assert found.basis.dtype == jnp.float32


def test_a_mask_is_the_operator_on_fewer_coordinates():
    matrix = symmetric(np.linspace(1, 6, 8)).astype(np.float32)
    real = np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)
    start = vector(8)
    # The masked coordinates hold rubbish that must not count.
    masked = lanczos(lambda x: matrix @ x, start, 8, mask=real)
    alone = lanczos(lambda x: matrix[np.ix_(real, real)] @ x, start[real], 8)
    assert int(masked.rank) == int(alone.rank) == 6
    np.testing.assert_allclose(masked.alphas, alone.alphas, atol=1e-5)
    np.testing.assert_allclose(masked.betas, alone.betas, atol=1e-5)
    assert not np.any(masked.basis[:, ~real])


def test_vmap_over_operators_is_a_loop():
    matrices = jnp.stack([jnp.asarray(symmetric(np.linspace(-1, top, 30), top), jnp.float32) for top in (2, 5, 9)])
    # One member breaks down, the others do not notice.
    matrices = matrices.at[1].set(jnp.eye(30))
    starts = vector((3, 30))

    def run(matrix, v):
        return lanczos(lambda x: matrix @ x, v, 12)

    batched, one = jax.jit(jax.vmap(run))(matrices, starts), jax.jit(run)
    assert batched.rank.tolist() == [12, 1, 12]
    for i in range(3):
        for together, alone in zip(batched, one(matrices[i], starts[i]), strict=True):
            np.testing.assert_allclose(together[i], alone, atol=2e-5)


def test_orthogonalise_reads_no_row_beyond_the_filled_blocks():
    rows, size = 40, 2**19  # blocks of 8 rows
    basis = jnp.zeros((rows, size)).at[0, 0].set(1.0).at[8:].set(jnp.nan)
    assert _orthogonalise.block_rows(basis) == 8
    out, length = jax.jit(_orthogonalise.orthogonalise)(basis, 3, jnp.ones(size))
    assert bool(jnp.all(jnp.isfinite(out)))
    assert float(out[0]) == 0.0
    np.testing.assert_allclose(length, (size - 1) ** 0.5, rtol=1e-5)


def test_a_second_pass_is_made_where_the_first_one_cancels():
    basis = jnp.linalg.qr(jnp.asarray(vector((200, 20))))[0].T
    nearly_inside = jnp.asarray(vector(20)) @ basis + 1e-5 * jnp.asarray(vector(200, seed=3))
    once, _ = _orthogonalise.orthogonalise(basis, 20, nearly_inside, passes=1)
    more, length = _orthogonalise.orthogonalise(basis, 20, nearly_inside)

    def overlap(v):
        return float(jnp.max(jnp.abs(basis @ v)) / jnp.linalg.norm(v))

    assert overlap(once) > 1e-4
    assert overlap(more) < 1e-6
    np.testing.assert_allclose(length, jnp.linalg.norm(more), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda x: x, jnp.ones(3), 0), "num_steps = 0 must be an integer of at least 1"),
        ((lambda x: x, jnp.zeros(3), 2), "v0 = 0 on the real coordinates"),
        ((lambda x: x, jnp.array([1.0, jnp.nan]), 2), "v0 has entries that are not finite"),
        ((lambda x: x, jnp.ones(3, jnp.int32), 2), "dtype int32: leaves must be real floating"),
        ((lambda x: x, jnp.ones(3, jnp.complex64), 2), "dtype complex64: leaves must be real"),
        ((lambda x: x, {}, 2), "holds no coordinates"),
        ((lambda x: x[:2], jnp.ones(3), 2), r"maps float32\[3\] to float32\[2\]"),
        ((lambda x: {"a": x}, jnp.ones(3), 2), "matvec must return the structure"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ConfigError, match=message):
        lanczos(*arguments)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"a": True}, "mask must have the structure of like"),
        (jnp.ones(4), r"shape \(4,\) does not broadcast to \(3,\)"),
        (jnp.zeros(3), "mask keeps no coordinate"),
    ],
)
def test_bad_masks(mask, message):
    with pytest.raises(ConfigError, match=message):
        lanczos(lambda x: x, jnp.ones(3), 2, mask=mask)
