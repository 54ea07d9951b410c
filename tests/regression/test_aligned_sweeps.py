"""Both designs are numpy's pseudo-inverse, and means are their laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError, stream
from gendyn.regression import aligned_risks

N, D, K, SIZES, NOISE = 6, 12, 2, (2, 4, 6, 8, 12), (0.0, 0.5)
SHAPE = {"num_examples": N, "dimension": D, "num_features": SIZES, "num_aligned": K}


def test_every_size_is_the_pseudo_inverse_of_the_inputs_and_of_those_with_equal_singular_values():
    key = jax.random.key(5)
    with jax.enable_x64(True):
        found = aligned_risks(key, jnp.array(NOISE), **SHAPE)
        x = np.asarray(jax.random.normal(stream(key, "inputs"), (N, D), float))
        errors = np.asarray(jax.random.normal(stream(key, "errors"), (N,), float))
    for i, p in enumerate(SIZES):
        b = np.where(np.arange(p) < K, K**-0.5, 0.0)
        u, _, v = np.linalg.svd(x[:, :p], full_matrices=False)
        equal = np.sqrt(max(N, p)) * u @ v
        for j, variance in enumerate(NOISE):
            for design, risk in ((x[:, :p], found.gaussian), (equal, found.orthogonal)):
                w = np.linalg.pinv(design) @ (design @ b + np.sqrt(variance) * errors)
                np.testing.assert_allclose(risk[j, i], np.sum((w - b) ** 2), rtol=1e-7, atol=1e-12)


def test_mean_risks_are_their_laws():
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 4000)
        mean = jax.vmap(lambda key: aligned_risks(key, jnp.array([0.5]), **SHAPE).orthogonal)(keys).mean(axis=0)[0]
    sizes = np.array(SIZES)
    law = np.where(sizes <= N, 0.5 * sizes / N, 1 - 0.5 * N / sizes)
    np.testing.assert_allclose(mean, law, rtol=0.03)


@pytest.mark.parametrize("changes", [{"num_features": (1, 4)}, {"num_features": (13,)}, {"num_examples": 0}])
def test_bad_arguments_are_refused(changes):
    with pytest.raises(ConfigError):
        aligned_risks(jax.random.key(0), jnp.ones(1), **SHAPE | changes)
