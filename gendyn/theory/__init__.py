"""Closed forms from papers: the truth that tests compare with and the dashed line in plots. NumPy, float64, no data."""

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
from gendyn.theory.relu_kernels import (
    arc_cosine_0,
    arc_cosine_1,
    circle_coefficients,
    circle_kernel,
    relu_nngp,
    relu_ntk,
)

__all__ = [
    "LinearLosses",
    "LinearTimes",
    "arc_cosine_0",
    "arc_cosine_1",
    "circle_coefficients",
    "circle_kernel",
    "iid_effective_dimension",
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
    "relu_nngp",
    "relu_ntk",
]
