"""Identities of the effective ranks, the two series that decide benign overfitting, and simulated variance."""

import math

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError


def test_definitions_and_inequalities():
    values = np.random.default_rng(0).gamma(0.3, size=60)
    ranks = theory.tail_ranks(values)
    falling = np.sort(values)[::-1]
    for k in range(60):
        tail = falling[k:]
        assert ranks.by_largest[k] == pytest.approx(tail.sum() / tail[0], rel=1e-12)
        assert ranks.by_squares[k] == pytest.approx(tail.sum() ** 2 / np.sum(tail**2), rel=1e-12)
    assert np.all(ranks.by_largest <= ranks.by_squares * (1 + 1e-12))
    assert np.all(ranks.by_squares <= ranks.by_largest**2 * (1 + 1e-12))
    assert np.all(ranks.by_squares <= np.arange(60, 0, -1) * (1 + 1e-12))


def test_a_flat_tail_has_its_length_whatever_the_scale():
    values = np.r_[[50.0, 7.0], np.full(30, 0.2), np.zeros(4)]
    for scale in (1e-200, 1.0, 1e200):
        ranks = theory.tail_ranks(scale * values)
        assert len(ranks.by_largest) == 32
        np.testing.assert_allclose(ranks.by_largest[2:], np.arange(30, 0, -1), rtol=1e-12)
        np.testing.assert_allclose(ranks.by_squares[2:], np.arange(30, 0, -1), rtol=1e-12)


def test_split():
    values = np.r_[np.full(3, 10.0), np.full(400, 0.01)]
    split = theory.benign_split(values, 40)
    assert split.num_fitted == 3 and split.variance == pytest.approx(3 / 40 + 40 / 400)
    assert theory.benign_split(values, 401) == (math.inf, math.inf)
    assert theory.benign_split(values, 40, factor=11.0) == (math.inf, math.inf)
    assert theory.benign_split(np.ones(100), 40) == (0.0, 0.4)


def test_logarithm_to_a_power_above_one_is_benign_and_a_power_is_not():
    i = np.arange(1.0, 5e5)
    variances = {}
    for name, values in (("benign", 1 / (i * np.log(i + 1) ** 1.2)), ("power", i**-2.0)):
        variances[name] = [theory.benign_split(values, n).variance for n in (10, 100, 1000)]
    assert variances["benign"][0] > variances["benign"][1] > variances["benign"][2]
    # r_k of i^-2 is about k: the split grows with n and the variance does not fall.
    assert min(variances["power"]) > 1.0


def test_simulated_noise_of_the_interpolator_follows_the_scale():
    """Constants are unknown: only the order over spectra and a factor of 3 are asked for."""
    n, rng = 40, np.random.default_rng(1)
    spectra = [np.r_[np.full(k, 1.0), np.full(m, 1.0 / m)] for k, m in ((2, 4000), (10, 400), (2, 120))]
    found, scale = [], []
    for values in spectra:
        draws = []
        for _ in range(10):
            x = rng.normal(size=(n, len(values))) * np.sqrt(values)
            inverse = np.linalg.pinv(x)
            draws.append(np.sum(values[:, None] * inverse**2))
        found.append(np.mean(draws))
        scale.append(theory.benign_split(values, n).variance)
    assert np.all(np.argsort(found) == np.argsort(scale))
    assert np.all(np.abs(np.log(np.array(found) / scale)) < np.log(3.0))


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="must be a vector with a positive entry"):
        theory.tail_ranks(np.zeros(3))
    with pytest.raises(ConfigError, match=r"eigenvalues = .* must be in \[0, inf\)"):
        theory.tail_ranks([1.0, -1.0])
    with pytest.raises(ConfigError, match=r"num_examples = 0 must be in \(0, inf\)"):
        theory.benign_split(np.ones(3), 0)
    with pytest.raises(ConfigError, match=r"factor = 0 must be in \(0, inf\)"):
        theory.benign_split(np.ones(3), 5, factor=0)
