"""Instruments for any pure function and pytree; as measurements of a sweep they are in :mod:`gendyn.probes`."""

from gendyn.measure.curvature.hessian import ggn_spectrum as ggn_spectrum
from gendyn.measure.curvature.hessian import ggn_top as ggn_top
from gendyn.measure.curvature.hessian import hessian_matvec as hessian_matvec
from gendyn.measure.curvature.hessian import hessian_spectrum as hessian_spectrum
from gendyn.measure.curvature.hessian import hessian_top as hessian_top
from gendyn.measure.curvature.operators import fisher_matvec as fisher_matvec
from gendyn.measure.curvature.operators import ggn_matvec as ggn_matvec
from gendyn.measure.curvature.operators import gradient_second_moment_matvec as gradient_second_moment_matvec
from gendyn.measure.curvature.operators import hessian_operator as hessian_operator
from gendyn.measure.dynamics.gradient_spectrum import TemporalSpectrum as TemporalSpectrum
from gendyn.measure.dynamics.gradient_spectrum import temporal_gradient_spectrum as temporal_gradient_spectrum
from gendyn.measure.dynamics.gradient_spectrum import welch_density as welch_density
from gendyn.measure.dynamics.logits import collapsed as collapsed
from gendyn.measure.dynamics.logits import logit_margin as logit_margin
from gendyn.measure.dynamics.signal_to_noise import SignalToNoise as SignalToNoise
from gendyn.measure.dynamics.signal_to_noise import signal_to_noise as signal_to_noise
from gendyn.measure.fourier.components import sum_component as sum_component
from gendyn.measure.fourier.components import trigonometric_coefficients as trigonometric_coefficients
from gendyn.measure.fourier.components import trigonometric_component as trigonometric_component
from gendyn.measure.fourier.group_table import group_elements as group_elements
from gendyn.measure.fourier.group_table import group_table as group_table
from gendyn.measure.fourier.spectra import fourier_norms as fourier_norms
from gendyn.measure.fourier.spectra import frequency_shares as frequency_shares
from gendyn.measure.fourier.spectra import gini as gini
from gendyn.measure.fourier.spectra import key_frequencies as key_frequencies
from gendyn.measure.fourier.spectra import logit_spectrum as logit_spectrum
from gendyn.measure.kernels.alignment import KernelChange as KernelChange
from gendyn.measure.kernels.alignment import kernel_alignment as kernel_alignment
from gendyn.measure.kernels.alignment import kernel_change as kernel_change
from gendyn.measure.kernels.alignment import kernel_velocity as kernel_velocity
from gendyn.measure.kernels.alignment import target_alignment as target_alignment
from gendyn.measure.kernels.decay import condition_number as condition_number
from gendyn.measure.kernels.decay import predicted_decay as predicted_decay
from gendyn.measure.kernels.decay import residual_projection as residual_projection
from gendyn.measure.kernels.linearisation_error import linearisation_error as linearisation_error
from gendyn.measure.kernels.linearised_predictions import linearised_predictions as linearised_predictions
from gendyn.measure.kernels.ntk import KernelEigen as KernelEigen
from gendyn.measure.kernels.ntk import empirical_ntk as empirical_ntk
from gendyn.measure.kernels.ntk import ntk_eigh as ntk_eigh
from gendyn.measure.kernels.ntk_matvec import ntk_matvec as ntk_matvec
from gendyn.measure.masks import count_parameters as count_parameters
from gendyn.measure.masks import intersect_masks as intersect_masks
from gendyn.measure.masks import leaf_mask as leaf_mask
from gendyn.measure.ranks.effective_dimension import EffectiveDimension as EffectiveDimension
from gendyn.measure.ranks.effective_dimension import effective_dimension as effective_dimension
from gendyn.measure.ranks.effective_dimension import (
    effective_dimension_from_quadrature as effective_dimension_from_quadrature,
)
from gendyn.measure.ranks.effective_dimension import effective_dimension_from_ritz as effective_dimension_from_ritz
from gendyn.measure.ranks.effective_dimension import effective_dimension_hutchinson as effective_dimension_hutchinson
from gendyn.measure.ranks.matrix_ranks import effective_rank as effective_rank
from gendyn.measure.ranks.matrix_ranks import spectral_effective_rank as spectral_effective_rank
from gendyn.measure.ranks.matrix_ranks import stable_rank as stable_rank
from gendyn.measure.ranks.spectrum_shape import negative_mass_fraction as negative_mass_fraction
from gendyn.measure.ranks.spectrum_shape import participation_ratio as participation_ratio
