"""The narrow product is the product, in all derivatives."""

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.models._dense import narrow_product

X = jax.random.normal(jax.random.key(0), (7, 5))
KERNEL = jax.random.normal(jax.random.key(1), (5, 3))


def of(product):
    return lambda x, kernel: jnp.sum(jnp.sin(product(x, kernel)) * jnp.arange(3.0))


def test_value_gradients_and_second_derivatives_equal_the_plain_product():
    plain, narrow = of(jnp.matmul), of(narrow_product)
    for transform in (
        jax.grad,
        jax.jacfwd,
        jax.hessian,
        lambda f, argnums: jax.jacrev(jax.jacrev(f, argnums), argnums),
    ):
        both = [transform(function, argnums=(0, 1)) for function in (plain, narrow)]
        expected, found = jax.jit(lambda x, kernel, both=both: [f(x, kernel) for f in both])(X, KERNEL)
        for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
            np.testing.assert_allclose(b, a, atol=1e-5)


def test_under_vmap():
    kernels = jnp.stack([KERNEL, 2 * KERNEL])
    together = jax.jit(jax.vmap(jax.grad(of(narrow_product), argnums=1), in_axes=(None, 0)))(X, kernels)
    one = jax.jit(jax.grad(of(jnp.matmul), argnums=1))
    for row, kernel in zip(together, kernels, strict=True):
        np.testing.assert_allclose(row, one(X, kernel), atol=1e-5)
