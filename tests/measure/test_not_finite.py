"""What every instrument says of NaN and infinity, of zeros, and of nothing: never what reads like a result.

Each public function of the room is in one of the tables below; one that is new and in none fails.
"""

import inspect
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure
from gendyn.core import ConfigError

VALUES = jnp.arange(1.0, 6.0)
MATRIX = jnp.asarray(np.cov(np.random.default_rng(0).standard_normal((5, 40))), jnp.float32)
TABLE = jax.random.normal(jax.random.key(0), (5, 5, 5))
TARGETS = jax.random.normal(jax.random.key(1), (5, 2))
LABELS = jnp.zeros(5, jnp.int32)
STEPS = jnp.arange(3)
NETWORK = {"learning_rate": 0.1}


def slow_fraction(series):
    return measure.temporal_gradient_spectrum(
        lambda at: (at + 1, series * at), 0, 16, key=jax.random.key(0), cutoff=0.2
    )[2:4]


def quadrature(nodes, weights):
    return measure.effective_dimension_from_quadrature(nodes, weights, 5, 1.0).value


SPECTRUM = {"outputs": jnp.zeros((5, 1)), "targets": jnp.ones((5, 1)), "times": 3.0, **NETWORK}
ARRAYS = {
    # case: function of one array, the array, what it says of zeros (None: see its own test), of no entry
    "effective_rank": (measure.effective_rank, MATRIX, 0.0, ConfigError),
    "stable_rank": (measure.stable_rank, MATRIX, 0.0, ConfigError),
    "spectral_effective_rank": (measure.spectral_effective_rank, VALUES, 0.0, ConfigError),
    "participation_ratio": (measure.participation_ratio, VALUES, 0.0, ConfigError),
    "negative_mass_fraction": (measure.negative_mass_fraction, VALUES, 0.0, ConfigError),
    "negative_mass_fraction: weights": (lambda w: measure.negative_mass_fraction(VALUES, w), VALUES, 0.0, ConfigError),
    "effective_dimension": (lambda v: measure.effective_dimension(v, 1.0), VALUES, 0.0, ConfigError),
    "effective_dimension_from_ritz": (
        lambda v: measure.effective_dimension_from_ritz(v, 1.0).value, VALUES, 0.0, ConfigError,
    ),
    "effective_dimension_from_quadrature": (lambda n: quadrature(n, jnp.full((5, 5), 0.2)), MATRIX, 0.0, ConfigError),
    "effective_dimension_from_quadrature: weights": (
        lambda w: quadrature(jnp.ones((5, 5)), w), MATRIX, 0.0, ConfigError,
    ),
    "gini": (measure.gini, VALUES, 0.0, ConfigError),
    "fourier_norms": (measure.fourier_norms, MATRIX, 0.0, ConfigError),
    "logit_spectrum": (measure.logit_spectrum, TABLE, 0.0, ConfigError),
    "frequency_shares": (measure.frequency_shares, TABLE, 0.0, ConfigError),
    "sum_component": (lambda t: measure.sum_component(t, jnp.ones(2)).sum(), TABLE, 0.0, ConfigError),
    "trigonometric_coefficients": (measure.trigonometric_coefficients, TABLE, 0.0, ConfigError),
    "trigonometric_component": (lambda t: measure.trigonometric_component(t).sum(), TABLE, 0.0, ConfigError),
    "condition_number": (measure.condition_number, VALUES, jnp.inf, ConfigError),
    "predicted_decay": (lambda v: measure.predicted_decay(v, 3.0, 0.1)[0], VALUES, 1.0, None),
    "predicted_decay: descent": (
        lambda v: measure.predicted_decay(v, 3.0, 0.1, rule="descent")[0], VALUES, 1.0, None,
    ),
    "residual_projection": (lambda r: measure.residual_projection(MATRIX, r), VALUES, 0.0, ConfigError),
    "linearised_predictions": (
        lambda v: measure.linearised_predictions(v, jnp.eye(5), **SPECTRUM)[0], VALUES, None, ConfigError,
    ),
    "linearisation_error": (
        lambda k: measure.linearisation_error(k, jnp.ones((3, 5, 2)), TARGETS, STEPS, num_train=3, **NETWORK),
        MATRIX, None, ConfigError,
    ),
    "linearisation_error: outputs": (
        lambda f: measure.linearisation_error(MATRIX, f, TARGETS, STEPS, num_train=3, **NETWORK),
        jnp.ones((3, 5, 2)), None, ConfigError,
    ),
    "kernel_alignment": (lambda k: measure.kernel_alignment(k, MATRIX), MATRIX, jnp.nan, ConfigError),
    "kernel_velocity": (lambda k: measure.kernel_velocity(k, MATRIX), MATRIX, jnp.nan, ConfigError),
    "kernel_change": (lambda k: measure.kernel_change(k, MATRIX, TARGETS), MATRIX, None, ConfigError),
    "target_alignment": (lambda k: measure.target_alignment(k, TARGETS), MATRIX, jnp.nan, ConfigError),
    "target_alignment: targets": (lambda y: measure.target_alignment(MATRIX, y), TARGETS, jnp.nan, ConfigError),
    "logit_margin": (lambda f: measure.logit_margin(f, LABELS)[0], MATRIX, 0.0, None),
    "welch_density": (lambda s: measure.welch_density(s)[1], jnp.arange(1.0, 17.0), 0.0, ConfigError),
    "temporal_gradient_spectrum": (slow_fraction, VALUES, 0.0, None),
    "signal_to_noise": (lambda d: measure.signal_to_noise(jnp.ones(()), d, VALUES)[2:], VALUES, None, None),
    "signal_to_noise: products": (
        lambda d: measure.signal_to_noise(jnp.ones(()), VALUES, d).standard_error, VALUES, None, None,
    ),
}  # fmt: skip
FALSE = {"collapsed", "key_frequencies"}
"""A bool cannot be NaN: false, as the docstring says."""
NO_ARRAY = {"group_elements", "group_table", "leaf_mask", "intersect_masks", "count_parameters"}
"""Re-arrange, or know no number."""
OPERATORS = {
    "effective_dimension_hutchinson", "hessian_matvec", "hessian_operator", "hessian_top", "hessian_spectrum",
    "ggn_matvec", "ggn_top", "ggn_spectrum", "fisher_matvec", "gradient_second_moment_matvec", "empirical_ntk",
    "ntk_eigh", "ntk_matvec",
}  # fmt: skip
"""Of a network: they refuse parameters that are not finite, see test_operators and test_ntk."""


def test_every_instrument_is_asked():
    public = {name for name, value in vars(measure).items() if not name.startswith("_")}
    functions = {name for name in public if isinstance(getattr(measure, name), types.FunctionType)}
    functions -= {name for name in public if inspect.ismodule(getattr(measure, name))}
    assert functions == {case.split(":")[0] for case in ARRAYS} | FALSE | NO_ARRAY | OPERATORS


@pytest.mark.parametrize("case", ARRAYS)
def test_not_finite_is_no_result(case):
    function, array, of_zeros, of_nothing = ARRAYS[case]
    first = (0,) * array.ndim
    broken = [array.at[first].set(value) for value in (jnp.nan, jnp.inf, -jnp.inf)]
    found = jax.jit(jax.vmap(function))(jnp.stack([array, jnp.zeros_like(array), *broken]))
    for leaf in jax.tree.leaves(found):
        assert np.isfinite(leaf[0]).all()
        assert not np.isfinite(leaf[2:]).any()
        assert np.isnan(leaf[2]).all()
        if of_zeros is not None:
            np.testing.assert_array_equal(leaf[1], np.full(leaf[1].shape, of_zeros))
    if of_nothing is not None:
        with pytest.raises(of_nothing):
            function(array[:0])


def test_what_is_said_of_a_bool_is_no():
    assert not measure.collapsed(jnp.full((2, 3), jnp.nan), jnp.zeros(2, jnp.int32)).any()
    shares = jnp.array([0.5, jnp.nan, 0.01, 0.01, 0.01])
    assert not jax.jit(measure.key_frequencies)(shares).any()
    with pytest.raises(ConfigError, match="shares are not finite: no frequency"):
        measure.key_frequencies(shares)


def test_data_that_are_not_finite_have_no_spectrum():
    x = jnp.eye(3).at[0, 0].set(jnp.inf)
    found = measure.ntk_eigh(lambda w, x: x @ w, jnp.ones((3, 1)), x)
    assert all(np.isnan(leaf).all() for leaf in found)
