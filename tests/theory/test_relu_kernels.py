"""Closed forms against integrals over the direction of a Gaussian weight, the FFT, and networks of finite width."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.models import mlp

ANGLES = np.array([0.0, 1e-3, 0.4, 1.3, np.pi / 2, 2.9, np.pi])


def over_directions(angle, product):
    """Mean over a weight's direction; the integrand is smooth between its four kinks, where the panels meet."""
    kinks = np.sort(np.mod([0.0, np.pi / 2, -np.pi / 2, angle + np.pi / 2, angle - np.pi / 2], 2 * np.pi))
    kinks = np.append(kinks, 2 * np.pi)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    total = 0.0
    for a, b in itertools.pairwise(kinks):
        phi = (a + b) / 2 + (b - a) / 2 * nodes
        total += (b - a) / 2 * np.sum(weights * product(np.cos(phi), np.cos(phi - angle)))
    return total / (2 * np.pi)


@pytest.mark.parametrize("angle", ANGLES)
def test_arc_cosine_kernels_are_gaussian_means(angle):
    gates = over_directions(angle, lambda a, b: (a > 0) * (b > 0))
    # The mean of a plane Gaussian's squared length is 2.
    units = 2 * over_directions(angle, lambda a, b: np.maximum(a, 0) * np.maximum(b, 0))
    assert theory.arc_cosine_0(np.cos(angle)) == pytest.approx(2 * gates, abs=1e-9)
    assert theory.arc_cosine_1(np.cos(angle)) == pytest.approx(2 * units, abs=1e-12)


def test_rounding_beyond_one_is_cut():
    found = theory.arc_cosine_1(np.array([1.0 + 1e-12, -1.0 - 1e-12]))
    np.testing.assert_allclose(found, [1.0, 0.0], atol=1e-15)


def test_zero_and_scaled_inputs():
    x = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]])
    kernel = theory.relu_ntk(x)
    assert np.all(kernel[0] == 0) and np.all(kernel[:, 0] == 0)
    np.testing.assert_allclose(theory.relu_ntk(3.0 * x), 9.0 * kernel, rtol=2e-8)
    np.testing.assert_allclose(theory.relu_ntk(3.0 * x, x), 3.0 * kernel, rtol=2e-8)
    np.testing.assert_allclose(np.diag(theory.relu_ntk(x)), np.sum(x**2, axis=1), rtol=2e-8)


def test_kernels_are_means_over_networks_of_the_mlp_of_this_repository():
    """Exact at any width in the mean, so a narrow network and many draws give it within 4 standard errors."""
    model = mlp(num_outputs=1, width=16, depth=1, parametrisation="ntk", use_bias=False)
    x = jax.random.normal(jax.random.key(1), (4, 3))

    def kernels(key):
        keys = jax.tree.unflatten(structure, list(jax.random.split(key, structure.num_leaves)))
        params = jax.tree.map(lambda leaf, k: jax.random.normal(k, leaf.shape), shapes, keys)
        outputs = model.apply({"params": params}, x)[:, 0]
        jacobian = jax.jacrev(lambda p: model.apply({"params": p}, x)[:, 0])(params)
        tangent = sum(jnp.einsum("iab,jab->ij", leaf, leaf) for leaf in jax.tree.leaves(jacobian))
        return jnp.outer(outputs, outputs), tangent

    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x)["params"])
    structure = jax.tree.structure(shapes)
    num_draws = 20_000
    draws = jax.jit(jax.vmap(kernels))(jax.random.split(jax.random.key(2), num_draws))
    for sampled, closed in zip(draws, (theory.relu_nngp(x), theory.relu_ntk(x)), strict=True):
        error = np.std(sampled, axis=0) / np.sqrt(num_draws)
        assert np.all(np.abs(np.mean(sampled, axis=0) - closed) < 4 * error)
        assert np.all(error < 0.05 * np.max(closed))


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("trained", ["first", "both"])
def test_coefficients_are_the_fourier_transform_of_the_kernel(use_bias, trained):
    num = 8192
    angles = 2 * np.pi * np.arange(num) / num
    spectrum = np.fft.fft(theory.circle_kernel(angles, use_bias=use_bias, trained=trained)).real / num
    frequencies = np.fft.fftfreq(num, 1 / num).astype(int)
    near = np.abs(frequencies) <= 40
    expected = theory.circle_coefficients(frequencies[near], use_bias=use_bias, trained=trained)
    # Coefficients fall as k^-2, so aliasing adds about 2 / (2 pi^2 num^2) * pi^2 / 6 = 3e-9.
    np.testing.assert_allclose(spectrum[near], expected, atol=1e-8, rtol=0)


def test_coefficients_sum_to_the_kernel_and_odd_ones_vanish_without_bias():
    k = np.arange(-200_001, 200_002)
    for use_bias in (False, True):
        total = np.sum(theory.circle_coefficients(k, use_bias=use_bias))
        assert total == pytest.approx(theory.circle_kernel(0.0, use_bias=use_bias), abs=1e-5)
    odd = np.arange(3, 99, 2)
    for trained in ("first", "both"):
        assert np.all(theory.circle_coefficients(odd, use_bias=False, trained=trained) == 0)
    with_bias = theory.circle_coefficients(odd, use_bias=True)
    slope = np.polyfit(np.log(odd), np.log(with_bias), 1)[0]
    assert slope == pytest.approx(-2.0, abs=1e-12)


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("trained", ["first", "both"])
def test_circle_kernel_is_the_mean_over_units(use_bias, trained):
    for angle in ANGLES:
        features = (np.cos(angle) + 1) / 2 if use_bias else np.cos(angle)
        gates = over_directions(angle, lambda a, b: (a > 0) * (b > 0))
        units = 2 * over_directions(angle, lambda a, b: np.maximum(a, 0) * np.maximum(b, 0))
        expected = features * gates + (trained == "both") * units * (0.5 if use_bias else 1.0)
        assert theory.circle_kernel(angle, use_bias=use_bias, trained=trained) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("trained", ["first", "both"])
def test_grid_coefficients_are_the_eigenvalues_of_the_kernel_on_the_grid(use_bias, trained):
    kernel = theory.circle_kernel(2 * np.pi * np.arange(64) / 64, use_bias=use_bias, trained=trained)
    found = theory.circle_grid_coefficients(np.arange(8), 64, use_bias=use_bias, trained=trained)
    np.testing.assert_allclose(found, np.fft.fft(kernel).real[:8] / 64, atol=5e-8)
    if not use_bias:
        assert np.all(found[3::2] == 0)


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"x has shape \(3,\) .* must be \[examples, features\]"):
        theory.relu_ntk(np.ones(3))
    with pytest.raises(ConfigError, match=r"equally many"):
        theory.relu_nngp(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ConfigError, match="frequencies are float64; they must be integers"):
        theory.circle_coefficients(np.array([0.5]), use_bias=True)
    with pytest.raises(ConfigError, match="num_points = 0 must be an integer of at least 1"):
        theory.circle_grid_coefficients(np.arange(2), 0, use_bias=True)
    with pytest.raises(ConfigError, match="trained = 'second' must be one of first, both"):
        theory.circle_kernel(0.0, use_bias=True, trained="second")
