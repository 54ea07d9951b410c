"""The closed form is the sum over orders; bad input is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import order_penalty, polynomial_features, polynomial_kernel


@pytest.mark.parametrize("basis", ["chebyshev", "monomial"])
def test_the_kernel_is_the_sum_over_orders(basis):
    kernel = jax.jit(polynomial_kernel, static_argnames=("order", "basis"))
    with jax.enable_x64(True):
        left, right = jnp.linspace(-1, 1, 7), jnp.linspace(-0.9, 0.8, 5)
        features = [np.asarray(polynomial_features(at, 30, basis=basis)) for at in (left, right)]
        direct = features[0] / order_penalty(30) @ features[1].T
        np.testing.assert_allclose(kernel(left, right, order=30, basis=basis), direct, rtol=1e-12, atol=1e-14)


def test_monomials_are_of_modest_size_below_the_root_of_two():
    with jax.enable_x64(True):
        wide = float(polynomial_kernel([1.4], [1.4], 150)[0, 0])
    assert wide == pytest.approx(sum(0.98**j for j in range(151)), rel=1e-12)


def test_bad_input_is_refused():
    for arguments, settings, message in (
        (([0.5], [0.5], 3), {"basis": "legendre"}, "basis = 'legendre' must be one of chebyshev, monomial"),
        (([0.5], [0.5], -1), {}, "order = -1 must be an integer of at least 0"),
        (([np.nan], [0.5], 3), {}, "left has 1 entries of 1 that are NaN"),
    ):
        with pytest.raises(ConfigError, match=message):
            polynomial_kernel(*arguments, **settings)
