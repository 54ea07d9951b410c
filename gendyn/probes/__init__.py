"""Measurements recorded while networks train, one file each: the names that a config's ``probes`` may hold."""

from gendyn.probes.circuit_efficiency import circuit_efficiency as circuit_efficiency
from gendyn.probes.embedding_spectrum import embedding_spectrum as embedding_spectrum
from gendyn.probes.feature_rank import feature_rank as feature_rank
from gendyn.probes.feature_snapshot import feature_snapshot as feature_snapshot
from gendyn.probes.fourier_progress import fourier_progress as fourier_progress
from gendyn.probes.gradient_noise import gradient_noise as gradient_noise
from gendyn.probes.hessian_density import hessian_density as hessian_density
from gendyn.probes.hessian_effective_dimension import hessian_effective_dimension as hessian_effective_dimension
from gendyn.probes.kernel_snapshot import kernel_snapshot as kernel_snapshot
from gendyn.probes.last_layer_norm import last_layer_norm as last_layer_norm
from gendyn.probes.logit_scale import logit_scale as logit_scale
from gendyn.probes.parameter_norm import parameter_norm as parameter_norm
from gendyn.probes.sharpness import sharpness as sharpness
from gendyn.probes.tangent_kernel import tangent_kernel as tangent_kernel
from gendyn.probes.weight_rank import weight_rank as weight_rank
