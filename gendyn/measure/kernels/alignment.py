"""Alignment of kernels with each other and with targets, and how fast a kernel turns.

All are exact, jit- and vmap-safe, and work on any symmetric kernel ``[m, m]``; cost ``O(m^2)``.
"""

from typing import NamedTuple

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def _square(name: str, kernel: Array, low: int = 1) -> Array:
    kernel = jnp.asarray(kernel)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] < low:
        raise ConfigError(f"{name} has shape {kernel.shape}: a kernel is [m, m] with m >= {low}.")
    return kernel


def _pair(kernel: Array, other: Array, low: int = 1) -> tuple[Array, Array]:
    kernel, other = _square("kernel", kernel, low), _square("other", other, low)
    if kernel.shape != other.shape:
        raise ConfigError(f"kernel {kernel.shape} and other {other.shape} must have one shape: the same examples.")
    return kernel, other


def _cosine(kernel: Array, other: Array) -> Array:
    return jnp.sum(kernel * other) / (jnp.linalg.norm(kernel) * jnp.linalg.norm(other))


def target_alignment(kernel: Array, targets: Array) -> Array:
    """``<K, Y Y^T> / (||K|| ||Y Y^T||)`` in Frobenius norms, uncentred: 1 when the kernel is the targets' own.

    Args:
      kernel: ``[m, m]``: the traced kernel with targets ``[N]`` or ``[N, C]``, or the full one, with ``[N, K]``.
      targets: as above; classes as one-hot rows.

    Raises:
      ConfigError: shapes that do not fit.

    >>> y = jnp.array([1.0, -1.0, 1.0])
    >>> float(target_alignment(jnp.outer(y, y), y))
    1.0

    Reference: Cristianini et al. (2001), On kernel-target alignment.
    """
    kernel, targets = _square("kernel", kernel), jnp.asarray(targets)
    if not targets.size or targets.size % kernel.shape[0] or targets.ndim not in (1, 2):
        raise ConfigError(
            f"targets has shape {targets.shape}: must be [m], [m, C] or [N, K] with N K = m = {len(kernel)}."
        )
    columns = targets.reshape(kernel.shape[0], -1).astype(kernel.dtype)
    # ||Y Y^T|| = ||Y^T Y||, and <K, Y Y^T> = <Y, K Y>: no second [m, m].
    return jnp.sum(columns * (kernel @ columns)) / (jnp.linalg.norm(kernel) * jnp.linalg.norm(columns.T @ columns))


def kernel_alignment(kernel: Array, other: Array, *, centred: bool = True, debiased: bool = False) -> Array:
    """Centred kernel alignment ``<HKH, HLH> / (||HKH|| ||HLH||)``, ``H = I - 1 1^T / m``.

    With ``debiased`` each inner product is the unbiased estimate of HSIC (the diagonals are left out): two independent
    kernels of few examples then have alignment 0 on average, where the plain one is positive.

    Args:
      kernel, other: ``[m, m]`` on the same examples.
      centred: without it, the plain cosine.
      debiased: needs ``m >= 4`` and ``centred``.

    Raises:
      ConfigError: shapes that differ, or fewer than four examples with ``debiased``.

    >>> kernel = jnp.diag(jnp.arange(1.0, 6.0))
    >>> round(float(kernel_alignment(kernel, 3 * kernel + 1)), 6)
    1.0

    Reference: Kornblith et al. (2019), arXiv:1905.00414, eq. 3; Song et al. (2012), JMLR 13, eq. 5.
    """
    kernel, other = _pair(kernel, other, 4 if debiased else 1)
    if debiased and not centred:
        raise ConfigError("debiased = True needs centred = True: it is an estimate of the centred inner product.")
    if debiased:
        return _unbiased(kernel, other) / jnp.sqrt(_unbiased(kernel, kernel) * _unbiased(other, other))
    if centred:
        kernel, other = _centre(kernel), _centre(other)
    return _cosine(kernel, other)


def _centre(kernel: Array) -> Array:
    rows = kernel.mean(0, keepdims=True)
    return kernel - rows - kernel.mean(1, keepdims=True) + rows.mean()


def _unbiased(kernel: Array, other: Array) -> Array:
    size = kernel.shape[0]
    kernel, other = (value - jnp.diag(jnp.diag(value)) for value in (kernel, other))
    whole = kernel.sum() * other.sum() / ((size - 1) * (size - 2))
    return (jnp.sum(kernel * other) + whole - 2 * kernel.sum(0) @ other.sum(0) / (size - 2)) / (size * (size - 3))


def kernel_velocity(kernel: Array, other: Array, elapsed: ArrayLike = 1.0) -> Array:
    """``(1 - <K, L> / (||K|| ||L||)) / elapsed``: how fast a kernel turns between two times; its growth is left out.

    Args:
      kernel, other: ``[m, m]`` at the two times.
      elapsed: time between them, in any unit.

    >>> float(kernel_velocity(jnp.eye(3), 2 * jnp.eye(3)) < 1e-6)
    1.0

    Reference: Fort et al. (2020), arXiv:2010.15110, section 3.
    """
    kernel, other = _pair(kernel, other)
    return (1.0 - _cosine(kernel, other)) / elapsed


class KernelChange(NamedTuple):
    """Between two times."""

    movement: Array
    """``||L - K|| / ||K||`` in Frobenius norms."""
    rotation: Array
    """``1 -`` centred alignment of the two; of a kernel that only grows it is 0."""
    growth: Array
    """Of the centred alignment with the targets: later minus earlier."""


def kernel_change(kernel: Array, other: Array, targets: Array) -> KernelChange:
    """How far a kernel moves, how far it turns, and how much better aligned with targets it comes to be.

    Args:
      kernel, other: ``[m, m]`` at the two times.
      targets: ``[m, C]``.

    Raises:
      ConfigError: shapes that do not fit.

    >>> kernel, targets = jnp.diag(jnp.arange(1.0, 5.0)), jnp.eye(4)[:, :1]
    >>> [round(float(change), 4) for change in kernel_change(kernel, 3 * kernel, targets)]
    [2.0, 0.0, 0.0]
    """
    kernel, other = _pair(kernel, other)
    labels = targets @ targets.T
    movement = jnp.linalg.norm(other - kernel) / jnp.linalg.norm(kernel)
    growth = kernel_alignment(other, labels) - kernel_alignment(kernel, labels)
    return KernelChange(movement, 1.0 - kernel_alignment(kernel, other), growth)
