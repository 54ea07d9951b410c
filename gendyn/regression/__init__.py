"""Exact learners in JAX, batched under ``vmap``: linear models, kernels, Gaussian processes; conditioning reported."""

from gendyn.regression._gp_conjugate import (
    ConjugatePosterior,
    gp_conjugate_gradient,
    gp_conjugate_mean,
)
from gendyn.regression.bayesian_linear import (
    BayesianLinear,
    Predictive,
    bayesian_linear,
    bayesian_predictive,
    sequential_log_densities,
)
from gendyn.regression.covariances import (
    Covariance,
    arc_cosine,
    constant,
    linear,
    matern12,
    matern32,
    matern52,
    rbf,
    relu_tangent,
    white,
)
from gendyn.regression.gaussian_process import (
    LeaveOneOut,
    Posterior,
    Prediction,
    gaussian_process,
    gp_leave_one_out,
    gp_predict,
)
from gendyn.regression.gp_classification import (
    ClassPrediction,
    LaplacePosterior,
    gp_label_regression,
    gp_laplace,
    gp_laplace_predict,
)
from gendyn.regression.gp_optimise import (
    Optimised,
    gp_optimise,
)
from gendyn.regression.implicit_bias import MaxMargin, MinimumNormGap, angle, max_margin, minimum_norm_gap
from gendyn.regression.kernel_ridge import KernelRidge, kernel_ridge
from gendyn.regression.least_squares import LeastSquares, Ridge, least_squares, ridge
from gendyn.regression.polynomials import basis_orders, order_penalty, polynomial_features
from gendyn.regression.prefix_least_squares import (
    PrefixLeastSquares,
    PrefixRidge,
    prefix_least_squares,
    prefix_ridge,
)
from gendyn.regression.random_features import (
    random_fourier_features,
    random_relu_features,
    random_sphere_features,
    sphere_points,
)

__all__ = [
    "BayesianLinear",
    "ClassPrediction",
    "ConjugatePosterior",
    "Covariance",
    "KernelRidge",
    "LaplacePosterior",
    "LeastSquares",
    "LeaveOneOut",
    "MaxMargin",
    "MinimumNormGap",
    "Optimised",
    "Posterior",
    "Prediction",
    "Predictive",
    "PrefixLeastSquares",
    "PrefixRidge",
    "Ridge",
    "angle",
    "arc_cosine",
    "basis_orders",
    "bayesian_linear",
    "bayesian_predictive",
    "constant",
    "gaussian_process",
    "gp_conjugate_gradient",
    "gp_conjugate_mean",
    "gp_label_regression",
    "gp_laplace",
    "gp_laplace_predict",
    "gp_leave_one_out",
    "gp_optimise",
    "gp_predict",
    "kernel_ridge",
    "least_squares",
    "linear",
    "matern12",
    "matern32",
    "matern52",
    "max_margin",
    "minimum_norm_gap",
    "order_penalty",
    "polynomial_features",
    "prefix_least_squares",
    "prefix_ridge",
    "random_fourier_features",
    "random_relu_features",
    "random_sphere_features",
    "rbf",
    "relu_tangent",
    "ridge",
    "sequential_log_densities",
    "sphere_points",
    "white",
]
