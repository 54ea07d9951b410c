"""Parts of logits on a cyclic group that are functions of a + b, or of a + b - c: pure functions of arrays."""

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.measure.fourier._table import both_signs, check_table, mean_by_sum
from gendyn.types import Array, ArrayLike


def sum_component(table: ArrayLike, frequencies: ArrayLike) -> Array:
    """The part of logits that depends on ``a + b`` alone, at chosen frequencies. Exact; linear in the logits.

    ``sum over chosen w of P_w L``, with ``P_w`` as in :func:`frequency_shares`, class by class and not centred over
    classes; it has mean 0 over all pairs. All frequencies chosen: the mean of ``L`` over pairs of equal ``a + b``, less
    the mean over all pairs.

    Args:
        table: logits ``[n, n, C]``.
        frequencies: bool ``[floor(n / 2)]``, or weights: entry ``w - 1`` is for ``w``. May be traced.

    Returns:
        ``[n, n, C]``.

    Raises:
        ConfigError: other shapes.

    Reference: Nanda et al. (2023), arXiv:2301.05217, section 5.1, "restricted loss".
    """
    logits = check_table(table)
    size = logits.shape[0]
    chosen = jnp.asarray(frequencies).astype(logits.dtype)
    if chosen.shape != (size // 2,):
        raise ConfigError(f"frequencies has shape {chosen.shape}; it must be [{size // 2}], one entry a frequency.")
    wave = jnp.fft.rfft(mean_by_sum(logits), axis=0)
    kept = wave * jnp.concatenate([jnp.zeros(1, logits.dtype), chosen])[:, None]
    by_sum = jnp.fft.irfft(kept, n=size, axis=0)
    element = jnp.arange(size)
    return by_sum[(element[:, None] + element) % size]


def trigonometric_coefficients(table: ArrayLike) -> Array:
    """Amplitudes ``A_w`` of ``cos(2 pi w (a + b - c) / n)`` in logits. Exact.

    The least-squares coefficients: ``A_w = (2 / n³) sum_abc L[a, b, c] cos(2 pi w (a + b - c) / n)``, and half of it at
    ``w = n / 2``. Signed, in the unit of the logits.

    Args:
        table: logits ``[n, n, n]``: class ``c`` is the element ``c``.

    Returns:
        ``[floor(n / 2)]``.

    Raises:
        ConfigError: other shapes.

    Reference: Nanda et al. (2023), arXiv:2301.05217, section 4.2.
    """
    logits = _check_classes(table)
    size = logits.shape[0]
    wave = jnp.fft.rfft(_mean_by_difference(logits))[1:]
    return both_signs(size) * wave.real / size


def trigonometric_component(table: ArrayLike) -> Array:
    """The part ``sum_w A_w cos(2 pi w (a + b - c) / n)`` of logits, over all frequencies ``w``. Exact.

    The projection on the subspace that a network which generalises by trigonometry writes to; ``A`` as in
    :func:`trigonometric_coefficients`.

    Args:
        table: logits ``[n, n, n]``.

    Returns:
        ``[n, n, n]``.

    Raises:
        ConfigError: other shapes.

    Reference: Varma et al. (2023), arXiv:2309.02390, section 4.
    """
    logits = _check_classes(table)
    size = logits.shape[0]
    means = _mean_by_difference(logits)
    element = jnp.arange(size)
    # Cosines are what is even in a + b - c.
    even = (means + means[-element % size]) / 2
    even = even - jnp.mean(even)
    return even[(element[:, None, None] + element[:, None] - element) % size]


def _check_classes(table: ArrayLike) -> Array:
    logits = check_table(table)
    if logits.shape[2] != logits.shape[0]:
        raise ConfigError(
            f"table has shape {logits.shape}; it must be [n, n, n]: a class for each element, in the group's order."
        )
    return logits


def _mean_by_difference(logits: Array) -> Array:
    """``[k]``: the mean over triples with ``a + b - c = k``."""
    size = logits.shape[0]
    element = jnp.arange(size)
    return jnp.mean(mean_by_sum(logits)[element, (element - element[:, None]) % size], axis=1)
