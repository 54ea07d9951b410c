"""Polynomial kernels in closed form, the circle, Mercer sums, sampled kernels; and ReLU kernels of any depth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.models import mlp

DIMENSIONS = (2, 3, 5, 20, 300)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_linear_and_quadratic_kernels(d):
    degrees = np.arange(5)
    linear = theory.sphere_eigenvalues(lambda u: 3 * u, d, degrees)
    np.testing.assert_allclose(linear, [0, 3 / d, 0, 0, 0], atol=1e-13)
    # u^2 = 1 / d + (1 - 1 / d) P_2(u), and E P_2^2 is one over the multiplicity (d + 2) (d - 1) / 2.
    quadratic = theory.sphere_eigenvalues(lambda u: u**2, d, degrees)
    np.testing.assert_allclose(quadratic, [1 / d, 0, 2 / (d * (d + 2)), 0, 0], atol=1e-13)


@pytest.mark.parametrize("d", DIMENSIONS[:-1])
def test_eigenvalues_times_multiplicities_sum_to_the_diagonal(d):
    degrees = np.arange(41)
    values = theory.sphere_eigenvalues(lambda u: np.exp(2 * u), d, degrees)
    counts = theory.sphere_multiplicities(d, degrees)
    # Beyond the rounding there is nothing left of an entire kernel.
    kept = values > 1e-14
    assert np.sum((values * counts)[kept]) == pytest.approx(np.exp(2.0), rel=1e-6)


def test_the_circle_has_the_fourier_coefficients():
    degrees = np.arange(30)
    for trained, of in (("both", lambda u: theory.relu_kernels(u).ntk / 2),
                        ("first", lambda u: u * theory.arc_cosine_0(u) / 2)):  # fmt: skip
        found = theory.sphere_eigenvalues(of, 2, degrees)
        expected = theory.circle_coefficients(degrees, use_bias=False, trained=trained)
        np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_gauss_jacobi_rule_in_the_cosine_agrees_where_the_kernel_is_smooth_enough():
    from scipy.special import eval_gegenbauer, roots_jacobi

    d, degrees = 6, np.arange(12)
    nodes, weights = roots_jacobi(400, (d - 3) / 2, (d - 3) / 2)
    polynomials = np.array([eval_gegenbauer(k, d / 2 - 1, nodes) / eval_gegenbauer(k, d / 2 - 1, 1.0) for k in degrees])
    for depth in (1, 3):
        expected = polynomials @ (weights * theory.relu_kernels(nodes, depth=depth).ntk) / weights.sum()
        found = theory.sphere_eigenvalues(lambda u, depth=depth: theory.relu_kernels(u, depth=depth).ntk, d, degrees)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_sampled_kernel_matrix_has_these_eigenvalues():
    d, n = 3, 1500
    x = np.random.default_rng(0).normal(size=(n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    sampled = np.linalg.eigvalsh(theory.relu_kernels(x @ x.T).nngp / n)[::-1]
    values = theory.sphere_eigenvalues(lambda u: theory.relu_kernels(u).nngp, d, np.arange(3))
    np.testing.assert_allclose(sampled[0], values[0], rtol=0.01)
    np.testing.assert_allclose(sampled[1:4].mean(), values[1], rtol=0.05)
    np.testing.assert_allclose(sampled[4:9].mean(), values[2], rtol=0.05)


def test_multiplicities_count_polynomials():
    from scipy.special import comb

    for d in (2, 3, 4, 9):
        k = np.arange(8)
        # Homogeneous polynomials of a degree are harmonics of that degree and of two less, and so on.
        homogeneous = comb(k + d - 1, d - 1)
        expected = homogeneous - np.r_[0, 0, homogeneous[:-2]]
        np.testing.assert_allclose(theory.sphere_multiplicities(d, k), expected)


def test_odd_degrees_of_the_relu_and_more_depth():
    """One layer without bias cannot see odd harmonics beyond the first; a second layer can."""
    degrees = np.arange(8)
    one, two = (
        theory.sphere_eigenvalues(lambda u, depth=depth: theory.relu_kernels(u, depth=depth).nngp, 4, degrees)
        for depth in (1, 2)
    )
    np.testing.assert_allclose(one[[3, 5, 7]], 0.0, atol=1e-13)
    assert np.all(two > 1e-6)


def test_deep_kernels_compose_and_flatten():
    u = np.linspace(-1, 1, 9)
    twice = theory.relu_kernels(theory.relu_kernels(u, depth=2).nngp, depth=3).nngp
    np.testing.assert_allclose(theory.relu_kernels(u, depth=5).nngp, twice, atol=1e-12)
    nngp, ntk = theory.relu_kernels(1.0, depth=7)
    assert nngp == pytest.approx(1.0) and ntk == pytest.approx(8.0)
    spread = [np.ptp(theory.relu_kernels(u, depth=depth).nngp) for depth in (1, 4, 16, 64)]
    assert spread == sorted(spread, reverse=True) and spread[-1] < 0.05
    x = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(theory.relu_ntk(2 * x, depth=3), 4 * theory.relu_ntk(x, depth=3), rtol=1e-7)
    assert np.all(np.linalg.eigvalsh(theory.relu_ntk(x, depth=3)) > 0)


def test_deep_kernels_are_those_of_wide_networks_of_this_repository():
    depth, width, draws = 2, 96, 64
    model = mlp(num_outputs=1, width=width, depth=depth, parametrisation="ntk", use_bias=False)
    x = jax.random.normal(jax.random.key(1), (3, 6))
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x)["params"])
    structure = jax.tree.structure(shapes)

    def kernels(key):
        keys = jax.tree.unflatten(structure, list(jax.random.split(key, structure.num_leaves)))
        params = jax.tree.map(lambda leaf, k: jax.random.normal(k, leaf.shape), shapes, keys)
        jacobian = jax.jacrev(lambda p: model.apply({"params": p}, x)[:, 0])(params)
        # The last layer's part of the tangent kernel is the covariance of the outputs given the layers before.
        covariance = jacobian["readout"]["kernel"][..., 0]
        tangent = sum(jnp.einsum("iab,jab->ij", leaf, leaf) for leaf in jax.tree.leaves(jacobian))
        return covariance @ covariance.T, tangent

    found = jax.jit(lambda keys: jax.lax.map(kernels, keys))(jax.random.split(jax.random.key(2), draws))
    for sampled, closed in zip(found, (theory.relu_nngp(x, depth=depth), theory.relu_ntk(x, depth=depth)), strict=True):
        scale = np.max(closed)
        error = np.std(sampled, axis=0) / np.sqrt(draws)
        # Corrections of order depth / width.
        assert np.all(np.abs(np.mean(sampled, axis=0) - closed) < 4 * error + 0.02 * scale)
        assert np.all(error < 0.05 * scale)


def test_effective_dimension_of_iid_designs_at_its_limits():
    for n, d in ((50, 200), (200, 50), (100, 100)):
        assert theory.iid_effective_dimension(n, d, 1e-12) == pytest.approx(min(n, d), rel=1e-4)
        # At large alpha the trace is all that counts, and at few dimensions the law is a point at 1.
        assert 1e6 * theory.iid_effective_dimension(n, d, 1e6) == pytest.approx(d, rel=1e-4)
    assert theory.iid_effective_dimension(10**7, 10, 0.5) == pytest.approx(10 / 1.5, rel=1e-5)
    # The non-zero eigenvalues of X^T X / n are those of X X^T / n.
    assert theory.iid_effective_dimension(40, 100, 0.3) == pytest.approx(
        theory.iid_effective_dimension(100, 40, 0.3 * 40 / 100), rel=1e-10
    )


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="dimension = 1 must be an integer of at least 2"):
        theory.sphere_eigenvalues(np.exp, 1, [0])
    with pytest.raises(ConfigError, match=r"degrees = \[-1\] must be integers of at least 0"):
        theory.sphere_multiplicities(3, [-1])
    with pytest.raises(ConfigError, match=r"degrees = \[0.5\] must be integers"):
        theory.sphere_eigenvalues(np.exp, 3, [0.5])
    with pytest.raises(ConfigError, match="depth = 0 must be an integer of at least 1"):
        theory.relu_ntk(np.eye(2), depth=0)
