"""Against the dense sum, closed forms and each other; calibrated errors; the naive Ritz sum is seen to fall short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure, theory
from gendyn.core import ConfigError
from gendyn.linalg import make_space


def spectrum(dimension=40, seed=0):
    """A positive semidefinite matrix with eigenvalues from 100 down to 1e-4, and its eigenvalues."""
    eigenvalues = np.geomspace(100.0, 1e-4, dimension)
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))[0]
    return (basis * eigenvalues) @ basis.T, eigenvalues


def lanczos(matrix, probe, num_steps):
    """Nodes and weights of one probe in float64 with full re-orthogonalisation: the textbook, for this test alone."""
    basis = [probe / np.linalg.norm(probe)]
    alphas, betas = [], []
    for _ in range(num_steps):
        vector = matrix @ basis[-1]
        alphas.append(basis[-1] @ vector)
        for _ in range(2):
            vector = vector - np.array(basis).T @ (np.array(basis) @ vector)
        betas.append(np.linalg.norm(vector))
        basis.append(vector / betas[-1])
    nodes, vectors = np.linalg.eigh(np.diag(alphas) + np.diag(betas[:-1], 1) + np.diag(betas[:-1], -1))
    return nodes, vectors[0] ** 2


def test_sum_of_a_spectrum_and_its_limits():
    _, eigenvalues = spectrum()
    for alpha in (1e-6, 0.1, 1e5):
        found = measure.effective_dimension(jnp.asarray(eigenvalues, jnp.float32), alpha)
        assert float(found) == pytest.approx(np.sum(eigenvalues / (eigenvalues + alpha)), rel=1e-5)
    assert float(measure.effective_dimension(jnp.array([5.0, 5.0, 0.0]), 5.0)) == 1.0
    with jax.enable_x64(True):
        found = measure.effective_dimension(jnp.asarray(eigenvalues), 0.1)
        assert found.dtype == jnp.float64 and float(found) == pytest.approx(
            np.sum(eigenvalues / (eigenvalues + 0.1)), rel=1e-13
        )


def test_marchenko_pastur_in_closed_form():
    x = np.random.default_rng(0).normal(size=(600, 300))
    eigenvalues = np.linalg.eigvalsh(x.T @ x / 600)
    for alpha in (0.05, 1.0):
        assert float(measure.effective_dimension(eigenvalues, alpha)) == pytest.approx(
            theory.iid_effective_dimension(600, 300, alpha), abs=1.0
        )


def test_negative_eigenvalues_are_clipped_or_kept():
    values = jnp.array([3.0, -0.5])
    assert float(measure.effective_dimension(values, 1.0)) == 0.75
    assert float(measure.effective_dimension(values, 1.0, negative="keep")) == pytest.approx(0.75 - 1.0)


def test_alpha_and_eigenvalues_may_be_traced_and_batched():
    _, eigenvalues = spectrum()
    alphas = jnp.array([0.01, 1.0])
    traced = jax.jit(jax.vmap(measure.effective_dimension, (None, 0)))(eigenvalues, alphas)
    np.testing.assert_allclose(traced, [measure.effective_dimension(eigenvalues, a) for a in alphas], rtol=1e-6)
    together = measure.effective_dimension(jnp.stack([jnp.asarray(eigenvalues)] * 2), alphas)
    np.testing.assert_allclose(together, traced, rtol=1e-6)


def test_quadrature_agrees_with_the_dense_sum_and_the_ritz_sum_stays_below_its_ceiling():
    matrix, eigenvalues = spectrum(dimension=200)
    alpha, random = 1.0, np.random.default_rng(1)
    runs = [lanczos(matrix, random.normal(size=200), 15) for _ in range(30)]
    nodes, weights = (np.stack(part) for part in zip(*runs, strict=True))
    truth = np.sum(eigenvalues / (eigenvalues + alpha))
    found = measure.effective_dimension_from_quadrature(nodes, weights, 200, alpha, scaling="mean over examples")
    assert abs(float(found.value) - truth) < 3 * float(found.standard_error) < 0.15 * truth
    assert (found.scaling, found.parameters, float(found.upper_limit)) == ("mean over examples", "all", 200.0)
    naive = measure.effective_dimension_from_ritz(nodes[0], alpha)
    assert float(naive.value) < float(naive.upper_limit) == 15 < 0.25 * truth
    assert np.isnan(float(naive.standard_error)) and naive.method == "sum over 15 Ritz values"
    assert float(measure.effective_dimension_from_ritz(nodes[0], 1e-12).value) <= 15


def test_padding_after_a_breakdown_counts_for_nothing():
    nodes, weights = jnp.array([[4.0, jnp.nan], [4.0, 7.0]]), jnp.array([[1.0, 0.0], [1.0, 0.0]])
    found = measure.effective_dimension_from_quadrature(nodes, weights, 5, 1.0)
    assert float(found.value) == 4.0 and float(found.standard_error) == 0.0


def test_hutchinson_agrees_with_the_dense_sum_in_both_precisions():
    matrix, eigenvalues = spectrum()
    truth = np.sum(eigenvalues / (eigenvalues + 0.5))
    for x64, tol in ((False, 1e-4), (True, 1e-7)):
        with jax.enable_x64(x64):
            held = jnp.asarray(matrix, jnp.float64 if x64 else jnp.float32)
            like = {"a": jax.ShapeDtypeStruct((10, 3), held.dtype), "b": jax.ShapeDtypeStruct((10,), held.dtype)}

            def matvec(tree, held=held):
                image = held @ jnp.concatenate([tree["a"].reshape(-1), tree["b"]])
                return {"a": image[:30].reshape(10, 3), "b": image[30:]}

            @jax.jit
            def estimate(key, matvec=matvec, like=like, tol=tol):
                return measure.effective_dimension_hutchinson(matvec, like, 0.5, key=key, num_probes=64, tol=tol)

            found = estimate(jax.random.key(0))
            assert abs(float(found.value) - truth) < 4 * float(found.standard_error) < 0.15 * truth
            assert float(found.dimension) == float(found.upper_limit) == 40
            # The same probes by a dense solve: what is left is the square of the solver's tolerance, and rounding.
            keys = jax.random.split(jax.random.key(0), 64)
            space, _ = make_space(matvec, like)
            probes = np.asarray(jax.jit(jax.vmap(space.rademacher))(keys))
            dense = np.mean([p @ matrix @ np.linalg.solve(matrix + 0.5 * np.eye(40), p) for p in probes])
            assert float(found.value) == pytest.approx(dense, rel=1e-10 if x64 else 1e-5)


def test_hutchinson_standard_errors_are_calibrated():
    matrix, eigenvalues = spectrum()
    truth = np.sum(eigenvalues / (eigenvalues + 0.5))
    held = jnp.asarray(matrix, jnp.float32)

    def z_score(key):
        found = measure.effective_dimension_hutchinson(
            lambda v: held @ v, jnp.zeros(40), 0.5, key=key, num_probes=30, tol=1e-4
        )
        return (found.value - truth) / found.standard_error

    scores = jax.jit(jax.vmap(z_score))(jax.random.split(jax.random.key(3), 200))
    assert 0.7 < np.var(scores) < 1.4 and abs(np.mean(scores)) < 0.3


def test_a_mask_is_the_submatrix_and_may_be_traced():
    matrix, _ = spectrum(seed=2)
    kept = np.arange(40) < 23
    inner = np.linalg.eigvalsh(matrix[:23, :23])
    held = jnp.asarray(matrix, jnp.float32)

    def estimate(mask):
        return measure.effective_dimension_hutchinson(
            lambda v: held @ v, jnp.zeros(40), 0.5, key=jax.random.key(0), num_probes=64, mask=mask, parameters="first"
        )

    found = jax.jit(estimate)(jnp.asarray(kept))
    assert float(found.dimension) == 23 and found.parameters == "first"
    assert abs(float(found.value) - np.sum(inner / (inner + 0.5))) < 3 * float(found.standard_error)


def test_zero_padding_changes_nothing():
    matrix, _ = spectrum(dimension=12, seed=3)
    held = jnp.asarray(matrix, jnp.float32)

    def estimate(shape):
        kept = jnp.pad(jnp.ones((4, 3)), [(0, n - m) for n, m in zip(shape, (4, 3), strict=True)])

        def matvec(tree):
            # Padding need not be inert: cross terms there are what the mask is for.
            inside = (held @ tree[:4, :3].reshape(-1)).reshape(4, 3)
            return jnp.full(shape, jnp.sum(tree)).at[:4, :3].set(inside)

        return measure.effective_dimension_hutchinson(
            matvec, jnp.zeros(shape), 0.5, key=jax.random.key(0), num_probes=4, mask=kept
        )

    plain, padded = jax.jit(lambda: (estimate((4, 3)), estimate((6, 5))))()
    assert float(plain.value) == pytest.approx(float(padded.value), rel=1e-5)
    assert float(plain.dimension) == float(padded.dimension) == float(padded.upper_limit) == 12


def test_an_unfinished_solve_and_an_indefinite_matrix_give_nan():
    matrix, _ = spectrum()
    held = jnp.asarray(matrix, jnp.float32)

    def estimate(sign, **options):
        return measure.effective_dimension_hutchinson(
            lambda v: sign * (held @ v), jnp.zeros(40), 1e-3, key=jax.random.key(0), num_probes=2, **options
        ).value

    signs = jax.jit(jax.vmap(lambda sign: estimate(sign, max_steps=1000)))(jnp.array([1.0, -1.0]))
    assert np.isfinite(signs).tolist() == [True, False]
    assert np.isnan(jax.jit(lambda: estimate(1.0, max_steps=2))())


def test_a_single_probe_has_an_unknown_error():
    def estimate(key):
        return measure.effective_dimension_hutchinson(lambda v: v, jnp.zeros(3), 1.0, key=key, num_probes=1)

    found = jax.jit(estimate)(jax.random.key(0))
    assert float(found.value) == 1.5 and np.isnan(float(found.standard_error))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure.effective_dimension(jnp.ones(3), 0.0), r"alpha = 0.0 must be in \(0, inf\)"),
        (lambda: measure.effective_dimension(jnp.ones(3), np.nan), r"alpha = nan must be in"),
        (lambda: measure.effective_dimension(jnp.ones(3, complex), 1.0), "must be a real array"),
        (lambda: measure.effective_dimension(jnp.ones(0), 1.0), r"shape \(0,\)"),
        (lambda: measure.effective_dimension(jnp.ones(3), 1.0, negative="drop"), "negative = 'drop' must be one of"),
        (lambda: measure.effective_dimension_from_ritz(jnp.ones((2, 3)), 1.0), r"it must be \[m\], of one run"),
        (lambda: measure.effective_dimension_from_quadrature(jnp.ones(3), jnp.ones(3), 3, 1.0), r"\[probes, nodes\]"),
    ],
)
def test_bad_spectra_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


@pytest.mark.parametrize(
    ("like", "options", "message"),
    [
        ({}, {}, "like holds no coordinates"),
        (jnp.zeros(3, int), {}, "like has a leaf of dtype int32: leaves must be real"),
        (jnp.zeros(3, complex), {}, "like has a leaf of dtype complex64"),
        (jnp.zeros(3), {"num_probes": 0}, "num_probes = 0 must be an integer of at least 1"),
        (jnp.zeros(3), {"tol": 0.0}, "tol = 0.0 must be in"),
    ],
)
def test_bad_operators_are_refused_before_anything_runs(like, options, message):
    def never(_):
        raise AssertionError

    with pytest.raises(ConfigError, match=message):
        measure.effective_dimension_hutchinson(never, like, 1.0, key=jax.random.key(0), **options)
