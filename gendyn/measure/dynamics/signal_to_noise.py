"""Signal-to-noise ratio of random vectors, with the jackknife's standard error; no network in sight."""

from typing import NamedTuple

import jax.numpy as jnp

from gendyn.types import Array


class SignalToNoise(NamedTuple):
    """Of a random vector ``g`` with mean ``m``."""

    signal: Array
    """Unbiased estimate of ``||m||²``; it may fall below 0 where there is none."""
    noise: Array
    """Unbiased estimate of the mean of ``||g - m||²``."""
    ratio: Array
    """``signal / noise``; infinite for a vector without noise, 0 for the zero vector, NaN for what is not finite."""
    standard_error: Array
    """Of ``ratio``, over the draw of the samples, by the delete-one jackknife; 0 without noise."""


def signal_to_noise(mean_square: Array, deviation_squares: Array, deviation_products: Array) -> SignalToNoise:
    """``||m||² / mean of ||g - m||²`` from ``K`` samples, of which only inner products are needed.

    With ``gbar`` the samples' mean and ``r_k = g_k - gbar``: ``noise = sum_k ||r_k||² / (K - 1)`` and
    ``signal = ||gbar||² - noise / K``. Every delete-one estimate follows from the same three inputs.

    Args:
        mean_square: ``||gbar||²``, ``[...]``.
        deviation_squares: ``||r_k||²``, ``[..., K]`` with ``K`` of at least 3.
        deviation_products: ``<gbar, r_k>``, ``[..., K]``.

    Returns:
        Arrays ``[...]``.

    >>> samples = jnp.array([[1.0, 2.0], [1.0, 0.0], [1.0, -2.0]])
    >>> mean = samples.mean(0)
    >>> found = signal_to_noise(mean @ mean, jnp.sum((samples - mean) ** 2, 1), (samples - mean) @ mean)
    >>> round(float(found.signal), 4), float(found.noise)
    (-0.3333, 4.0)
    """
    count = deviation_squares.shape[-1]
    total = jnp.sum(deviation_squares, axis=-1)
    noise = total / (count - 1)
    signal = mean_square - noise / count
    left_out_noise = (total[..., None] - deviation_squares * count / (count - 1)) / (count - 2)
    left_out_mean_square = (
        mean_square[..., None] - 2 * deviation_products / (count - 1) + deviation_squares / (count - 1) ** 2
    )
    left_out = _ratio(left_out_mean_square - left_out_noise / (count - 1), left_out_noise)
    return SignalToNoise(signal, noise, _ratio(signal, noise), jackknife_error(left_out))


def jackknife_error(left_out: Array) -> Array:
    """``sqrt((K - 1) / K sum_k (t_k - mean t)²)`` over the last axis of delete-one estimates ``[..., K]``.

    0 where all of them are infinite, infinite where some are, NaN where one is.

    >>> round(float(jackknife_error(jnp.array([2.5, 2.0, 1.5]))), 4)
    0.5774
    """
    count = left_out.shape[-1]
    # An infinite estimate without noise has no spread; the difference of infinities would be NaN. NaN stays NaN.
    endless = jnp.isinf(left_out)
    finite = jnp.where(endless, 0.0, left_out)
    spread = finite - jnp.mean(finite, axis=-1, keepdims=True)
    error = jnp.sqrt((count - 1) / count * jnp.sum(jnp.square(spread), axis=-1))
    return jnp.where(endless.any(-1) & ~endless.all(-1), jnp.inf, error)


def _ratio(signal: Array, noise: Array) -> Array:
    none = jnp.where(signal == 0, 0.0, jnp.sign(signal) * jnp.inf)
    # Rounding may leave less than no noise. What is not finite has no ratio, and no infinite one.
    found = jnp.where(noise <= 0, none, signal / jnp.where(noise <= 0, 1.0, noise))
    return jnp.where(jnp.isfinite(signal) & jnp.isfinite(noise), found, jnp.nan)
