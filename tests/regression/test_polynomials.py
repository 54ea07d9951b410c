"""Bases against NumPy's and SciPy's, their orthogonality, and penalties by order."""

import jax
import numpy as np
import pytest
from scipy.special import eval_legendre

from gendyn.core import ConfigError
from gendyn.regression import basis_orders, order_penalty, polynomial_features

GRID = np.linspace(-1, 1, 41)
TRUTH = {
    "monomial": lambda t, j: t**j,
    "legendre": lambda t, j: eval_legendre(j, t),
    "chebyshev": lambda t, j: np.cos(j * np.arccos(t)),
}


@pytest.mark.parametrize("basis", TRUTH)
def test_order_150_is_exact(basis):
    orders = np.arange(151)
    with jax.enable_x64(True):
        found = polynomial_features(GRID, 150, basis=basis)
        np.testing.assert_allclose(found, TRUTH[basis](GRID[:, None], orders), atol=1e-11)
        for order in (0, 2):
            # Another program, whose last bit may differ by processor.
            fewer = polynomial_features(GRID, order, basis=basis)
            np.testing.assert_allclose(fewer, found[:, : order + 1], rtol=0, atol=1e-14)
    np.testing.assert_allclose(polynomial_features(GRID, 150, basis=basis), found, atol=3e-4)


def test_fourier_functions_are_orthogonal_and_in_order():
    with jax.enable_x64(True):
        t = np.arange(64) / 32 - 1
        found = np.asarray(polynomial_features(t, 10, basis="fourier"))
    np.testing.assert_allclose(found.T @ found, np.diag([64, *[32] * 20]), atol=1e-10)
    orders = basis_orders(10, basis="fourier")
    np.testing.assert_allclose(found[:, 5], np.cos(np.pi * orders[5] * t), atol=1e-12)
    np.testing.assert_allclose(found[:, 6], np.sin(np.pi * orders[6] * t), atol=1e-12)


@pytest.mark.parametrize("basis", ["monomial", "legendre", "chebyshev", "fourier"])
def test_the_domain_is_mapped_to_minus_one_and_one(basis):
    moved = polynomial_features(3 + 2 * GRID, 6, basis=basis, domain=(1, 5))
    np.testing.assert_allclose(moved, polynomial_features(GRID, 6, basis=basis), atol=2e-5)
    assert moved.shape[1] == len(basis_orders(6, basis=basis)) == len(order_penalty(6, basis=basis))


def test_penalties_are_those_of_the_paper():
    orders = np.arange(151)
    np.testing.assert_array_equal(order_penalty(150), np.exp2(orders))
    np.testing.assert_allclose(order_penalty(150, rule="quadratic"), 0.01**2 * orders**2, rtol=1e-12)
    np.testing.assert_array_equal(order_penalty(2, basis="fourier"), [1, 2, 2, 4, 4])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polynomial_features(GRID, 3, basis="legendr"), "basis = 'legendr' must be one of .*legendre"),
        (lambda: polynomial_features(GRID, -1), "order = -1 must be an integer of at least 0"),
        (lambda: polynomial_features(GRID, 3, domain=(1.0, 1.0)), "domain = .* with low < high"),
        (lambda: polynomial_features(GRID[:, None], 3), r"x \(41, 1\) must be \[n\]"),
        (lambda: order_penalty(3, rule="cubic"), "rule = 'cubic' must be one of"),
        (lambda: order_penalty(1024), "order = 1024 must be at most 1023"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
