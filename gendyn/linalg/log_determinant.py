"""Log-determinant of a positive definite operator."""

import jax.numpy as jnp

from gendyn.core import check_range
from gendyn.linalg.estimate import Estimate
from gendyn.linalg.space import Matvec
from gendyn.linalg.spectral_density import spectral_density
from gendyn.types import Array, ArrayLike, PyTree


def log_determinant(
    matvec: Matvec,
    like: PyTree,
    *,
    key: Array,
    num_probes: int,
    num_steps: int,
    shift: ArrayLike = 0.0,
    mask: PyTree | None = None,
    batch_size: int = 1,
    memory_limit: float | None = None,
) -> Estimate:
    """``log det(A + shift I) = sum_j log(lambda_j + shift)`` by stochastic Lanczos quadrature; natural logarithm.

    The standard error is over the probes; the quadrature's error falls like ``((√κ - 1)/(√κ + 1))^(2 m)`` with the
    condition number ``κ`` of ``A + shift I``, and is not in it. Cost and memory: as :func:`spectral_density`.

    Args:
        shift: added to every eigenvalue, at least 0. Raise it for an operator with eigenvalues at or near zero.
        matvec, like, key, num_probes, num_steps, mask, batch_size, memory_limit: as for :func:`spectral_density`.

    Returns:
        :class:`Estimate`; NaN where a Ritz value shows that ``A + shift I`` is not positive definite.

    Raises:
        ConfigError: a negative shift, and as :func:`spectral_density`.

    >>> import jax, jax.numpy as jnp
    >>> eigenvalues = jnp.array([1.0, 2.0, 4.0])
    >>> found = log_determinant(lambda v: eigenvalues * v, eigenvalues, key=jax.random.key(0), num_probes=2,
    ...                         num_steps=3)
    >>> round(float(found.value / jnp.log(2)), 3)
    3.0

    Reference: Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 38 (2017), theorem 4.1.
    """
    check_range("shift", shift, low=0)
    found = spectral_density(
        matvec,
        like,
        key=key,
        num_probes=num_probes,
        num_steps=num_steps,
        mask=mask,
        batch_size=batch_size,
        memory_limit=memory_limit,
    )
    return found.trace_of(lambda values: jnp.log(jnp.where(values + shift > 0, values + shift, jnp.nan)))
