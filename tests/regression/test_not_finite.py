"""What every learner says of NaN and infinity, of zeros, and of nothing: never what reads like a result.

Data that are known are refused; traced ones, which cannot be looked at, give NaN. Each public function of the room is
in one of the tables below; one that is new and in none fails.
"""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn import regression
from gendyn.core import ConfigError

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (6, 3))
Y = jax.random.normal(jax.random.key(2), (6,))
KERNEL = X @ X.T + jnp.eye(6)
ONE = jnp.ones(1)
COLUMN, PENALTIES = Y[:, None], jnp.ones((2, 1))
LABELS = np.array([0, 1, 0, 1, 1, 0])
NOISE = {"noise_variance": 0.5}
RBF = regression.rbf()
PRIOR = (RBF, RBF.init())
NOISY = RBF + regression.white()
STUDENT = {"dimension": 4, "num_train": 6, "num_test": 5, "steps": (1, 3)}


@functools.cache
def fitted():
    return {
        "gp": regression.gaussian_process(*PRIOR, X, COLUMN, **NOISE),
        "laplace": regression.gp_laplace(*PRIOR, X, LABELS),
        "conjugate": regression.gp_conjugate_gradient(*PRIOR, X, Y, max_steps=20, **NOISE),
        "linear": regression.bayesian_linear(X, Y, **NOISE),
    }


def posterior(x):
    found = regression.bayesian_linear(x, Y, **NOISE)
    return found[:2] + found[3:]  # without the noise, which is as given


def nested(x, fixed, own):
    return regression.nested_ridge(x, COLUMN, (1, 3), fixed, own * PENALTIES, axis="features")


def ensemble(x, one_hot):
    y, targets = jnp.stack([Y, -Y], axis=1), jnp.stack([Y, -Y], axis=1)
    draws = jax.random.split(KEY, 2), regression.random_sphere_features
    options = {"sizes": (3,), "penalties": np.ones((1, 1)), "one_hot": one_hot}
    return regression.feature_ensemble(*draws, x, y, x, targets, **options)


def left_out(variance):
    found = regression.gp_leave_one_out(fitted()["gp"], COLUMN)
    return regression.gp_expected_log_evidence(fitted()["gp"], COLUMN, variance[:, None], found)


def kernels(name, **options):
    covariance = getattr(regression, name)(**options)
    params = covariance.init()
    return lambda x: (covariance(params, x), covariance(params, x, X), covariance.variance(params, x))


TRACED = {
    # case: function of one array, the array, whether a known array that is not finite is refused
    "least_squares": (lambda x: regression.least_squares(x, Y), X, True),
    "least_squares: y": (lambda y: regression.least_squares(X, y)[::4], Y, True),
    "ridge": (lambda x: regression.ridge(x, Y, 1.0), X, True),
    "ridge: penalty": (lambda p: regression.ridge(X, Y, p)[:4], ONE, True),
    "ridge: weights": (lambda w: regression.ridge(X, Y, 1.0, weights=w), jnp.ones(3), True),
    "kernel_ridge": (lambda k: regression.kernel_ridge(k, Y, 1.0), KERNEL, True),
    "kernel_ridge: eigh": (lambda k: regression.kernel_ridge(k, Y, 1.0, method="eigh"), KERNEL, True),
    "kernel_ridge: penalty": (lambda p: regression.kernel_ridge(KERNEL, Y, p[0], method="eigh"), ONE, True),
    "prefix_least_squares": (lambda x: regression.prefix_least_squares(x, Y[:2], (1, 3)), X[:2], True),
    "prefix_ridge": (lambda x: regression.prefix_ridge(x, Y, 1.0, (1, 3)), X, True),
    "prefix_ridge: penalty": (lambda p: regression.prefix_ridge(X, Y, p[0], (1, 3)), ONE, True),
    "nested_ridge": (lambda x: nested(x, ONE, 1.0), X, False),
    "nested_ridge: penalties": (lambda p: nested(X, p, 1.0).fixed, ONE, False),
    "nested_ridge: own": (lambda p: nested(X, ONE, p).own, ONE, False),
    "nested_singular_values": (lambda x: regression.nested_singular_values(x, (1, 3)), X, False),
    "minimum_norm_gap": (lambda x: regression.minimum_norm_gap(x, Y, jnp.ones(3)), X, True),
    "minimum_norm_gap: coefficients": (lambda w: regression.minimum_norm_gap(X, Y, w)[:4], jnp.ones(3), True),
    "angle": (lambda v: regression.angle(v, jnp.arange(3.0)), jnp.ones(3), True),
    "bayesian_linear": (posterior, X, True),
    "bayesian_linear: prior": (
        lambda v: regression.bayesian_linear(X, Y, prior_variance=v[0], **NOISE)[:2], ONE, True,
    ),
    "bayesian_linear: noise": (lambda v: regression.bayesian_linear(X, Y, noise_variance=v[0]), ONE, True),
    "bayesian_predictive": (lambda x: regression.bayesian_predictive(fitted()["linear"], x), X[:1], True),
    "sequential_log_densities": (lambda x: regression.sequential_log_densities(x, Y, **NOISE), X, True),
    "expected_log_evidence": (lambda x: regression.expected_log_evidence(x, Y, **NOISE), X, True),
    "gaussian_process": (lambda x: regression.gaussian_process(*PRIOR, x, Y, **NOISE)[1:], X, True),
    "gaussian_process: y": (lambda y: regression.gaussian_process(*PRIOR, X, y, **NOISE)[2:4], Y, False),
    "gaussian_process: noise": (
        lambda v: regression.gaussian_process(*PRIOR, X, Y, noise_variance=v[0])[1:], ONE, True,
    ),
    "gp_predict": (lambda x: regression.gp_predict(*PRIOR, fitted()["gp"], x).variance, X[:1], False),
    "gp_leave_one_out": (lambda y: regression.gp_leave_one_out(fitted()["gp"], y[:, None])[::2][0][:1], Y, False),
    "gp_expected_log_evidence": (left_out, jnp.ones(6), False),
    "gp_laplace": (lambda x: regression.gp_laplace(*PRIOR, x, LABELS)[1:6], X, True),
    "gp_laplace_predict": (
        lambda x: regression.gp_laplace_predict(*PRIOR, fitted()["laplace"], x)[::2], X[:1], False,
    ),
    "gp_conjugate_gradient": (
        lambda x: regression.gp_conjugate_gradient(*PRIOR, x, Y, max_steps=20, **NOISE)[1::2], X, False,
    ),
    "gp_optimise": (
        lambda v: regression.gp_optimise(lambda p: -((p * v[0] - 1) ** 2), jnp.zeros(()), key=KEY, num_steps=2)[:2],
        ONE, False,
    ),
    "polynomial_features": (lambda x: regression.polynomial_features(x, 3)[:, 1:], Y[:1], True),
    "polynomial_kernel": (lambda x: regression.polynomial_kernel(x, Y[:1], 2), Y[:1], True),
    "random_fourier_features": (lambda x: regression.random_fourier_features(KEY, x, 4), X[:1], True),
    "isotropic_risk": (lambda w: regression.isotropic_risk(w[:, None]), jnp.ones(3), False),
    "factored_descent": (
        lambda t: regression.factored_descent(jnp.ones((2, 2, 2)) + jnp.eye(2), t, 0.01, (2,)), jnp.eye(2), False,
    ),
    "descent_path": (lambda s: regression.descent_path(lambda w: KERNEL @ w, s, optax.sgd(0.01), (1, 2)), Y, False),
    "linear_student": (
        lambda r: regression.linear_student(KEY, learning_rate=r[0], tolerance=0.1, **STUDENT), ONE, True,
    ),
    "separable_descents": (
        lambda s: regression.separable_descents(s, (1, 2), learning_rate=1.0, momentum=0.9, adam_learning_rate=0.1),
        X, False,
    ),
    "feature_ensemble": (lambda x: ensemble(x, False), X, False),
    "feature_ensemble: classes": (lambda x: ensemble(x, True), X, False),
    "matern12": (kernels("matern12"), X[:1], False),
    "matern32": (kernels("matern32"), X[:1], False),
    "matern52": (kernels("matern52"), X[:1], False),
    "rbf": (kernels("rbf"), X[:1], False),
    "linear": (kernels("linear"), X[:1], False),
    "arc_cosine": (kernels("arc_cosine"), X[:1], False),
    "arc_cosine: steps": (kernels("arc_cosine", order=0), X[:1], False),
    "relu_tangent": (kernels("relu_tangent"), X[:1], False),
}  # fmt: skip
LIMITS = {
    "ridge: penalty", "ridge: weights", "nested_ridge: penalties", "nested_ridge: own", "bayesian_linear: noise",
    "matern12", "matern32", "matern52", "rbf",
}  # fmt: skip
"""Of infinity they may answer with the limit: coefficients of 0, or points infinitely far apart."""
HOST = {"max_margin", "max_sup_margin", "relative_margins", "prefix_fits", "fit_relu_networks"}
ARGUMENTS = {
    "balanced_factors", "constant", "crossed_sphere_fits", "isotropic_sample", "law_average", "matrix_completions",
    "separable_sample", "sphere_penalty", "sphere_sample", "spectrum_edges", "weak_feature_fits", "white",
    "random_relu_features", "random_sphere_features",
}  # fmt: skip
"""They take numbers that are known, and refuse those that are not finite."""
NO_NUMBERS = {"basis_orders", "draw_inputs", "order_penalty", "relu_network_parameters", "sphere_points"}
MADE_OF = {
    "circle_network", "circle_networks", "crossed_fits", "factor_product", "gp_conjugate_mean", "gp_corrupted_labels",
    "gp_label_priors", "gp_label_regression", "gp_laplace_prior", "isotropic_examples", "isotropic_features",
    "parallel_descents", "sphere_features_ridge", "two_layer_descent", "two_layer_widths",
    "aligned_risks", "gram_fits", "mixture_error", "mixture_sample", "nested_expected_log_evidences", "relu_margins",
    "stochastic_descent",
}  # fmt: skip
"""Made of the functions above, or sums and products alone, in which nothing hides a NaN."""


def test_every_learner_is_asked():
    functions = {name for name, value in vars(regression).items() if isinstance(value, types.FunctionType)}
    functions |= {"gp_label_priors", "gp_laplace_prior"}  # jitted
    traced = {case.split(":")[0] for case in TRACED}
    assert functions == traced | HOST | ARGUMENTS | NO_NUMBERS | MADE_OF


@pytest.mark.parametrize("case", TRACED)
def test_not_finite_is_no_result(case):
    function, array, refused = TRACED[case]
    first = (0,) * array.ndim
    broken = [array.at[first].set(value) for value in (jnp.nan, jnp.inf)]
    fitted()
    found = jax.jit(jax.vmap(function))(jnp.stack([array, *broken]))
    for leaf in jax.tree.leaves(found):
        if leaf.dtype == bool:
            assert case == "kernel_ridge: penalty" or leaf[0].all()
            assert not leaf[1:].any() or case in LIMITS
        elif jnp.issubdtype(leaf.dtype, jnp.integer):
            assert (leaf[1] == -1).all()  # a rank
        else:
            assert np.isfinite(leaf[0]).all()
            assert np.isnan(leaf[1]).all()
            assert case in LIMITS or not np.isfinite(leaf[2]).any()
    if refused:
        for value in broken:
            with pytest.raises(ConfigError):
                function(value)


def test_zeros_have_their_limits():
    zero = jnp.zeros(3)
    np.testing.assert_allclose(regression.angle(zero, jnp.stack([zero, zero + 1])), np.pi / 2, rtol=1e-6)
    found = regression.least_squares(0 * X, Y)
    assert (int(found.rank), float(found.condition_number)) == (0, np.inf) and not found.coefficients.any()
    gap = regression.minimum_norm_gap(X, 0 * Y, jnp.stack([zero, zero + 1])[0])
    assert float(gap.norm_ratio) == 1.0
    for solve in (regression.max_margin, regression.max_sup_margin):
        with pytest.raises(ConfigError, match="not separable"):
            solve(np.zeros((3, 2)), np.ones(3))


def test_nothing_is_refused():
    for case in ("least_squares", "ridge", "kernel_ridge", "prefix_least_squares", "prefix_ridge", "angle",
                 "bayesian_linear", "sequential_log_densities", "expected_log_evidence", "gaussian_process",
                 "gp_laplace", "gp_conjugate_gradient", "isotropic_risk", "separable_descents"):  # fmt: skip
        function, array, _ = TRACED[case]
        with pytest.raises(ConfigError):
            function(array[:0])
    assert regression.polynomial_features(jnp.zeros(0), 2, basis="fourier").shape == (0, 5)
    for call in (
        lambda: regression.spectrum_edges(4, (), 3),
        lambda: regression.isotropic_examples(KEY, ONE, dimension=3, num_examples=()),
        lambda: regression.law_average("normal", 0),
        lambda: regression.sphere_penalty(1.0, 2, 3, 0),
        lambda: regression.max_margin(np.zeros((0, 2)), np.zeros(0)),
        lambda: regression.prefix_fits(np.zeros((0, 2)), np.zeros((0, 1)), (1,)),
    ):
        with pytest.raises(ConfigError):
            call()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_known_arguments_are_finite(broken):
    points, ones = np.array([[broken, 1.0], [1.0, 2.0]]), np.ones(2)
    shape = {"dimension": 3, "num_train": 4, "num_test": 2}
    for call in (
        lambda: regression.max_margin(points, ones),
        lambda: regression.max_sup_margin(points, ones),
        lambda: regression.relative_margins(points, ones),
        lambda: regression.relative_margins(np.eye(2), np.array([broken, 1.0])),
        lambda: regression.prefix_fits(points, ones[:, None], (1,)),
        lambda: regression.random_relu_features(KEY, points, 2),
        lambda: regression.random_sphere_features(KEY, points, 2),
        lambda: regression.balanced_factors(np.ones((2, 2, 2)), broken),
        lambda: regression.isotropic_sample(KEY, num_examples=2, dimension=2, noise_variances=broken),
        lambda: regression.sphere_sample(KEY, **shape, num_targets=1, noise_variances=(broken,)),
        lambda: regression.crossed_sphere_fits(KEY, lambda *data: data[3], **shape, noise_variance=broken, members=2),
        lambda: regression.weak_feature_fits(KEY, num_examples=4, num_features=(2,), penalties=(broken,)),
        lambda: regression.separable_sample(KEY, num_examples=2, num_features=2, margin=broken),
        lambda: regression.spectrum_edges(4, (1, broken), 3),
        lambda: regression.constant(broken),
        lambda: regression.white(broken),
        lambda: regression.rbf(broken),
        lambda: regression.arc_cosine(bias_variance=broken),
        lambda: regression.descent_path(lambda w: w, ONE, optax.sgd(0.1), (0, broken)),
        lambda: regression.polynomial_features(Y, 2, domain=(0.0, broken)),
        lambda: regression.law_average("normal", broken),
        lambda: regression.matrix_completions((0,), size=3, rank=broken, num_observed=2),
    ):
        with pytest.raises(ConfigError):
            call()


def test_no_point_of_nan_is_like_another():
    wide = jnp.ones((2, 9)).at[0, 0].set(jnp.nan)
    for matrix in (RBF(PRIOR[1], wide), regression.matern32()(regression.matern32().init(), wide)):
        np.testing.assert_array_equal(np.isnan(matrix), [[True, True], [True, True]])


def test_no_hyperparameters_are_chosen_by_an_evidence_of_nan():
    found = regression.gp_laplace_prior(RBF, X.at[0, 0].set(jnp.nan), LABELS, num_steps=1)
    assert np.isnan(found["log_lengthscale"])


def test_an_infinite_covariance_is_given_up():
    line = regression.linear()
    with pytest.raises(ConfigError, match="not finite"):
        regression.gaussian_process(line, line.init(), X.at[0, 0].set(jnp.inf), Y)


def test_a_diverged_student_has_no_error():
    found = regression.linear_student(KEY, learning_rate=1e30, tolerance=0.1, **STUDENT)
    assert all(np.isnan(leaf[1]) for leaf in found)
