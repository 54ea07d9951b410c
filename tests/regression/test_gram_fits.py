"""Every size is numpy's pseudo-inverse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import gram_fits


def test_every_size_is_the_pseudo_inverse():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 9)), random.normal(size=(5, 2))
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(lambda x, y: gram_fits(x, y, (1, 4, 5, 6, 9)))(x, y))
    for fit, size in zip(found, (1, 4, 5, 6, 9), strict=True):
        np.testing.assert_allclose(fit[:size], np.linalg.pinv(x[:, :size]) @ y, rtol=1e-8)
        assert not fit[size:].any()


@pytest.mark.parametrize("sizes", [(), (0,), (10,)])
def test_bad_arguments_are_refused(sizes):
    with pytest.raises(ConfigError, match="sizes"):
        gram_fits(jnp.ones((5, 9)), jnp.ones((5, 1)), sizes)
    with pytest.raises(ConfigError, match=r"must be \[n, D\]"):
        gram_fits(jnp.ones((5, 9)), jnp.ones(5), (1,))
