"""What every closed form says of NaN and infinity, of zeros, and of nothing: never what reads like a result.

Each public function of the room is in the table below with all its arguments; one that is new and not there fails.
"""

import inspect
import types
import warnings

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError

ONE, TWO = np.ones(1), np.full(1, 2.0)
SIZES = {"num_examples": 20 * ONE, "num_features": 40 * ONE, "dimension": 80 * ONE}
LABELS = {"signal": 1.0, "noise_variance": 0.25}
DESCENT = {"learning_rate": 0.01, "discrete": True}
LEVEL = {"tolerance": 1e-3, "accuracy": 0.95, **DESCENT}
CASES = {
    # case: arguments that have an answer; every number among them is broken in turn
    "arc_cosine_0": {"cosine": 0.5 * ONE},
    "arc_cosine_1": {"cosine": 0.5 * ONE},
    "averaged_variance": {"components": {"init": 1.0}, "draws": {"init": 4}},
    "benign_split": {"eigenvalues": np.ones(5), "num_examples": 2, "factor": 1.0},
    "circle_coefficients": {"frequencies": np.arange(3), "use_bias": True, "trained": "both"},
    "circle_grid_coefficients": {"frequencies": np.arange(3), "num_points": 8, "use_bias": True, "trained": "both"},
    "circle_kernel": {"angle": ONE, "use_bias": True, "trained": "both"},
    "corrupted_accuracy": {"accuracy": 0.5 * ONE, "rate": ONE, "num_classes": 10, "kind": "uniform_any"},
    "corrupted_accuracy: others": {"accuracy": ONE, "rate": ONE, "num_classes": 10, "kind": "uniform_incorrect"},
    "deep_linear_time": {"level": 1.5, "target": 3.0, "depth": 2, "initial": 0.01},
    "deep_linear_trajectory": {"times": ONE, "target": 3 * ONE, "depth": 2, "initial": 0.01 * ONE},
    "deep_linear_trajectory: shallow": {"times": ONE, "target": 3 * ONE, "depth": 1, "initial": 0.01 * ONE},
    "deep_linear_trajectory: deeper": {"times": ONE, "target": 3 * ONE, "depth": 3, "initial": 0.01 * ONE},
    "design_modes": {"x": np.eye(2)},
    "early_stopping_ridge": {"times": ONE},
    "eigenlearning": {
        "eigenvalues": np.ones(5), "target_powers": np.ones(5), "num_examples": 3 * ONE, "ridge": ONE,
        "noise_variance": ONE, "multiplicities": np.ones(5),
    },
    "gaussian_product_effective_rank": {"num_factors": 2},
    "gaussian_product_stable_rank": {"num_factors": 2},
    "gradient_flow_coefficients": {"times": ONE, "eigenvalues": ONE, "projections": ONE},
    "gradient_flow_filter": {"times": ONE, "eigenvalues": ONE},
    "gradient_flow_path": {"times": ONE, "x": np.eye(2), "y": np.ones(2)},
    "gradient_flow_risk": {
        "times": ONE, "eigenvalues": ONE, "signal_powers": 1.0, "num_examples": 10.0, "noise_variance": 0.1,
    },
    "hermite_constants": {"activation": np.sin},
    "iid_effective_dimension": {"num_examples": 10, "dimension": 5, "alpha": 0.1},
    "isotropic_gradient_flow_risk": {"times": ONE, "ratio": 0.9, **LABELS},
    "isotropic_min_norm_risk": {"ratio": TWO, **LABELS},
    "linear_accuracy": {"loss": ONE, "tolerance": 1e-3},
    "linear_grokking_delay": {"ratio": 0.5, **LEVEL},
    "linear_grokking_delay_limit": {"ratio": 0.5, "learning_rate": 0.01},
    "linear_loss_at_accuracy": {"accuracy": 0.95, "tolerance": 1e-3},
    "linear_losses": {"times": ONE, "ratio": 0.5, "initial_loss": 1.0, **DESCENT},
    "linear_losses: flow": {"times": ONE, "ratio": 0.5, "initial_loss": 1.0, **DESCENT, "discrete": False},
    "linear_time_to_accuracy": {"ratio": 0.5, "initial_loss": 1.0, **LEVEL},
    "marchenko_pastur_atom": {"ratio": 2.0},
    "marchenko_pastur_density": {"x": ONE, "ratio": 0.5},
    "marchenko_pastur_edges": {"ratio": 0.5},
    "marchenko_pastur_moment": {"order": 2, "ratio": 0.5},
    "marchenko_pastur_stieltjes": {"z": -ONE, "ratio": 0.5},
    "max_margin_path": {"times": ONE, "signed": np.eye(2), "dual": np.ones(2)},
    "min_norm_local_minimum": {"signal_to_noise": TWO},
    "min_norm_risk": {**SIZES, **LABELS, "signal_in_use": 0.5 * ONE},
    "min_norm_squared_norm": {**SIZES, **LABELS, "signal_in_use": 0.5 * ONE},
    "misspecified_ridge_risk": {**SIZES, **LABELS, "penalty": ONE},
    "optimal_ridge": {"ratio": TWO, **LABELS},
    "optimal_ridge_risk": {"ratio": TWO, **LABELS},
    "optimal_stopping_time": {"ratio": 0.9, **LABELS},
    "random_features_risk": {
        "features_per_input": TWO, "examples_per_input": 3 * ONE, "activation": "relu", "ridge": ONE,
        "linear_signal": 1.0, "nonlinear_signal": 1.0, "noise_variance": 1.0,
    },
    "relu_kernels": {"cosine": 0.5 * ONE, "depth": 2},
    "relu_nngp": {"x": np.ones((1, 2)), "y": np.ones((1, 2)), "depth": 2},
    "relu_ntk": {"x": np.ones((1, 2)), "y": np.ones((1, 2)), "depth": 2},
    "ridge_risk": {"ratio": TWO, "ridge": ONE, **LABELS},
    "singular_value_density": {"x": ONE, "ratio": 1.0},
    "sphere_eigenvalues": {"kernel": np.copy, "dimension": 5, "degrees": [1], "num_nodes": 100},
    "sphere_multiplicities": {"dimension": 5, "degrees": [1]},
    "tail_ranks": {"eigenvalues": np.ones(5)},
    "variance_components": {
        "predictions": np.random.default_rng(0).random((2, 2, 2)), "target": None, "factors": ("a", "b", "c"),
        "unbiased": True,
    },
    "weak_features_dimension": {"num_examples": 20, "num_features": 10 * ONE, "penalty": 0.2},
    "weak_features_risk": {"num_examples": 20 * ONE, "num_features": 10 * ONE},
    "weak_features_train_error": {"num_examples": 20 * ONE, "num_features": 10 * ONE},
}  # fmt: skip
LIMITS = {("marchenko_pastur_density", "x", np.inf): 0.0, ("marchenko_pastur_density", "x", -np.inf): 0.0}
"""No eigenvalue is there."""
ZEROS = {
    # what is said of arguments that are 0, where that is no refusal: the limit
    ("arc_cosine_0", "cosine"): 0.5,
    ("arc_cosine_1", "cosine"): 1 / np.pi,
    ("circle_coefficients", "frequencies"): 0.125 + 1.5 / np.pi**2,
    ("circle_kernel", "angle"): 0.75,
    ("corrupted_accuracy", "accuracy"): 0.1,
    ("corrupted_accuracy: others", "accuracy"): 1 / 9,
    ("deep_linear_trajectory", "times"): 0.01,
    ("deep_linear_trajectory", "target"): 0.01 / 1.02,
    ("deep_linear_trajectory", "initial"): 0.0,
    ("deep_linear_trajectory: shallow", "target"): 0.01 * np.exp(-1.0),
    ("deep_linear_trajectory: deeper", "times"): 0.01,
    ("deep_linear_trajectory: deeper", "initial"): 0.0,
    ("gradient_flow_coefficients", "times"): 0.0,
    ("gradient_flow_coefficients", "eigenvalues"): 1.0,
    ("gradient_flow_filter", "eigenvalues"): 0.0,
    ("gradient_flow_path", "times"): 0.0,
    ("gradient_flow_path", "x"): 0.0,
    ("gradient_flow_path", "y"): 0.0,
    ("gradient_flow_risk", "eigenvalues"): 1.0,
    ("gradient_flow_risk", "noise_variance"): np.exp(-2.0),
    ("isotropic_gradient_flow_risk", "times"): 1.0,
    ("isotropic_min_norm_risk", "signal"): 0.25,
    ("linear_accuracy", "loss"): 1.0,
    ("linear_losses", "times"): 1.0,
    ("linear_losses: flow", "times"): 1.0,
    ("marchenko_pastur_moment", "order"): 1.0,
    ("marchenko_pastur_stieltjes", "z"): 2.0,
    ("min_norm_risk", "num_features"): 0.5,
    ("min_norm_squared_norm", "num_features"): 0.5,
    ("optimal_ridge", "noise_variance"): 0.0,
    ("optimal_ridge_risk", "noise_variance"): 0.5,
    ("relu_nngp", "x"): 0.0,
    ("relu_ntk", "y"): 0.0,
    ("ridge_risk", "ridge"): 0.75,
    ("sphere_multiplicities", "degrees"): 1.0,
}
REFUSED = {
    "averaged_variance: draws", "benign_split: eigenvalues", "benign_split: factor", "deep_linear_time: initial",
    "early_stopping_ridge: times", "eigenlearning: eigenvalues", "iid_effective_dimension: alpha",
    "linear_accuracy: tolerance", "linear_grokking_delay: learning_rate", "marchenko_pastur_edges: ratio",
    "marchenko_pastur_density: ratio", "max_margin_path: times", "max_margin_path: signed", "max_margin_path: dual",
    "min_norm_local_minimum: signal_to_noise", "min_norm_risk: dimension", "misspecified_ridge_risk: dimension",
    "optimal_ridge: signal", "optimal_stopping_time: noise_variance", "random_features_risk: features_per_input",
    "tail_ranks: eigenvalues", "weak_features_risk: num_features",
}  # fmt: skip


def said(case, **changes):
    """The answer as a list of arrays."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return leaves(getattr(theory, case.split(":")[0])(**{**CASES[case], **changes}))


def leaves(answer):
    if isinstance(answer, dict):
        answer = tuple(answer.values())
    if isinstance(answer, tuple):
        return [leaf for part in answer for leaf in leaves(part)]
    return [] if answer is None else [np.asarray(answer)]


def test_every_closed_form_is_asked_with_every_argument():
    functions = {name for name, value in vars(theory).items() if isinstance(value, types.FunctionType)}
    assert functions == {case.split(":")[0] for case in CASES}
    for case, arguments in CASES.items():
        assert set(inspect.signature(getattr(theory, case.split(":")[0])).parameters) == set(arguments), case


@pytest.mark.parametrize("case", CASES)
def test_not_finite_is_no_result(case):
    assert all(np.isfinite(leaf).all() for leaf in said(case))
    for argument, value in CASES[case].items():
        if not isinstance(value, int | float | list | np.ndarray) or isinstance(value, bool):
            continue
        for broken in (np.nan, np.inf, -np.inf):
            array = np.asarray(value, float).copy()
            array[(0,) * array.ndim] = broken
            try:
                found = said(case, **{argument: array if array.ndim else broken})
            except ConfigError:
                continue
            if (case, argument, broken) in LIMITS:
                np.testing.assert_array_equal(found, [[0.0]])
                continue
            assert not any(np.isfinite(leaf).any() for leaf in found), (argument, broken)
            assert all(np.isnan(leaf).all() for leaf in found) or not np.isnan(broken), argument
        if np.ndim(value):
            try:
                found = said(case, **{argument: np.asarray(value)[:0]})
            except ConfigError:
                continue
            assert not found[0].size, argument


@pytest.mark.parametrize(("case", "argument"), ZEROS)
def test_zero_gives_the_limit(case, argument):
    found = said(case, **{argument: 0 * np.asarray(CASES[case][argument])[()]})
    np.testing.assert_allclose(found[0], np.full(found[0].shape, ZEROS[case, argument]), rtol=1e-12)


@pytest.mark.parametrize("place", sorted(REFUSED))
def test_zero_without_a_limit_is_refused(place):
    case, argument = place.split(": ")
    value = CASES[case][argument]
    with pytest.raises(ConfigError):
        said(case, **{argument: {"init": 0} if isinstance(value, dict) else 0 * np.asarray(value)[()]})


def test_what_is_not_finite_inside_an_argument_is_no_result():
    for broken in (np.nan, np.inf):
        assert not np.isfinite(said("averaged_variance", components={"init": broken})).any()
        assert not np.isfinite(said("sphere_eigenvalues", kernel=lambda u, broken=broken: 0 * u + broken)).any()
        assert not np.isfinite(said("variance_components", target=broken)[-1])
        for constant in theory.HermiteConstants._fields:
            constants = theory.hermite_constants("relu")._replace(**{constant: broken})
            with pytest.raises(ConfigError, match=f"activation: {constant}"):
                said("random_features_risk", activation=constants)
    assert np.isnan(said("hermite_constants", activation=lambda x: x * np.nan)).all()


def test_nothing_to_sum_over_is_refused():
    with pytest.raises(ConfigError, match="components is empty"):
        theory.averaged_variance({}, {})
    with pytest.raises(ConfigError, match="one mode or more"):
        said("gradient_flow_risk", eigenvalues=np.zeros(0))
    with pytest.raises(ConfigError, match="support vector of 0"):
        said("max_margin_path", signed=np.diag([1.0, 0.0]))


def test_a_broken_argument_is_named():
    with pytest.raises(ConfigError, match=r"^x = "):
        theory.design_modes([[np.nan, 1.0]])
    with pytest.raises(ConfigError, match=r"^y = "):
        said("gradient_flow_path", y=np.array([np.inf, 1.0]))
    for name in ("penalty", "dimension", "signal", "noise_variance"):
        with pytest.raises(ConfigError, match=f"^{name} = "):
            said("misspecified_ridge_risk", **{name: np.nan})
