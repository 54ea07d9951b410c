"""Eigenvalues and eigenvectors of the filled leading block of a small symmetric matrix."""

import jax.numpy as jnp

from gendyn.core import eigh
from gendyn.types import Array


def ritz(matrix: Array, filled: Array) -> tuple[Array, Array, Array]:
    """Eigenpairs of ``matrix[:filled, :filled]``, where the rest of ``matrix [m, m]`` is zero.

    The unfilled diagonal is set beyond every eigenvalue (twice the largest row sum bounds them), so that its
    eigenvalues sort last and never mix with true ones, zeros included.

    Returns:
        Values ``[m]`` (0 where there is none), vectors ``[m, m]`` in columns, and where a value is real, bool ``[m]``.
    """
    index = jnp.arange(matrix.shape[0])
    bound = jnp.max(jnp.sum(jnp.abs(matrix), axis=1))
    beyond = 2 * jnp.where(bound > 0, bound, 1)
    values, vectors = eigh(matrix + jnp.diag(jnp.where(index < filled, 0, beyond)))
    real = index < filled
    return jnp.where(real, values, 0), vectors * real, real
