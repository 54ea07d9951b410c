"""Sweeps are numpy's least squares at every size, and share a sample over levels of noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import isotropic_examples, isotropic_features, isotropic_sample, spectrum_edges

N, D, NOISE = 6, 9, (0.0, 0.5)
SWEEP = {"num_features": (2, 6, 9), "ridge_features": (2, 6), "penalties": (1.0, 10.0), "spectrum_features": (3, 9)}
B = np.full(D, D**-0.5)


def solved(x, y, penalty):
    if penalty == 0:
        return np.linalg.lstsq(x, y)[0]
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)


def risk(w):
    return np.sum((np.pad(w, (0, D - len(w))) - B) ** 2)


def test_every_number_of_features_is_least_squares():
    key = jax.random.key(3)
    with jax.enable_x64(True):
        noise = jnp.array(NOISE)
        found = isotropic_features(key, noise, num_examples=N, dimension=D, bins=5, **SWEEP)
        x, y = map(np.asarray, isotropic_sample(key, num_examples=N, dimension=D, noise_variances=noise))
    for v, variance in enumerate(NOISE):
        for i, p in enumerate(SWEEP["num_features"]):
            w = solved(x[:, :p], y[:, v], 0.0)
            np.testing.assert_allclose([found.risk[v, i], found.squared_norm[v, i]], [risk(w), w @ w], rtol=1e-8)
        for i, p in enumerate(SWEEP["ridge_features"]):
            expected = [risk(solved(x[:, :p], y[:, v], penalty)) for penalty in SWEEP["penalties"]]
            np.testing.assert_allclose(found.ridge_risk[v, :, i], expected, rtol=1e-8)
            best = risk(solved(x[:, :p], y[:, v], D * (variance + 1.0) - p))
            np.testing.assert_allclose(found.optimal_ridge_risk[v, i], best, rtol=1e-8)
            values = np.linalg.svd(x[:, :p], compute_uv=False)
            np.testing.assert_allclose(found.smallest_singular_value[v, i], values[-1] / N**0.5, rtol=1e-8)
            np.testing.assert_allclose(found.condition_number[v, i], values[0] / values[-1], rtol=1e-8)
        for i, p in enumerate(SWEEP["spectrum_features"]):
            values = np.linalg.svd(x[:, :p], compute_uv=False) / N**0.5
            density = np.histogram(values, spectrum_edges(N, SWEEP["spectrum_features"], 5), density=True)[0]
            np.testing.assert_allclose(found.spectrum[v, i], density, rtol=1e-8)


def test_every_number_of_examples_is_a_prefix_of_one_sample():
    key, counts = jax.random.key(4), (4, 9, 14)
    with jax.enable_x64(True):
        noise = jnp.array(NOISE)
        found = isotropic_examples(key, noise, dimension=D, num_examples=counts)
        x, y = map(np.asarray, isotropic_sample(key, num_examples=14, dimension=D, noise_variances=noise))
    for i, n in enumerate(counts):
        for v in range(len(NOISE)):
            np.testing.assert_allclose(found.risk[v, i], risk(solved(x[:n], y[:n, v], 0.0)), rtol=1e-6, atol=1e-12)
        best = risk(solved(x[:n], y[:n, 1], D * NOISE[1]))
        np.testing.assert_allclose(found.optimal_risk[1, i], best, rtol=1e-8)
        smallest = np.linalg.svd(x[:n], compute_uv=False)[-1] / n**0.5
        np.testing.assert_allclose(found.smallest_singular_value[:, i], smallest, rtol=1e-8)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bins": 0}, "bins = 0"),
        ({"num_examples": 0}, "num_examples = 0"),
        ({"num_features": (10,)}, r"num_features = \(10,\) must be"),
    ],
)
def test_bad_arguments_are_refused(changes, fault):
    given = {"num_examples": N, "dimension": D, "bins": 5} | SWEEP | changes
    with pytest.raises(ConfigError, match=fault):
        isotropic_features(jax.random.key(0), jnp.zeros(1), **given)
