"""Derivatives of decompositions are those of jnp.linalg: in both modes, of any order, alone and in a batch; or NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import cholesky, eigh, eigvalsh, qr, qr_triangle, singular_values, solve_triangular, svd

SIZE = 5
SQUARE = jax.random.normal(jax.random.key(0), (SIZE, SIZE))
POSITIVE = SQUARE @ SQUARE.T + jnp.eye(SIZE)
TALL = jax.random.normal(jax.random.key(1), (7, SIZE))
RIGHT = jax.random.normal(jax.random.key(2), (SIZE, 3))


def _solve(matrix, **how):
    return jax.scipy.linalg.solve_triangular(matrix, matrix @ RIGHT, **how)


# Name -> ours, JAX's own, matrices. Signs of vectors are LAPACK's in both.
CASES = {
    "eigh": (eigh, lambda m: tuple(jnp.linalg.eigh(m)), [POSITIVE, SQUARE]),
    "eigvalsh": (eigvalsh, jnp.linalg.eigvalsh, [POSITIVE, SQUARE]),
    "singular_values": (singular_values, lambda m: jnp.linalg.svd(m, compute_uv=False), [SQUARE, TALL, TALL.T]),
    "svd": (svd, lambda m: tuple(jnp.linalg.svd(m, full_matrices=False)), [SQUARE, TALL, TALL.T]),
    "qr": (qr, lambda m: tuple(jnp.linalg.qr(m)), [SQUARE, TALL, TALL.T]),
    "complete qr": (lambda m: qr(m, complete=True), lambda m: tuple(jnp.linalg.qr(m)), [SQUARE, TALL.T]),
    "qr_triangle": (qr_triangle, lambda m: jnp.linalg.qr(m, mode="r"), [SQUARE, TALL, TALL.T]),
    "cholesky": (lambda m: cholesky((m + m.T) / 2), jnp.linalg.cholesky, [POSITIVE]),
    "solve": (lambda m: solve_triangular(m, m @ RIGHT), _solve, [POSITIVE]),
    "transposed solve": (
        lambda m: solve_triangular(m, m @ RIGHT, lower=True, transposed=True),
        lambda m: _solve(m, lower=True, trans=1),
        [POSITIVE],
    ),
}
ALL = [
    pytest.param(ours, jaxs, matrix, id=f"{name} {matrix.shape}")
    for name, (ours, jaxs, matrices) in CASES.items()
    for matrix in matrices
]


def loss_of(decompose):
    """A number that every entry of every array moves."""

    def loss(matrix):
        arrays = [array.ravel() for array in jax.tree.leaves(decompose(matrix))]
        entries = jnp.concatenate(arrays)
        return jnp.sum(jnp.sin(entries + jnp.arange(entries.size)))

    return loss


@pytest.mark.parametrize(("ours", "jaxs", "matrix"), ALL)
def test_the_gradient_is_that_of_jnp_linalg(ours, jaxs, matrix):
    expected = jax.jit(jax.grad(loss_of(jaxs)))(matrix)
    scale = np.abs(expected).max()
    for found in jax.jit(lambda m: (jax.grad(loss_of(ours))(m), jax.jacfwd(loss_of(ours))(m)))(matrix):
        np.testing.assert_allclose(found, expected, atol=2e-4 * scale)


@pytest.mark.parametrize(("ours", "jaxs", "matrix"), [case for case in ALL if "(5, 5)" in case.id])
def test_a_batch_has_the_gradients_of_each_alone_and_nan_stays_where_it_is(ours, jaxs, matrix):
    gradient = jax.grad(loss_of(ours))
    alone = jax.jit(gradient)(matrix)
    batch = jnp.stack([matrix, matrix.at[2, 1].set(jnp.nan).at[1, 2].set(jnp.nan), matrix])
    losses = jax.vmap(loss_of(ours))
    for found in (jax.jit(jax.vmap(gradient))(batch), jax.jit(jax.grad(lambda b: losses(b).sum()))(batch)):
        np.testing.assert_allclose(found[0], alone, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found[2], alone, rtol=1e-3, atol=1e-4)
        assert np.isnan(found[1]).any()


@pytest.mark.parametrize("name", [name for name in CASES if "solve" not in name])
def test_the_gradient_of_what_is_not_finite_is_nan(name):
    """All of it; of a solve, the right side here is not finite either."""
    ours = CASES[name][0]
    for value in (jnp.nan, jnp.inf):
        assert np.isnan(jax.jit(jax.grad(loss_of(ours)))(POSITIVE.at[0, 0].set(value))).all()


@pytest.mark.parametrize("name", ["eigvalsh", "singular_values", "qr_triangle", "cholesky", "solve"])
def test_second_derivatives_in_every_mixture_of_modes(name):
    ours, jaxs, (matrix, *_) = CASES[name]
    direction = POSITIVE / 3

    def twice(loss, outer, inner):
        return outer(inner(lambda t: loss(matrix + t * direction)))

    modes = [(outer, inner) for outer in (jax.jacfwd, jax.grad) for inner in (jax.jacfwd, jax.grad)]
    expected = jax.jit(twice(loss_of(jaxs), jax.jacfwd, jax.jacfwd))(0.0)
    found = jax.jit(lambda t: [twice(loss_of(ours), *how)(t) for how in modes])(0.0)
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-3)


def test_equal_eigenvalues_have_a_gradient_and_equal_singular_values_too():
    for decompose in (eigvalsh, lambda m: eigh(m)[0], singular_values, lambda m: svd(m)[1]):
        gradient = jax.jit(jax.grad(lambda m, decompose=decompose: decompose(m).sum()))(jnp.eye(3))
        np.testing.assert_allclose(gradient, np.eye(3), atol=1e-6)


def test_a_cholesky_factor_has_the_derivative_of_the_triangle_that_is_read():
    gradient = jax.grad(loss_of(cholesky))(POSITIVE)
    assert not np.triu(gradient, 1).any()
    step = 1e-2 * jnp.eye(SIZE)[3][:, None] * jnp.eye(SIZE)[1]
    loss = loss_of(cholesky)
    slope = (loss(POSITIVE + step) - loss(POSITIVE - step)) / 2e-2
    np.testing.assert_allclose(gradient[3, 1], slope, rtol=1e-2)


def test_a_right_side_that_is_not_finite_has_its_own_gradient_alone():
    right = RIGHT.at[0, 1].set(jnp.inf)
    gradient = jax.grad(lambda b: jnp.sum(solve_triangular(POSITIVE, b)[:, ::2]))(right)
    expected = jax.grad(lambda b: jnp.sum(solve_triangular(POSITIVE, b)[:, ::2]))(RIGHT)
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="elsewhere it is JAX's own")
def test_a_complete_basis_has_none_in_reverse_mode():
    with pytest.raises(ValueError, match="Linearization failed"):
        jax.grad(loss_of(lambda m: qr(m, complete=True)))(TALL)
