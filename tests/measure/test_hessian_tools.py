"""Eigenpairs and spectra of a loss's Hessian: closed forms, bounds, scaling, and what bad input is told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gendyn.core import ConfigError
from gendyn.measure.curvature.hessian import ggn_spectrum, ggn_top, hessian_matvec, hessian_spectrum, hessian_top
from gendyn.measure.curvature.operators import fisher_matvec, gradient_second_moment_matvec, hessian_operator
from gendyn.measure.masks import leaf_mask
from gendyn.optim import cross_entropy, squared_error

KEY = jax.random.key(0)
EIGENVALUES = jnp.concatenate([jnp.array([-3.0, 2.0, 5.0, 9.0]), jnp.linspace(-0.1, 0.1, 20)])
ROTATION = jnp.linalg.qr(jax.random.normal(jax.random.key(4), (24, 24)))[0]
MATRIX = ROTATION * EIGENVALUES @ ROTATION.T


def quadratic(params):
    w = jnp.concatenate([params["a"].ravel(), params["b"]])
    return w @ MATRIX @ w / 2 + w.sum()


PARAMS = {"a": jnp.full((4, 4), 0.3), "b": jnp.arange(8.0)}


def mlp(params, x):
    return jnp.tanh(x @ params["first"]) @ params["second"]


@pytest.mark.parametrize("linearise", [True, False])
def test_hessian_of_a_quadratic_is_its_matrix(linearise):
    flat, unravel = ravel_pytree(PARAMS)
    matvec = hessian_matvec(quadratic, PARAMS, linearise=linearise, damping=0.5)
    found = jax.jit(jax.vmap(lambda e: ravel_pytree(matvec(unravel(e)))[0]))(jnp.eye(flat.size))
    np.testing.assert_allclose(found, MATRIX + 0.5 * jnp.eye(24), atol=1e-5)


def test_linearised_and_not_agree_where_the_hessian_varies():
    x = jax.random.normal(KEY, (9, 3))
    loss = lambda p: cross_entropy(mlp(p, x), jnp.arange(9) % 2).mean()  # noqa: E731
    params = {"first": jax.random.normal(KEY, (3, 4)), "second": jax.random.normal(KEY, (4, 2))}
    once, again = (hessian_matvec(loss, params, linearise=linearise)(params) for linearise in (True, False))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), once, again)
    moved = hessian_matvec(loss, jax.tree.map(lambda leaf: 2 * leaf, params))(params)
    assert np.abs(moved["first"] - once["first"]).max() > 1e-3


def test_top_eigenpairs_of_a_quadratic_and_their_bounds():
    found = hessian_top(quadratic, PARAMS, 2, key=KEY, which="smallest")
    np.testing.assert_allclose(found.values, [-3.0, -0.1], rtol=1e-4)
    assert bool(found.converged)
    for j in range(2):
        v = ravel_pytree(jax.tree.map(lambda leaf: leaf[j], found.vectors))[0]  # noqa: B023
        assert float(jnp.linalg.norm(MATRIX @ v - found.values[j] * v)) <= float(found.residuals[j]) + 1e-5


def test_spectrum_of_a_quadratic():
    found = hessian_spectrum(quadratic, PARAMS, key=KEY, num_probes=8, num_steps=12)
    for estimate, power in ((found.trace, 1), (found.second_moment, 2)):
        error = float(estimate.value) - float((EIGENVALUES**power).sum())
        assert abs(error) <= 4 * float(estimate.standard_error)
    np.testing.assert_allclose(found.nodes.max(), 9.0, rtol=1e-4)
    np.testing.assert_allclose(found.nodes.min(), -3.0, rtol=1e-4)


def test_deep_linear_network_at_its_minimum():
    """``f = a w x``, loss ``(f - m x)²/2`` with ``E x² = 1`` at ``a w = m``: H = (w, a)(w, a)ᵀ."""
    w, m = 2.0, 3.0
    x = jnp.array([[1.0], [-1.0]])
    params = {"a": jnp.array([m / w]), "w": jnp.array([w])}
    apply = lambda p, x: p["a"] * p["w"] * x  # noqa: E731
    half = lambda f, y: squared_error(f, y) / 2  # noqa: E731
    expected = w**2 + (m / w) ** 2
    top = hessian_top(lambda p: half(apply(p, x), m * x).mean(), params, 2, key=KEY)
    np.testing.assert_allclose(top.values, [expected, 0.0], atol=1e-5)
    gauss_newton = ggn_top(apply, half, params, x, m * x, 2, key=KEY)
    np.testing.assert_allclose(gauss_newton.values, [expected, 0.0], atol=1e-5)
    # Away from the minimum the two part: the residual r = 1 adds r on the off-diagonal.
    away = hessian_top(lambda p: half(apply(p, x), (m - 1) * x).mean(), params, 2, key=KEY)
    matrix = np.array([[w**2, m + 1], [m + 1, (m / w) ** 2]])
    np.testing.assert_allclose(away.values, np.linalg.eigvalsh(matrix)[::-1], rtol=1e-4)


def test_deep_linear_network_of_any_width_at_its_minimum():
    """``f = B A x``, loss ``|f - M x|²/2``, ``E x xᵀ = 1``, ``B A = M``: H has the eigenvalues ``b_i² + a_j²`` ...

    With ``A = U_A diag(a) Vᵀ``, ``B = W diag(b) U_Bᵀ``: ``H v = J*J v`` with ``J(dA, dB) = B dA + dB A``, whose
    nonzero squared singular values are those of ``J J* = B Bᵀ (x) 1 + 1 (x) AᵀA`` on ``C x D`` matrices: the sums
    ``b_i² + a_j²`` over the outputs ``i`` and inputs ``j``.
    """
    width, inputs, outputs = 5, 3, 2
    first, second = (
        jax.random.normal(k, s) for k, s in zip(jax.random.split(KEY), ((width, inputs), (outputs, width)), strict=True)
    )
    x = jnp.sqrt(inputs) * jnp.concatenate([jnp.eye(inputs), -jnp.eye(inputs)])  # E x xᵀ = 1
    params = {"first": first, "second": second}
    apply = lambda p, x: x @ p["first"].T @ p["second"].T  # noqa: E731
    half = lambda f, y: squared_error(f, y) / 2  # noqa: E731
    scale = squared_error(jnp.ones((1, outputs)), jnp.zeros((1, outputs)))[0] / outputs  # sum or mean over outputs
    a, b = (np.linalg.svd(np.asarray(m, np.float64))[1] ** 2 for m in (first, second))
    expected = float(scale) * np.sort((b[:, None] + a).ravel())[::-1]
    assert len(expected) == inputs * outputs
    y = apply(params, x)
    found = hessian_top(lambda p: half(apply(p, x), y).mean(), params, 7, key=KEY, tol=1e-5)
    np.testing.assert_allclose(found.values, [*expected, 0.0], atol=1e-4 * expected[0])


def test_ggn_spectrum_of_linear_regression_sums_or_means():
    x = jax.random.normal(KEY, (40, 6))
    w, y = jnp.ones((6, 1)), jnp.zeros((40, 1))
    expected = np.linalg.eigvalsh(2 * np.asarray(x.T @ x) / 40)
    for reduction, scale in (("mean", 1), ("sum", 40)):
        found = ggn_spectrum(
            lambda w, x: x @ w, squared_error, w, x, y, key=KEY, num_probes=2, num_steps=6, reduction=reduction,
            batch_size=16,
        )  # fmt: skip
        np.testing.assert_allclose(found.nodes[0], scale * expected, rtol=1e-3)


def test_mask_finds_the_eigenvalues_of_the_block_not_zeros():
    mask = leaf_mask(PARAMS, lambda path, leaf: path == "b")
    shifted = lambda p: quadratic(p) + 5 * (p["b"] ** 2).sum()  # noqa: E731
    block = np.linalg.eigvalsh(np.asarray(MATRIX)[16:, 16:] + 10 * np.eye(8))
    found = hessian_top(shifted, PARAMS, 1, key=KEY, which="smallest", mask=mask)
    np.testing.assert_allclose(found.values[0], block[0], rtol=1e-4)
    assert block[0] > 1  # a masked coordinate, taken for a real one, would give 0
    density = hessian_spectrum(shifted, PARAMS, key=KEY, num_probes=4, num_steps=8, mask=mask)
    assert int(density.dimension) == 8
    assert float(density.nodes.min()) > 1
    assert abs(float(density.trace.value) - block.sum()) <= 4 * float(density.trace.standard_error)


OPERATOR_INPUT = (mlp, cross_entropy, {"first": jnp.ones((3, 4)), "second": jnp.ones((4, 2))})
X, Y = jnp.ones((5, 3)), jnp.zeros(5, jnp.int32)
BAD_INPUT = {
    "vector loss": (lambda: hessian_matvec(lambda p: p["b"], PARAMS), "must be a real scalar, not shape"),
    "complex": (lambda: hessian_matvec(jnp.sum, jnp.ones(2, jnp.complex64)), "dtype complex64"),
    "integer": (lambda: hessian_top(jnp.sum, jnp.arange(3), 1, key=KEY), "dtype int32"),
    "nan": (lambda: hessian_top(quadratic, PARAMS | {"b": PARAMS["b"].at[0].set(jnp.nan)}, 1, key=KEY), "'b' contains"),
    "no parameters": (lambda: hessian_matvec(lambda p: 0.0, {}), "no elements"),
    "k": (lambda: hessian_top(quadratic, PARAMS, 25, key=KEY), "k = 25 exceeds the dimension 24"),
    "masked k": (
        lambda: hessian_top(quadratic, PARAMS, 9, key=KEY, mask=leaf_mask(PARAMS, lambda path, leaf: path == "b")),
        "k = 9 exceeds the dimension 8.*that the mask keeps",
    ),
    "which": (lambda: hessian_top(quadratic, PARAMS, 1, key=KEY, which="lagest"), "Did you mean 'largest'"),
    "one probe": (lambda: hessian_spectrum(quadratic, PARAMS, key=KEY, num_probes=1), "num_probes = 1"),
    "memory": (
        lambda: hessian_spectrum(quadratic, PARAMS, key=KEY, memory_limit=7e3),
        r"6.14 kB for vectors beside it.*fewer vectors \(num_steps, k\).*larger memory_limit",
    ),
    "linearised memory": (
        lambda: hessian_matvec(lambda p: quadratic(p) ** 2, PARAMS, memory_limit=10), "linearise=False",
    ),
    "streamed memory": (
        lambda: hessian_matvec(lambda p: quadratic(p) ** 2, PARAMS, linearise=False, memory_limit=10),
        "for a product.*with batch_size",
    ),
    "damping": (lambda: hessian_matvec(quadratic, PARAMS, damping=-1.0), "damping = -1.0"),
    "empty batch": (lambda: hessian_operator(*OPERATOR_INPUT, X[:0], Y[:0]), "empty batch"),
    "lengths": (lambda: hessian_operator(*OPERATOR_INPUT, X, Y[:4]), r"lengths \[4, 5\]"),
    "mean loss": (
        lambda: hessian_operator(mlp, lambda f, y: cross_entropy(f, y).mean(), *OPERATOR_INPUT[2:], X, Y),
        r"shape \[5\], one for each example, not \(\)",
    ),
    "reduction": (lambda: hessian_operator(*OPERATOR_INPUT, X, Y, reduction="average"), "reduction = 'average'"),
    "batch size": (lambda: hessian_operator(*OPERATOR_INPUT, X, Y, batch_size=0), "batch_size = 0"),
    "weights": (lambda: hessian_operator(*OPERATOR_INPUT, X, Y, weights=jnp.zeros(5)), "positive sum"),
    "weights shape": (lambda: hessian_operator(*OPERATOR_INPUT, X, Y, weights=jnp.ones(4)), r"it must be \[5\]"),
    "kind": (lambda: fisher_matvec(*OPERATOR_INPUT, X, Y, kind="empiric"), "Did you mean 'empirical'"),
    "variance": (lambda: fisher_matvec(*OPERATOR_INPUT, X, Y, variance=0.0), "variance = 0.0"),
    "centred": (lambda: gradient_second_moment_matvec(*OPERATOR_INPUT, X, Y, centred="yes"), "centred = 'yes'"),
    "mask structure": (lambda: hessian_matvec(quadratic, PARAMS, mask={"a": True}), "mask has the structure"),
    "mask shape": (
        lambda: hessian_matvec(quadratic, PARAMS, mask={"a": jnp.ones(3), "b": jnp.ones(8)}), "'a' has shape",
    ),
    "empty mask": (lambda: leaf_mask(PARAMS, lambda path, leaf: path == "c"), "keeps none of the leaves a, b"),
    "zero mask": (
        lambda: hessian_matvec(quadratic, PARAMS, mask={"a": jnp.zeros(()), "b": jnp.zeros(8)}), "keeps no parameter",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input(case):
    call, message = BAD_INPUT[case]
    with pytest.raises(ConfigError, match=message):
        call()


@pytest.mark.parametrize("linearise", [True, False])
def test_python_numbers_as_parameters(linearise):
    def loss(params):
        return params["a"] ** 2 + 3.0 * params["b"] ** 2

    found = hessian_top(loss, {"a": 1.0, "b": 2.0}, 2, key=KEY, linearise=linearise)
    np.testing.assert_allclose(found.values, [6.0, 2.0], rtol=1e-4)
