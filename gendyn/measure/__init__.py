"""Instruments for any pure function and pytree; and probes, which record them while networks train, one file each."""

from gendyn.measure._effective_dimension import (
    EffectiveDimension,
    effective_dimension,
    effective_dimension_from_quadrature,
    effective_dimension_from_ritz,
    effective_dimension_hutchinson,
)
from gendyn.measure._fourier import (
    fourier_norms,
    frequency_shares,
    gini,
    key_frequencies,
    logit_spectrum,
    sum_component,
    trigonometric_coefficients,
    trigonometric_component,
)
from gendyn.measure._fourier_table import group_elements, group_table
from gendyn.measure._gradient_spectrum import TemporalSpectrum, temporal_gradient_spectrum, welch_density
from gendyn.measure._hessian import ggn_spectrum, ggn_top, hessian_matvec, hessian_spectrum, hessian_top
from gendyn.measure._kernel_quantities import (
    condition_number,
    kernel_alignment,
    kernel_velocity,
    predicted_decay,
    residual_projection,
    target_alignment,
)
from gendyn.measure._logits import collapsed, logit_margin
from gendyn.measure._ntk import KernelEigen, empirical_ntk, ntk_eigh
from gendyn.measure._ntk_products import ntk_matvec
from gendyn.measure._ntk_regression import linearised_predictions
from gendyn.measure._oper_mask import count_parameters, intersect_masks, parameter_mask
from gendyn.measure._operators import fisher_matvec, ggn_matvec, gradient_second_moment_matvec, hessian_operator
from gendyn.measure._ranks import (
    effective_rank,
    negative_mass_fraction,
    participation_ratio,
    spectral_effective_rank,
    stable_rank,
)
from gendyn.measure._signal_to_noise import SignalToNoise, signal_to_noise
from gendyn.measure.circuit_efficiency import circuit_efficiency
from gendyn.measure.embedding_spectrum import embedding_spectrum
from gendyn.measure.feature_rank import feature_rank
from gendyn.measure.feature_snapshot import feature_snapshot
from gendyn.measure.fourier_progress import fourier_progress
from gendyn.measure.gradient_noise import gradient_noise
from gendyn.measure.hessian_density import hessian_density
from gendyn.measure.hessian_effective_dimension import hessian_effective_dimension
from gendyn.measure.kernel_snapshot import kernel_snapshot
from gendyn.measure.last_layer_norm import last_layer_norm
from gendyn.measure.logit_scale import logit_scale
from gendyn.measure.parameter_norm import parameter_norm
from gendyn.measure.sharpness import sharpness
from gendyn.measure.tangent_kernel import tangent_kernel
from gendyn.measure.weight_rank import weight_rank

__all__ = [
    "EffectiveDimension",
    "KernelEigen",
    "SignalToNoise",
    "TemporalSpectrum",
    "circuit_efficiency",
    "collapsed",
    "condition_number",
    "count_parameters",
    "effective_dimension",
    "effective_dimension_from_quadrature",
    "effective_dimension_from_ritz",
    "effective_dimension_hutchinson",
    "effective_rank",
    "embedding_spectrum",
    "empirical_ntk",
    "feature_rank",
    "feature_snapshot",
    "fisher_matvec",
    "fourier_norms",
    "fourier_progress",
    "frequency_shares",
    "ggn_matvec",
    "ggn_spectrum",
    "ggn_top",
    "gini",
    "gradient_noise",
    "gradient_second_moment_matvec",
    "group_elements",
    "group_table",
    "hessian_density",
    "hessian_effective_dimension",
    "hessian_matvec",
    "hessian_operator",
    "hessian_spectrum",
    "hessian_top",
    "intersect_masks",
    "kernel_alignment",
    "kernel_snapshot",
    "kernel_velocity",
    "key_frequencies",
    "last_layer_norm",
    "linearised_predictions",
    "logit_margin",
    "logit_scale",
    "logit_spectrum",
    "negative_mass_fraction",
    "ntk_eigh",
    "ntk_matvec",
    "parameter_mask",
    "parameter_norm",
    "participation_ratio",
    "predicted_decay",
    "residual_projection",
    "sharpness",
    "signal_to_noise",
    "spectral_effective_rank",
    "stable_rank",
    "sum_component",
    "tangent_kernel",
    "target_alignment",
    "temporal_gradient_spectrum",
    "trigonometric_coefficients",
    "trigonometric_component",
    "weight_rank",
    "welch_density",
]
