"""Closed forms from papers: the truth that tests compare with and the dashed line in plots. NumPy, float64, no data."""

from gendyn.theory.deep_linear import (
    deep_linear_time,
    deep_linear_trajectory,
    gaussian_product_effective_rank,
    gaussian_product_stable_rank,
)
from gendyn.theory.effective_ranks import (
    BenignSplit,
    TailRanks,
    benign_split,
    tail_ranks,
)
from gendyn.theory.eigenlearning import (
    Eigenlearning,
    eigenlearning,
)
from gendyn.theory.gradient_flow import (
    early_stopping_ridge,
    gradient_flow_coefficients,
    gradient_flow_filter,
    gradient_flow_risk,
    isotropic_gradient_flow_risk,
    optimal_stopping_time,
)
from gendyn.theory.least_squares import (
    isotropic_min_norm_risk,
    min_norm_local_minimum,
    min_norm_risk,
    min_norm_squared_norm,
    optimal_ridge,
    optimal_ridge_risk,
    ridge_risk,
)
from gendyn.theory.linear_grokking import (
    LinearLosses,
    LinearTimes,
    linear_accuracy,
    linear_grokking_delay,
    linear_grokking_delay_limit,
    linear_loss_at_accuracy,
    linear_losses,
    linear_time_to_accuracy,
)
from gendyn.theory.marchenko_pastur import (
    iid_effective_dimension,
    marchenko_pastur_atom,
    marchenko_pastur_density,
    marchenko_pastur_edges,
    marchenko_pastur_moment,
    marchenko_pastur_stieltjes,
)
from gendyn.theory.random_features import (
    HermiteConstants,
    hermite_constants,
    random_features_risk,
)
from gendyn.theory.relu_kernels import (
    ReluKernels,
    arc_cosine_0,
    arc_cosine_1,
    circle_coefficients,
    circle_kernel,
    relu_kernels,
    relu_nngp,
    relu_ntk,
)
from gendyn.theory.separable_logistic import (
    MaxMarginPath,
    max_margin_path,
)
from gendyn.theory.sphere_eigenvalues import (
    sphere_eigenvalues,
    sphere_multiplicities,
)
from gendyn.theory.variance_components import (
    VarianceComponents,
    averaged_variance,
    variance_components,
)
from gendyn.theory.weak_features import (
    weak_features_risk,
    weak_features_train_error,
)

__all__ = [
    "BenignSplit",
    "Eigenlearning",
    "HermiteConstants",
    "LinearLosses",
    "LinearTimes",
    "MaxMarginPath",
    "ReluKernels",
    "TailRanks",
    "VarianceComponents",
    "arc_cosine_0",
    "arc_cosine_1",
    "averaged_variance",
    "benign_split",
    "circle_coefficients",
    "circle_kernel",
    "deep_linear_time",
    "deep_linear_trajectory",
    "early_stopping_ridge",
    "eigenlearning",
    "gaussian_product_effective_rank",
    "gaussian_product_stable_rank",
    "gradient_flow_coefficients",
    "gradient_flow_filter",
    "gradient_flow_risk",
    "hermite_constants",
    "iid_effective_dimension",
    "isotropic_gradient_flow_risk",
    "isotropic_min_norm_risk",
    "linear_accuracy",
    "linear_grokking_delay",
    "linear_grokking_delay_limit",
    "linear_loss_at_accuracy",
    "linear_losses",
    "linear_time_to_accuracy",
    "marchenko_pastur_atom",
    "marchenko_pastur_density",
    "marchenko_pastur_edges",
    "marchenko_pastur_moment",
    "marchenko_pastur_stieltjes",
    "max_margin_path",
    "min_norm_local_minimum",
    "min_norm_risk",
    "min_norm_squared_norm",
    "optimal_ridge",
    "optimal_ridge_risk",
    "optimal_stopping_time",
    "random_features_risk",
    "relu_kernels",
    "relu_nngp",
    "relu_ntk",
    "ridge_risk",
    "sphere_eigenvalues",
    "sphere_multiplicities",
    "tail_ranks",
    "variance_components",
    "weak_features_risk",
    "weak_features_train_error",
]
