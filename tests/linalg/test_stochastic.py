"""Random estimates: unbiased, with standard errors that mean what they say; exact where they should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import diagonal, log_determinant, spectral_density, trace

EIGENVALUES = np.linspace(-1, 3, 60)
NUM_KEYS = 200


def symmetric(eigenvalues, seed=0):
    size = len(eigenvalues)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return (basis * eigenvalues) @ basis.T


MATRIX = symmetric(EIGENVALUES).astype(np.float32)
DECAYING = symmetric(1 / np.arange(1.0, 61.0)).astype(np.float32)


def over_keys(estimator):
    return jax.jit(jax.vmap(estimator))(jax.random.split(jax.random.key(7), NUM_KEYS))


def assert_calibrated(values, errors, truth):
    z = (np.asarray(values, np.float64) - truth) / np.asarray(errors, np.float64)
    assert 0.7 < z.var() < 1.4, z.var()
    # Unbiased: the mean of 200 values, against its own standard error.
    assert abs(values.mean() - truth) < 3.5 * values.std() / NUM_KEYS**0.5


@pytest.mark.parametrize("method", ["hutchinson", "hutch++", "xtrace"])
def test_standard_errors_of_traces_are_calibrated(method):
    matrix = DECAYING
    found = over_keys(lambda key: trace(lambda v: matrix @ v, matrix[0], key=key, num_probes=48, method=method)[:2])
    assert_calibrated(*found, np.trace(matrix.astype(np.float64)))


def test_standard_errors_of_quadrature_are_calibrated():
    found = over_keys(
        lambda key: spectral_density(lambda v: MATRIX @ v, MATRIX[0], key=key, num_probes=24, num_steps=8)
    )
    assert_calibrated(found.trace.value, found.trace.standard_error, EIGENVALUES.sum())
    assert_calibrated(found.second_moment.value, found.second_moment.standard_error, (EIGENVALUES**2).sum())


def test_standard_errors_of_the_diagonal_are_calibrated():
    found = jax.jit(lambda key: diagonal(lambda v: MATRIX @ v, MATRIX[0], key=key, num_probes=300))(jax.random.key(0))
    z = (found.value - np.diag(MATRIX)) / found.standard_error
    assert 0.5 < float(z.var()) < 1.7  # 60 entries only
    assert found.num_matvecs == 300


@pytest.mark.parametrize("method", ["hutch++", "xtrace"])
@pytest.mark.parametrize("eigenvalues", [[5.0, -3.0, 1.0] + [0.0] * 37, [0.0] * 40], ids=["rank three", "zero"])
def test_low_rank_traces_are_exact(method, eigenvalues):
    matrix = symmetric(eigenvalues).astype(np.float32)
    found = trace(lambda v: matrix @ v, matrix[0], key=jax.random.key(1), num_probes=18, method=method)
    np.testing.assert_allclose(found.value, sum(eigenvalues), atol=3e-5)
    assert float(found.standard_error) < 1e-4
    assert found.num_matvecs == 18


@pytest.mark.parametrize("method", ["hutchinson", "hutch++", "xtrace"])
def test_more_probes_than_dimensions(method):
    matrix = np.diag([1.0, 2.0, 3.0]).astype(np.float32)
    found = trace(lambda v: matrix @ v, matrix[0], key=jax.random.key(1), num_probes=12, method=method)
    np.testing.assert_allclose(found.value, 6.0, rtol=1e-5)


def test_the_better_methods_are_better_where_they_should_be():
    def spread(method):
        def run(key):
            return trace(lambda v: DECAYING @ v, DECAYING[0], key=key, num_probes=48, method=method).value

        return float(over_keys(run).std())

    assert spread("xtrace") < 0.5 * spread("hutchinson")
    assert spread("hutch++") < 0.7 * spread("hutchinson")


def test_quadrature_reproduces_moments_density_and_functions():
    def run(key):
        return spectral_density(lambda v: MATRIX @ v, MATRIX[0], key=key, num_probes=12, num_steps=30)

    found = run(jax.random.key(3))
    assert found.nodes.shape == found.weights.shape == (12, 30)
    assert found.trace.num_matvecs == 360
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    assert abs(found.trace.value - EIGENVALUES.sum()) < 3 * found.trace.standard_error
    assert abs(found.second_moment.value - (EIGENVALUES**2).sum()) < 3 * found.second_moment.standard_error
    exact = np.sum(np.exp(EIGENVALUES))
    estimate = found.trace_of(jnp.exp)
    assert abs(estimate.value - exact) < 3 * estimate.standard_error < exact
    grid = np.linspace(-4, 6, 400)
    smooth, error = found.density(grid, 0.3), found.density_standard_error(grid, 0.3)
    truth = np.exp(-(((grid[:, None] - EIGENVALUES) / 0.3) ** 2) / 2).mean(axis=1) / (0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(np.trapezoid(smooth, grid), 1, rtol=1e-4)
    assert np.trapezoid(np.abs(smooth - truth), grid) < 0.15
    assert np.mean(np.abs(smooth - truth) <= 3 * error + 1e-3) > 0.95


def test_quadrature_is_exact_with_all_steps_in_float64():
    with jax.enable_x64(True):
        matrix = jnp.diag(jnp.linspace(1.0, 2.0, 12))
        found = spectral_density(lambda v: matrix @ v, matrix[0], key=jax.random.key(0), num_probes=2, num_steps=12)
        # Random signs weigh the eigenvectors of a diagonal matrix equally.
        np.testing.assert_allclose(found.nodes, np.tile(np.linspace(1, 2, 12), (2, 1)), atol=1e-10)
        np.testing.assert_allclose(found.weights, 1 / 12, atol=1e-10)
        log_det = log_determinant(lambda v: matrix @ v, matrix[0], key=jax.random.key(0), num_probes=2, num_steps=12)
        np.testing.assert_allclose(log_det.value, np.log(np.linspace(1, 2, 12)).sum(), atol=1e-10)


def test_an_invariant_subspace_leaves_weights_of_zero():
    found = spectral_density(lambda v: 2 * v, jnp.ones(9), key=jax.random.key(0), num_probes=3, num_steps=5)
    np.testing.assert_allclose(jnp.sort(found.weights, axis=1), np.tile([0, 0, 0, 0, 1], (3, 1)), atol=1e-6)
    np.testing.assert_allclose(found.trace.value, 18, rtol=1e-5)
    # The function is never asked about the zeros that fill the rule.
    np.testing.assert_allclose(found.trace_of(jnp.log).value, 9 * np.log(2), rtol=1e-5)


def test_log_determinant_and_its_shift():
    matrix = symmetric(np.linspace(1, 9, 50)).astype(np.float32)

    def run(shift):
        return log_determinant(
            lambda v: matrix @ v, matrix[0], key=jax.random.key(0), num_probes=20, num_steps=20, shift=shift
        )

    for shift in (0.0, 2.0):
        found = jax.jit(run)(shift)
        assert abs(found.value - np.log(np.linspace(1, 9, 50) + shift).sum()) < 3 * found.standard_error
    assert np.isnan(log_determinant(lambda v: -v, matrix[0], key=jax.random.key(0), num_probes=2, num_steps=2).value)


PADDED = np.random.default_rng(0).normal(size=(7, 13, 7, 13)).astype(np.float32)
SMALL = MATRIX.reshape(6, 10, 6, 10)
PADDED[:6, :10, :6, :10] = SMALL
REAL = np.zeros((7, 13), bool)
REAL[:6, :10] = True
ESTIMATORS = {
    "density": lambda f, like, **o: spectral_density(f, like, num_probes=3, num_steps=8, **o).nodes,
    "dimension": lambda f, like, **o: spectral_density(f, like, num_probes=2, num_steps=1, **o).dimension,
    "diagonal": lambda f, like, **o: diagonal(f, like, num_probes=4, **o).value[:6, :10],
} | {m: lambda f, like, m=m, **o: trace(f, like, num_probes=12, method=m, **o)[:2] for m in ("hutch++", "xtrace")}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_padding_changes_nothing(name):
    def operator(matrix):
        return lambda v: jnp.einsum("ijkl,kl->ij", matrix, v)

    run, key = ESTIMATORS[name], jax.random.key(5)
    alone = run(operator(SMALL), jnp.ones((6, 10)), key=key)
    packed = jax.jit(lambda mask: run(operator(PADDED), jnp.ones((7, 13)), key=key, mask=mask))(REAL)
    np.testing.assert_allclose(packed, alone, rtol=2e-4, atol=2e-4)


def test_probes_have_the_moments_of_their_distribution():
    # A second moment matrix far from the identity would bias every estimate: correlated coordinates.
    def run(key):
        return trace(lambda v: jnp.full_like(v, v.sum()), jnp.ones((5, 4)), key=key, num_probes=8)[:2]

    values, errors = over_keys(run)
    assert abs(values.mean() - 20) < 3.5 * values.std() / NUM_KEYS**0.5
    # Var(v^T 1 1^T v) = 2 (p^2 - p) for independent signs; eight are averaged.
    np.testing.assert_allclose(values.var(), 2 * (400 - 20) / 8, rtol=0.4)
    assert errors.min() > 0


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda **o: trace(num_probes=1, **o), "num_probes = 1 must be at least 2 for method 'hutchinson'"),
        (lambda **o: trace(num_probes=5, method="hutch++", **o), "num_probes = 5 must be at least 6"),
        (lambda **o: trace(num_probes=9, method="xtrase", **o), "method = 'xtrase' must be one of .*'xtrace'"),
        (
            lambda **o: spectral_density(num_probes=1, num_steps=3, **o),
            "num_probes = 1 must be an integer of at least 2",
        ),
        (lambda **o: spectral_density(num_probes=2, num_steps=0, **o), "num_steps = 0 must be"),
        (lambda **o: spectral_density(num_probes=2, num_steps=2, **o).density([0.0], 0.0), "sigma = 0.0 must be in"),
        (lambda **o: diagonal(num_probes=True, **o), "num_probes = True must be an integer"),
        (lambda **o: log_determinant(num_probes=2, num_steps=2, shift=-1.0, **o), "shift = -1.0 must be in"),
    ],
)
def test_bad_input(run, message):
    with pytest.raises(ConfigError, match=message):
        run(matvec=lambda v: v, like=jnp.ones(4), key=jax.random.key(0))
