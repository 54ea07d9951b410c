"""Numerics on a ``matvec`` alone: Lanczos, extreme eigenpairs, spectral densities, traces, diagonals."""

from gendyn.linalg.diagonal import DiagonalEstimate as DiagonalEstimate
from gendyn.linalg.diagonal import diagonal as diagonal
from gendyn.linalg.eigenpairs import Eigenpairs as Eigenpairs
from gendyn.linalg.eigenpairs import top_eigenpairs as top_eigenpairs
from gendyn.linalg.estimate import Estimate as Estimate
from gendyn.linalg.estimate import standard_error as standard_error
from gendyn.linalg.haar import haar_orthogonal as haar_orthogonal
from gendyn.linalg.lanczos import Lanczos as Lanczos
from gendyn.linalg.lanczos import lanczos as lanczos
from gendyn.linalg.log_determinant import log_determinant as log_determinant
from gendyn.linalg.space import make_space as make_space
from gendyn.linalg.spectral_density import SpectralDensity as SpectralDensity
from gendyn.linalg.spectral_density import spectral_density as spectral_density
from gendyn.linalg.trace import trace as trace
