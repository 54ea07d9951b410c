"""Orthogonal matrices of the uniform distribution."""

import numpy as np

from gendyn.core import ConfigError, check_range


def haar_orthogonal(gaussians: np.ndarray) -> np.ndarray:
    """Of the uniform (Haar) measure on orthogonal matrices, made of standard normal ``[..., n, n]``; float64.

    ``Q`` of ``Q R`` with a positive diagonal of ``R``: LAPACK's choice of signs would favour some matrices.

    Raises:
        ConfigError: matrices that are not square, or not finite.

    >>> haar_orthogonal(np.array([[3.0, 1.0], [-4.0, 2.0]])).round(6).tolist()
    [[0.6, 0.8], [-0.8, 0.6]]

    Reference: Mezzadri (2007), How to generate random matrices from the classical compact groups.
    """
    draws = np.asarray(gaussians, np.float64)
    if draws.ndim < 2 or draws.shape[-1] != draws.shape[-2]:
        raise ConfigError(f"gaussians {draws.shape} must be [..., n, n].")
    check_range("gaussians", draws)
    q, r = np.linalg.qr(draws)
    # The sign of 0 would be 0, and a column of zeros is not orthogonal.
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.asarray(q * signs[..., None, :])
