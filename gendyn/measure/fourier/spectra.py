"""How much of a function on a cyclic group each frequency carries: pure functions of arrays."""

import jax.numpy as jnp

from gendyn.core import ConfigError, is_concrete
from gendyn.measure.fourier._table import both_signs, check_table, mean_by_sum
from gendyn.types import Array, ArrayLike


def gini(values: ArrayLike) -> Array:
    """Gini coefficient of non-negative values: 0 if all are equal, near 1 if few hold most. Exact.

    ``sum_i (2 i - m - 1) x_i / (m sum_i x_i)`` of ``m`` values sorted upwards, ``i = 1 … m``: 0 if all are equal, ``(m
    - 1) / m`` if one holds all; 0 where all are 0.

    Args:
        values: non-negative, real ``[..., m]``.

    Returns:
        ``[...]`` in [0, 1); NaN where a value is not finite.

    Raises:
        ConfigError: no axis or no entries.

    >>> float(gini(jnp.array([0.0, 0.0, 0.0, 3.0]))), float(gini(jnp.ones(7)))
    (0.75, 0.0)

    Reference: Hurley & Rickard (2009), Comparing measures of sparsity, table I.
    """
    array = jnp.asarray(values)
    if array.ndim < 1 or array.size == 0:
        raise ConfigError(f"values has shape {array.shape}; it must have at least one axis and one entry.")
    ordered = jnp.sort(array.astype(jnp.promote_types(array.dtype, jnp.float32)), axis=-1)
    size = ordered.shape[-1]
    ranks = 2.0 * jnp.arange(1, size + 1, dtype=ordered.dtype) - size - 1
    total = jnp.sum(ordered, axis=-1)
    # Where nothing is there, not "unless something is": of NaN nothing is, and it would read as all equal.
    empty = total == 0
    found = jnp.where(empty, 0.0, ordered @ ranks / (size * jnp.where(empty, 1.0, total)))
    return jnp.where(jnp.isfinite(total), found, jnp.nan)


def fourier_norms(matrix: ArrayLike) -> Array:
    """Norm of the part of a function on Z_n that oscillates at each frequency. Exact.

    ``norms[w - 1] = sqrt(sum over columns of <column, cos_w>² + <column, sin_w>²)`` for ``w = 1 … floor(n / 2)``, with
    ``cos_w`` and ``sin_w`` of norm 1 (for ``w = n / 2`` there is no sine). Squares of the norms, and of that of the
    column means times ``sqrt(n)``, add up to ``||matrix||_F²``.

    Args:
        matrix: real ``[n, d]``: row ``k`` belongs to the element ``k``.

    Returns:
        ``[floor(n / 2)]``, in the unit of the matrix.

    Raises:
        ConfigError: not two axes, fewer than 3 rows, or no column.

    >>> angles = 2 * jnp.pi * jnp.arange(5) / 5
    >>> print(fourier_norms(jnp.cos(2 * angles)[:, None]).round(4))
    [0.     1.5811]
    """
    array = jnp.asarray(matrix)
    if array.ndim != 2 or array.shape[0] < 3 or array.shape[1] == 0:
        raise ConfigError(
            f"matrix has shape {array.shape}; it must be [n, d] with n of at least 3, a row an element, and d of 1."
        )
    size = array.shape[0]
    wave = jnp.fft.rfft(array.astype(jnp.promote_types(array.dtype, jnp.float32)), axis=0)[1:]
    return jnp.sqrt(both_signs(size) * jnp.sum(jnp.square(jnp.abs(wave)), axis=1) / size)


def logit_spectrum(table: ArrayLike) -> Array:
    """Power of logits at each pair of frequencies of their two arguments: the 2-D discrete Fourier transform. Exact.

    ``power[v, w] = (1 / n^4) sum over c and signs of |sum_ab L[a, b, c] e^{-2 pi i (± v a ± w b) / n}|²``. The sum over
    all pairs is the mean over ``(a, b)`` of ``sum_c L²``. A sum of ``cos(2 pi w (a + b - c) / n)`` has power on the
    diagonal only.

    Args:
        table: logits ``[n, n, C]``.

    Returns:
        ``[F + 1, F + 1]`` with ``F = floor(n / 2)``; index 0 is the constant.

    Raises:
        ConfigError: not ``[n, n, C]`` with ``n`` of at least 3.
    """
    logits = check_table(table)
    size = logits.shape[0]
    full = jnp.sum(jnp.square(jnp.abs(jnp.fft.fft2(logits, axes=(0, 1)))), axis=2) / size**4
    element = jnp.arange(size)
    fold = (jnp.minimum(element, size - element) == jnp.arange(size // 2 + 1)[:, None]).astype(full.dtype)
    return jnp.einsum("vi,ij,wj->vw", fold, full, fold, precision="highest")


def frequency_shares(table: ArrayLike) -> Array:
    """Share of the logits' variance that each frequency of ``a + b`` explains. Exact.

    ``share[w - 1] = ||P_w L||² / ||L||²``: ``L`` centred over classes (which softmax ignores) and over all pairs,
    ``P_w`` the projection of each class's logit on ``cos`` and ``sin`` of ``2 pi w (a + b) / n``. Shares of all ``w``
    sum to at most 1, and to 1 for a function of ``a + b``. Constant logits have shares 0; all shares are NaN where a
    logit is not finite.

    Args:
        table: logits ``[n, n, C]``.

    Returns:
        ``[floor(n / 2)]``, for ``w = 1 … floor(n / 2)``: the top frequency included.

    Raises:
        ConfigError: not ``[n, n, C]`` with ``n`` of at least 3.

    Reference: Nanda et al. (2023), arXiv:2301.05217, section 4.1 (there of neurons; here of logits).
    """
    logits = check_table(table)
    size = logits.shape[0]
    logits = logits - jnp.mean(logits, axis=2, keepdims=True)
    logits = logits - jnp.mean(logits, axis=(0, 1), keepdims=True)
    variance = jnp.sum(jnp.mean(jnp.square(logits), axis=(0, 1)))
    wave = jnp.fft.rfft(mean_by_sum(logits), axis=0)[1:]
    explained = both_signs(size) * jnp.sum(jnp.square(jnp.abs(wave)), axis=1) / size**2
    constant = variance == 0
    return jnp.where(constant, 0.0, explained / jnp.where(constant, 1.0, variance))


def key_frequencies(shares: ArrayLike, *, threshold: ArrayLike = 0.01, contrast: ArrayLike = 3.0) -> Array:
    """Which frequencies carry logits: large shares that stand out. Exact.

    ``share >= threshold``, and ``share >= contrast`` times the lower quartile of all shares (the ``floor((F - 1) /
    4)``-th smallest). The second condition asks for concentration: a look-up table of a random fraction ``f`` of all
    pairs has about ``f / F`` at every frequency, above any fixed threshold for a small group; it finds nothing where
    more than three quarters of the frequencies are in equal use.

    Args:
        shares: ``[F]``, of :func:`frequency_shares`.
        threshold: of the variance; may be traced.
        contrast: 0 switches the second condition off; may be traced.

    Returns:
        bool ``[F]``; all false where a share is not finite, which a bool cannot say: look at the shares first.

    Raises:
        ConfigError: not one axis with an entry at least, or concrete shares that are not finite.

    >>> key_frequencies(jnp.array([0.01, 0.5, 0.01, 0.3])).tolist()
    [False, True, False, True]
    >>> key_frequencies(jnp.array([0.2, 0.25, 0.2, 0.3])).tolist()
    [False, False, False, False]
    """
    array = jnp.asarray(shares)
    if array.ndim != 1 or array.size == 0:
        raise ConfigError(f"shares has shape {array.shape}; it must be [F] with a frequency at least.")
    finite = jnp.isfinite(array).all()
    if is_concrete(finite) and not finite:
        raise ConfigError("shares are not finite: no frequency is known to be key. Find where the logits diverged.")
    quartile = jnp.sort(array)[(array.size - 1) // 4]
    return finite & (array >= threshold) & (array >= contrast * quartile)
