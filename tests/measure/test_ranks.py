"""Ranks against their definitions in NumPy, their limits and invariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn import measure as ranks
from gendyn.core import ConfigError


def dense_effective_rank(matrix):
    values = np.linalg.svd(matrix, compute_uv=False)
    share = values[values > 0] / values.sum()
    return np.exp(-np.sum(share * np.log(share)))


def dense_stable_rank(matrix):
    return np.linalg.norm(matrix) ** 2 / np.linalg.norm(matrix, 2) ** 2


@pytest.mark.parametrize("shape", [(6, 4), (3, 9)])
def test_ranks_are_their_definitions(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    assert float(ranks.effective_rank(matrix)) == pytest.approx(dense_effective_rank(matrix), rel=1e-5)
    assert float(ranks.stable_rank(matrix)) == pytest.approx(dense_stable_rank(matrix), rel=1e-5)
    with jax.enable_x64(True):
        assert float(ranks.effective_rank(matrix)) == pytest.approx(dense_effective_rank(matrix), rel=1e-12)
        assert float(ranks.stable_rank(matrix)) == pytest.approx(dense_stable_rank(matrix), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(1e-3, 1e3))
def test_scale_rotation_and_padding_change_nothing(seed, rank, scale):
    random = np.random.default_rng(seed)
    matrix = (random.normal(size=(5, rank)) @ random.normal(size=(rank, 4))).astype(np.float32)
    rotation = np.linalg.qr(random.normal(size=(5, 5)))[0]
    for function, bound in ((ranks.effective_rank, rank), (ranks.stable_rank, rank)):
        value = float(function(matrix))
        assert 1 - 1e-5 <= value <= bound * (1 + 1e-3)
        for other in (scale * matrix, rotation @ matrix, matrix.T, np.pad(matrix, ((0, 3), (0, 2)))):
            assert float(function(np.asarray(other, np.float32))) == pytest.approx(value, rel=1e-3)


def test_limits():
    for function in (ranks.effective_rank, ranks.stable_rank):
        assert float(function(3.0 * jnp.eye(4))) == pytest.approx(4.0, rel=1e-6)
        assert float(function(jnp.outer(jnp.arange(1.0, 4), jnp.ones(5)))) == pytest.approx(1.0, rel=1e-4)
        assert float(function(jnp.zeros((3, 2)))) == 0.0
        # Squares of such entries leave the range of float32.
        for tiny_or_huge in (1e-30, 1e30):
            assert float(function(tiny_or_huge * jnp.eye(3))) == pytest.approx(3.0, rel=1e-5)


def test_a_batch_of_matrices_is_one_by_one():
    batch = jax.random.normal(jax.random.key(0), (3, 4, 6))
    for function in (ranks.effective_rank, ranks.stable_rank):
        np.testing.assert_allclose(function(batch), [function(matrix) for matrix in batch], rtol=1e-5)


def test_participation_ratio():
    values = np.array([4.0, 2.0, 1.0, 0.0])
    assert float(ranks.participation_ratio(values)) == pytest.approx(49 / 21, rel=1e-6)
    assert float(ranks.participation_ratio(1e30 * values)) == pytest.approx(49 / 21, rel=1e-6)
    assert float(ranks.participation_ratio(jnp.zeros(3))) == 0.0
    np.testing.assert_allclose(ranks.participation_ratio(jnp.array([[1.0, 1.0], [1.0, 0.0]])), [2.0, 1.0])


def test_negative_mass():
    assert float(ranks.negative_mass_fraction(jnp.array([2.0, -1.0, -1.0, 0.0]))) == 0.5
    assert float(ranks.negative_mass_fraction(jnp.array([2.0, 1.0]))) == 0.0
    assert float(ranks.negative_mass_fraction(jnp.zeros(2))) == 0.0
    # Rounding of a zero eigenvalue is no negative curvature, unless asked for.
    noisy = jnp.array([1.0, -1e-7])
    assert float(ranks.negative_mass_fraction(noisy)) == 0.0 < float(ranks.negative_mass_fraction(noisy, tolerance=0.0))
    weighted = ranks.negative_mass_fraction(jnp.array([2.0, -1.0]), jnp.array([0.25, 0.5]))
    assert float(weighted) == 0.5


def test_bad_matrices_are_refused():
    with pytest.raises(ConfigError, match=r"matrix has shape \(3,\); it must have at least 2 axes"):
        ranks.effective_rank(jnp.ones(3))
    with pytest.raises(ConfigError, match="matrix is complex64; it must be real"):
        ranks.stable_rank(jnp.ones((2, 2), complex))
    with pytest.raises(ConfigError, match=r"eigenvalues has shape \(0,\)"):
        ranks.participation_ratio(jnp.ones(0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_no_rank(bad):
    """Never a number: 0 would read as a collapse of the rank, in a network that has diverged."""
    spectrum = np.array([3.0, 2.0, 1.0], np.float32)
    matrix = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    for entries in (slice(0, 1), slice(None)):
        spectrum[entries], matrix.reshape(-1)[entries] = bad, bad
        for function in (ranks.spectral_effective_rank, ranks.participation_ratio):
            if bad != -np.inf or function is ranks.participation_ratio:  # below 0 counts as 0
                assert np.isnan(float(function(spectrum))), (function, entries)
        for function in (ranks.effective_rank, ranks.stable_rank):
            if not np.isinf(bad):  # an infinity in a matrix can hang LAPACK
                assert np.isnan(float(function(matrix))), (function, entries)
        assert np.isnan(float(ranks.negative_mass_fraction(spectrum))), entries
