"""Both convolutions against each other and against sums written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.models._convolution import convolve


def arrays(size, rows=7, columns=6):
    keys = jax.random.split(jax.random.key(size), 2)
    return jax.random.normal(keys[0], (2, rows, columns, 3)), jax.random.normal(keys[1], (size, size, 3, 4))


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_native_equals_patches(size, stride):
    """Values and both gradients, on an odd and an even side."""

    @jax.jit
    def both(x, kernel):
        def value(implementation):
            def loss(x, kernel):
                y = convolve(x, kernel, stride=stride, implementation=implementation)
                return jnp.sum(jnp.sin(y)), y

            return jax.grad(loss, argnums=(0, 1), has_aux=True)(x, kernel)

        return value("native"), value("patches"), convolve(x, kernel, stride=stride)

    native, patches, automatic = both(*arrays(size))
    assert native[1].shape == (2, -(-7 // stride), -(-6 // stride), 4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), native, patches)
    np.testing.assert_allclose(automatic, native[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_patches_are_the_sum_written_out(stride):
    """Margins of 1 on both sides, also at stride 2, where XLA's SAME would shift the image."""
    x, kernel = map(np.asarray, arrays(3, 6, 6))
    y = np.asarray(convolve(x, kernel, stride=stride, implementation="patches"))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for row, column in ((0, 0), (1, 2), (2, 1)):
        window = padded[:, row * stride : row * stride + 3, column * stride : column * stride + 3]
        np.testing.assert_allclose(y[:, row, column], np.einsum("bijc,ijcd->bd", window, kernel), rtol=1e-4, atol=1e-5)
