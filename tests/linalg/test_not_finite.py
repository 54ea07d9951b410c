"""What every instrument says of an operator that is not finite, of one that is 0, and of no coordinate.

Each public function of the room is in one of the tables below; one that is new and in none fails.
"""

import functools
import inspect
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import linalg
from gendyn.core import ConfigError

MATRIX = jnp.diag(jnp.arange(1.0, 7.0)) + 0.1
VECTOR = jnp.arange(1.0, 7.0)
PROBES = {"key": jax.random.key(0), "num_probes": 12}
KRYLOV = {"key": jax.random.key(0), "num_probes": 3, "num_steps": 4}


def trace(matrix, method, like=VECTOR):
    return linalg.trace(lambda v: matrix @ v, like, method=method, **PROBES)[:2]


def spectrum(matrix, like=VECTOR):
    found = linalg.spectral_density(lambda v: matrix @ v, like, **KRYLOV)
    grid = jnp.array([1.0, 2.0])
    smooth = found.density(grid, 0.5), found.density_standard_error(grid, 0.5)
    return *smooth, found.nodes[:, 0], found.trace[:2], found.second_moment[:2], found.trace_of(jnp.tanh)[:2]


def pairs(matrix, which, like=VECTOR):
    return linalg.top_eigenpairs(lambda v: matrix @ v, like, 2, key=PROBES["key"], which=which)._replace(
        num_matvecs=None
    )


OPERATORS = {
    # case: function of a matrix, what it says of a matrix of zeros
    "trace: hutchinson": (lambda m, *like: trace(m, "hutchinson", *like), 0.0),
    "trace: hutch++": (lambda m, *like: trace(m, "hutch++", *like), 0.0),
    "trace: xtrace": (lambda m, *like: trace(m, "xtrace", *like), 0.0),
    "log_determinant": (
        lambda m, *like: linalg.log_determinant(lambda v: m @ v, *like or [VECTOR], **KRYLOV)[:2], np.nan,
    ),
    "log_determinant: shift": (
        lambda m, *like: linalg.log_determinant(lambda v: m @ v, *like or [VECTOR], shift=1.0, **KRYLOV)[:2], 0.0,
    ),
    "spectral_density": (lambda m, *like: spectrum(m, *like), None),
    "top_eigenpairs: largest": (lambda m, *like: pairs(m, "largest", *like), None),
    "top_eigenpairs: magnitude": (lambda m, *like: pairs(m, "magnitude", *like), None),
    "diagonal": (
        lambda m, *like: linalg.diagonal(lambda v: m @ v, *like or [VECTOR], **PROBES)[:2], 0.0,
    ),
    "lanczos": (lambda m, *like: linalg.lanczos(lambda v: m @ v, *like or [VECTOR], 3).alphas[0], 0.0),
}  # fmt: skip
OTHERS = {"haar_orthogonal", "make_space", "standard_error"}
"""Each has its own test below; of the operator of make_space see those of the functions that call it."""
ENTRYWISE = {"diagonal"}
"""Coordinates that a broken entry does not reach keep what is known of them."""


def test_every_instrument_is_asked():
    functions = {name for name, value in vars(linalg).items() if isinstance(value, types.FunctionType)}
    functions -= {name for name in functions if inspect.ismodule(getattr(linalg, name))}
    assert functions == {case.split(":")[0] for case in OPERATORS} | OTHERS


@functools.cache
def asked(case):
    """Of a matrix, of zeros, and of matrices that are not finite: along the first axis."""
    broken = [MATRIX.at[0, 0].set(value) for value in (jnp.inf, -jnp.inf, jnp.nan)]
    broken.append(MATRIX.at[0, 1].set(jnp.nan).at[1, 0].set(jnp.nan))
    return jax.jit(jax.vmap(OPERATORS[case][0]))(jnp.stack([MATRIX, jnp.zeros_like(MATRIX), *broken]))


@pytest.mark.parametrize("case", OPERATORS)
def test_an_operator_that_is_not_finite_has_no_result(case):
    function, of_zeros = OPERATORS[case]
    for leaf in jax.tree.leaves(asked(case)):
        if leaf.dtype == bool:  # converged
            assert leaf.tolist() == [True, True, False, False, False, False]
            continue
        assert np.isfinite(leaf[0]).all()
        broken = leaf[2:, 0] if case in ENTRYWISE else leaf[2:]
        assert not np.isfinite(broken).any()
        assert np.isnan(broken[2:]).all()
        if of_zeros is not None:
            np.testing.assert_array_equal(leaf[1], np.full(leaf[1].shape, of_zeros))
    with pytest.raises(ConfigError, match="no coordinates"):
        function(MATRIX, jnp.zeros(0))


def test_zero_has_all_its_eigenvalues_at_zero():
    of_zeros = jax.tree.map(lambda leaf: leaf[1], (asked("spectral_density"), asked("top_eigenpairs: largest")))
    (density, error, nodes, *moments), found = of_zeros
    expected = np.exp(-(np.array([1.0, 2.0]) ** 2) / 0.5) / (0.5 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density, expected, rtol=1e-5)
    np.testing.assert_allclose(error, 0.0, atol=1e-7)
    for leaf in jax.tree.leaves((nodes, moments, found.values, found.residuals)):
        np.testing.assert_array_equal(leaf, np.zeros(leaf.shape))


def test_a_start_that_is_not_finite_spans_nothing_known():
    def first(start):
        found = linalg.lanczos(lambda v: MATRIX @ v, start, 3)
        return found.alphas[0], found.rank

    starts = jnp.stack([VECTOR, 0 * VECTOR, VECTOR.at[0].set(jnp.nan), VECTOR.at[0].set(jnp.inf)])
    alpha, rank = jax.jit(jax.vmap(first))(starts)
    assert np.isfinite(alpha).tolist() == [True, True, False, False]
    assert rank.tolist()[:2] == [3, 0]
    for broken in starts[1:]:
        with pytest.raises(ConfigError, match="v0"):
            first(broken)


def test_standard_error_of_what_is_not_finite():
    samples = jnp.stack([VECTOR, VECTOR.at[0].set(jnp.nan), VECTOR.at[0].set(jnp.inf)], axis=1)
    assert np.isfinite(linalg.standard_error(samples)).tolist() == [True, False, False]
    assert linalg.standard_error(jnp.zeros(6)) == 0
    assert np.isnan(linalg.standard_error(jnp.ones(1)))
    for nothing in (jnp.zeros(0), jnp.zeros((0, 3)), jnp.zeros(())):
        with pytest.raises(ConfigError, match="at least one sample"):
            linalg.standard_error(nothing)


def test_orthogonal_matrices_are_made_of_finite_draws():
    for broken in (np.nan, np.inf):
        with pytest.raises(ConfigError, match="gaussians"):
            linalg.haar_orthogonal(np.array([[broken, 1.0], [2.0, 3.0]]))
    for singular in (np.zeros((2, 2)), np.ones((2, 2))):
        q = linalg.haar_orthogonal(singular)
        np.testing.assert_allclose(q.T @ q, np.eye(2), atol=1e-12)
    assert linalg.haar_orthogonal(np.zeros((0, 2, 2))).shape == (0, 2, 2)


def test_no_real_coordinate_is_refused():
    with pytest.raises(ConfigError, match="no coordinates"):
        linalg.make_space(lambda v: v, jnp.zeros(0))
    with pytest.raises(ConfigError, match="keeps no coordinate"):
        linalg.make_space(lambda v: v, VECTOR, jnp.zeros(6, bool))
