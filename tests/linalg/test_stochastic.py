"""Random estimates: unbiased, with standard errors that mean what they say; exact where they should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import diagonal, log_determinant, spectral_density, standard_error, trace
from gendyn.measure import effective_dimension_from_quadrature

EIGENVALUES = np.linspace(-1, 3, 60)
NUM_KEYS = 200


def symmetric(eigenvalues, seed=0):
    size = len(eigenvalues)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return (basis * eigenvalues) @ basis.T


MATRIX = symmetric(EIGENVALUES).astype(np.float32)


SPECTRA = {
    "flat": EIGENVALUES,
    "decaying": 1 / np.arange(1.0, 61.0),
    "outliers": np.concatenate([np.linspace(-0.1, 0.1, 56), [2.0, 4.0, 6.0, 10.0]]),  # as of a trained network
}
SHIFT, GRID, SIGMA = 1.2, np.array([0.0, 1.0]), 0.4
MATVECS = {"hutchinson": 32, "hutch++": 36, "xtrace": 48}


def estimates(matrix, key):
    """Every estimate with its standard error."""

    def matvec(v):
        return matrix @ v

    found = {
        method: trace(matvec, matrix[0], key=key, num_probes=count, method=method)[:2]
        for method, count in MATVECS.items()
    }
    density = spectral_density(matvec, matrix[0], key=key, num_probes=32, num_steps=12)
    found |= {"density's trace": density.trace[:2], "second moment": density.second_moment[:2]}
    found["log determinant"] = density.trace_of(lambda t: jnp.log(t + SHIFT))[:2]
    found["density"] = density.density(GRID, SIGMA), density.density_standard_error(GRID, SIGMA)
    effective = effective_dimension_from_quadrature(density.nodes, density.weights, density.dimension, 0.5)
    found["effective dimension"] = effective.value, effective.standard_error
    found["diagonal"] = diagonal(matvec, matrix[0], key=key, num_probes=32)[:2]
    return found


def truths(matrix):
    matrix = matrix.astype(np.float64)
    values = np.linalg.eigvalsh(matrix)
    bumps = np.exp(-(((GRID[:, None] - values) / SIGMA) ** 2) / 2) / (SIGMA * np.sqrt(2 * np.pi))
    positive = np.maximum(values, 0)
    return dict.fromkeys((*MATVECS, "density's trace"), values.sum()) | {
        "second moment": (values**2).sum(),
        "log determinant": np.log(values + SHIFT).sum(),
        "density": bumps.mean(axis=1),
        "effective dimension": (positive / (positive + 0.5)).sum(),
        "diagonal": np.diag(matrix),
    }


@pytest.fixture(scope="module")
def sampled():
    """Spectrum -> its matrix, and every estimate for 200 keys: one program."""
    matrices = {name: symmetric(values).astype(np.float32) for name, values in SPECTRA.items()}
    keys = jax.random.split(jax.random.key(7), NUM_KEYS)
    run = jax.jit(jax.vmap(estimates, (None, 0)))
    return {name: (matrix, jax.device_get(run(matrix, keys))) for name, matrix in matrices.items()}


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_estimates_are_unbiased_and_their_standard_errors_calibrated(sampled, spectrum):
    """Over 200 keys, with the numbers of probes above. Entries of one diagonal or density share a variance."""
    matrix, found = sampled[spectrum]
    for name, truth in truths(matrix).items():
        values, errors = (np.asarray(part, np.float64) for part in found[name])
        z = (values - truth) / errors
        assert 0.7 < z.var(axis=0).mean() < 1.4, (name, z.var(axis=0))
        # Unbiased: the mean of 200 values against its own standard error (of 60 entries the largest).
        off = np.abs(values.mean(axis=0) - truth) / (values.std(axis=0) / NUM_KEYS**0.5)
        assert np.max(off) < 4, (name, off)


def test_few_samples_have_longer_error_bars():
    """By the spread of Student's t, and more where they are skewed; two of them as if four."""
    bare = {n: np.std(np.arange(n), ddof=1) / n**0.5 for n in (2, 4, 8, 1000)}
    factors = {n: float(standard_error(jnp.arange(float(n)))) / bare[n] for n in bare}
    np.testing.assert_allclose([factors[n] for n in (2, 4, 8)], np.sqrt([3, 3, 7 / 5]), rtol=1e-5)
    np.testing.assert_allclose(factors[1000], 1, atol=2e-3)
    skewed = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    assert float(standard_error(skewed)) > 1.5 * np.sqrt(7 / 5) * np.std(skewed, ddof=1) / 8**0.5
    np.testing.assert_allclose(standard_error(1e15 * skewed), 1e15 * standard_error(skewed), rtol=1e-5)
    assert float(standard_error(jnp.ones(5))) == 0


@pytest.mark.parametrize("method", ["hutch++", "xtrace"])
def test_low_rank_traces_are_exact(method):
    run = jax.jit(lambda a: trace(lambda v: a @ v, a[0], key=jax.random.key(1), num_probes=18, method=method))
    for eigenvalues in ([5.0, -3.0, 1.0] + [0.0] * 37, [0.0] * 40):
        found = run(symmetric(eigenvalues).astype(np.float32))
        np.testing.assert_allclose(found.value, sum(eigenvalues), atol=3e-5)
        assert float(found.standard_error) < 1e-4
        assert found.num_matvecs == 18


@pytest.mark.parametrize("method", ["hutch++", "xtrace"])
def test_more_probes_than_dimensions(method):
    matrix = np.diag([1.0, 2.0, 3.0]).astype(np.float32)
    found = trace(lambda v: matrix @ v, matrix[0], key=jax.random.key(1), num_probes=12, method=method)
    np.testing.assert_allclose(found.value, 6.0, rtol=1e-5)


def test_the_better_methods_are_better_where_they_should_be(sampled):
    # At equal cost: the variance of fewer probes is scaled to that of 48.
    _, found = sampled["decaying"]
    spread = {method: found[method][0].std() * (MATVECS[method] / 48) ** 0.5 for method in MATVECS}
    assert spread["xtrace"] < 0.5 * spread["hutchinson"]
    assert spread["hutch++"] < 0.8 * spread["hutchinson"]


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
    "density": lambda f, like, **o: [*spectral_density(f, like, num_probes=3, num_steps=8, **o)[::2]],
    "diagonal": lambda f, like, **o: diagonal(f, like, num_probes=4, **o).value[:6, :10],
} | {m: lambda f, like, m=m, **o: trace(f, like, num_probes=12, method=m, **o)[:2] for m in ("hutch++", "xtrace")}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_padding_changes_nothing(name):
    def operator(matrix):
        return lambda v: jnp.einsum("ijkl,kl->ij", matrix, v)

    run, key = ESTIMATORS[name], jax.random.key(5)
    alone = jax.jit(lambda a: run(operator(a), jnp.ones((6, 10)), key=key))(SMALL)
    packed = jax.jit(lambda mask: run(operator(PADDED), jnp.ones((7, 13)), key=key, mask=mask))(REAL)
    for a, b in zip(jax.tree.leaves(packed), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_probes_have_the_moments_of_their_distribution():
    # A second moment matrix far from the identity would bias every estimate: correlated coordinates.
    @jax.vmap
    def run(key):
        return trace(lambda v: jnp.full_like(v, v.sum()), jnp.ones((5, 4)), key=key, num_probes=8)[:2]

    values, errors = jax.jit(run)(jax.random.split(jax.random.key(7), NUM_KEYS))
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
