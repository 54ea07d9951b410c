"""Numbers derived from a tangent kernel: alignments, movement, shape of the spectrum, decay of the residual.

All are exact, jit- and vmap-safe, and work on any symmetric kernel ``[m, m]``; cost ``O(m^2)``, or
``O(m)`` on eigenvalues.
"""

import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice
from gendyn.types import Array, ArrayLike

RULES = ("flow", "descent")


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
    if targets.size % kernel.shape[0] or targets.ndim not in (1, 2):
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


def condition_number(eigenvalues: Array) -> Array:
    """``max |lambda| / min |lambda|``; infinite for a singular kernel, and limited by ``1 / eps`` of its precision.

    >>> float(condition_number(jnp.array([4.0, 2.0, 1.0])))
    4.0
    """
    size = jnp.abs(jnp.asarray(eigenvalues))
    return jnp.max(size) / jnp.min(size)


def residual_projection(vectors: Array, residual: Array) -> Array:
    """``V^T r``: the residual ``outputs - targets`` in the eigenbasis of the kernel.

    Args:
      vectors: ``[m, r]``, eigenvectors in columns.
      residual: ``[m]``, ``[m, C]``, or ``[N, K]`` with ``N K = m`` for the full kernel.

    Returns:
      ``[r, columns]``.

    >>> residual_projection(jnp.eye(2), jnp.array([3.0, 4.0])).tolist()
    [[3.0], [4.0]]
    """
    vectors, residual = jnp.asarray(vectors), jnp.asarray(residual)
    if vectors.ndim != 2 or residual.size % vectors.shape[0] or not residual.size:
        raise ConfigError(f"residual {residual.shape} does not fit eigenvectors {vectors.shape} in columns.")
    return vectors.T @ residual.reshape(vectors.shape[0], -1)


def predicted_decay(eigenvalues: Array, times: ArrayLike, learning_rate: ArrayLike, *, rule: str = "flow") -> Array:
    """The factor by which each mode of the residual has shrunk, for the loss ``sum of squares / 2`` of a linear model.

    ``flow``: ``exp(-eta lambda t)``; ``descent``: exactly ``(1 - eta lambda)^t`` after ``t`` whole steps. For a *mean*
    over ``n`` examples, ``eta`` is the learning rate divided by ``n``.

    Args:
      eigenvalues: ``[r]``.
      times: ``[S]`` or a scalar, in steps.
      learning_rate: ``eta``.

    Returns:
      ``[S, r]``, or ``[r]`` for one time.

    Raises:
      ConfigError: an unknown rule.

    >>> predicted_decay(jnp.array([0.5, 2.0]), jnp.array([0, 2]), 1.0, rule="descent").tolist()
    [[1.0, 1.0], [0.25, 1.0]]
    """
    check_choice("rule", rule, RULES)
    values, times = jnp.asarray(eigenvalues), jnp.asarray(times)[..., None]
    if rule == "flow":
        # 0 * inf: a mode of eigenvalue 0 never moves.
        return jnp.where(values == 0, 1.0, jnp.exp(-(learning_rate * values * times)))
    factor = 1.0 - learning_rate * values
    # A negative base has a real power at whole numbers only: by its sign, so that large t keeps its precision.
    sign = jnp.where((factor < 0) & (jnp.mod(times, 2) == 1), -1.0, 1.0)
    return sign * jnp.power(jnp.abs(factor), times)


def _gain(values: Array, times: ArrayLike, learning_rate: ArrayLike, rule: str) -> Array:
    """``(1 - decay) / lambda``, continued to ``eta t`` at eigenvalue 0 (to 0 at infinite time)."""
    times = jnp.asarray(times, values.dtype)[..., None]
    floor = values.shape[-1] * np.finfo(np.dtype(values.dtype)).eps * jnp.max(jnp.abs(values))
    small = values <= floor
    safe = jnp.where(small, 1.0, values)
    if rule == "flow":
        shrunk = -jnp.expm1(-(learning_rate * safe * times))
    else:
        shrunk = 1.0 - predicted_decay(safe, times[..., 0], learning_rate, rule=rule)
    return jnp.where(small, jnp.where(jnp.isinf(times), 0.0, learning_rate * times), shrunk / safe)
