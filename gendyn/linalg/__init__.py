"""Numerics on a ``matvec`` alone: Lanczos, extreme eigenpairs, spectral densities, traces, diagonals."""

from gendyn.linalg._space import make_space
from gendyn.linalg.diagonal import DiagonalEstimate, diagonal
from gendyn.linalg.eigenpairs import Eigenpairs, top_eigenpairs
from gendyn.linalg.estimate import Estimate, standard_error
from gendyn.linalg.lanczos import Lanczos, lanczos
from gendyn.linalg.log_determinant import log_determinant
from gendyn.linalg.spectral_density import SpectralDensity, spectral_density
from gendyn.linalg.trace import trace

__all__ = [
    "DiagonalEstimate",
    "Eigenpairs",
    "Estimate",
    "Lanczos",
    "SpectralDensity",
    "diagonal",
    "lanczos",
    "log_determinant",
    "make_space",
    "spectral_density",
    "standard_error",
    "top_eigenpairs",
    "trace",
]
