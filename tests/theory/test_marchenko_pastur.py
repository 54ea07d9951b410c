"""Density, moments and Stieltjes transform against numerical integration, each other, and sampled spectra."""

import numpy as np
import pytest
from scipy.integrate import quad

from gendyn import theory
from gendyn.core import ConfigError

RATIOS = (0.05, 0.25, 0.9, 1.0, 1.5, 4.0)


def integral(function, ratio):
    """Over the continuous part; ``x = edges, cosine`` takes the square-root ends away, also the pole at ratio 1."""
    low, high = theory.marchenko_pastur_edges(ratio)
    middle, half = (low + high) / 2, (high - low) / 2

    def at(phi):
        x = np.array(middle + half * np.cos(phi))
        return float(function(float(x)) * theory.marchenko_pastur_density(x, ratio) * half * np.sin(phi))

    return quad(at, 0, np.pi, epsabs=1e-12, epsrel=1e-11, limit=200)[0]


@pytest.mark.parametrize("ratio", RATIOS)
def test_density_and_atom_make_one(ratio):
    atom = theory.marchenko_pastur_atom(ratio)
    assert integral(lambda x: 1.0, ratio) + atom == pytest.approx(1.0, abs=1e-9)
    assert (atom > 0) == (ratio > 1)


@pytest.mark.parametrize("ratio", RATIOS)
def test_singular_values_have_a_density_of_their_own(ratio):
    low, high = np.sqrt(theory.marchenko_pastur_edges(ratio))
    total = quad(lambda s: float(theory.singular_value_density(np.array(s), ratio)), low, high, limit=200)[0]
    assert total == pytest.approx(1.0, abs=1e-6)
    assert not np.any(theory.singular_value_density(np.array([low * 0.99, high * 1.01]), ratio)[int(ratio == 1.0) :])


@pytest.mark.parametrize("ratio", RATIOS)
def test_moments_are_integrals(ratio):
    for order in range(1, 6):
        expected = integral(lambda x, order=order: x**order, ratio)
        assert theory.marchenko_pastur_moment(order, ratio) == pytest.approx(expected, rel=1e-9)
    assert theory.marchenko_pastur_moment(0, ratio) == 1.0
    assert theory.marchenko_pastur_moment(1, ratio) == 1.0


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("z", [-1.0, -0.03, 12.0, 1.0 + 0.3j, 0.5 - 2.0j])
def test_stieltjes_transform_is_the_integral_and_solves_its_equation(ratio, z):
    found = complex(theory.marchenko_pastur_stieltjes(np.array(z), ratio))
    atom = theory.marchenko_pastur_atom(ratio)
    real = integral(lambda x: (1 / (x - z)).real, ratio)
    imaginary = integral(lambda x: (1 / (x - z)).imag, ratio)
    assert found == pytest.approx(real + 1j * imaginary - atom / z, rel=1e-8)
    assert ratio * z * found**2 - (1 - ratio - z) * found + 1 == pytest.approx(0, abs=1e-12)


def test_stieltjes_transform_on_the_cut_gives_the_density():
    x = np.linspace(0.3, 2.2, 7)
    found = theory.marchenko_pastur_stieltjes(x, 0.25)
    np.testing.assert_allclose(np.abs(found.imag) / np.pi, theory.marchenko_pastur_density(x, 0.25), rtol=1e-12)


def test_stieltjes_transform_keeps_its_digits_where_one_form_cancels():
    # Both limits are known: 1 / (1 - ratio) below 1, and atom / alpha above.
    assert complex(theory.marchenko_pastur_stieltjes(np.array(-1e-13), 0.5)).real == pytest.approx(2.0, rel=1e-9)
    assert complex(theory.marchenko_pastur_stieltjes(np.array(-1e-13), 2.0)).real == pytest.approx(5e12, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.25, 4.0])
def test_sampled_spectrum_lies_between_the_edges(ratio):
    num_examples = 800 if ratio < 1 else 200
    dimension = int(ratio * num_examples)
    x = np.random.default_rng(0).normal(size=(num_examples, dimension))
    eigenvalues = np.linalg.eigvalsh(x.T @ x / num_examples)
    low, high = theory.marchenko_pastur_edges(ratio)
    zero = eigenvalues < 1e-9
    assert zero.mean() == theory.marchenko_pastur_atom(ratio)
    # Fluctuations at the edges are of relative order n^(-2/3), about 1 %.
    assert eigenvalues[~zero].min() == pytest.approx(low, rel=0.05)
    assert eigenvalues.max() == pytest.approx(high, rel=0.05)
    assert np.mean(eigenvalues**2) == pytest.approx(theory.marchenko_pastur_moment(2, ratio), rel=0.02)
    for alpha in (0.01, 1.0):
        expected = np.sum(eigenvalues / (eigenvalues + alpha))
        found = theory.iid_effective_dimension(num_examples, dimension, alpha)
        assert found == pytest.approx(expected, abs=2.0) and found < min(num_examples, dimension)


def test_effective_dimension_falls_with_alpha():
    found = [theory.iid_effective_dimension(50, 200, alpha) for alpha in (1e-8, 0.1, 1.0, 100.0)]
    assert found == sorted(found, reverse=True) and found[0] == pytest.approx(50) and found[-1] < 2.5


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_ratios_are_refused(bad):
    for function in (theory.marchenko_pastur_edges, theory.marchenko_pastur_atom):
        with pytest.raises(ConfigError, match=r"ratio = .* must be in \(0, inf\)"):
            function(bad)


def test_other_bad_input_is_refused():
    with pytest.raises(ConfigError, match="order = -1 must be an integer of at least 0"):
        theory.marchenko_pastur_moment(-1, 0.5)
    with pytest.raises(ConfigError, match=r"alpha = 0.0 must be in \(0, inf\)"):
        theory.iid_effective_dimension(10, 10, 0.0)
