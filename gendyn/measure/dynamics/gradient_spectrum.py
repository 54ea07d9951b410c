"""How fast gradients change during training: their power spectrum in time, layer by layer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, stream
from gendyn.measure.dynamics.signal_to_noise import jackknife_error
from gendyn.types import Array, ArrayLike, PyTree


class TemporalSpectrum(NamedTuple):
    """Power of a network's gradients by frequency; ``F = segment_length // 2 + 1``, in cycles per step."""

    frequencies: Array
    """``[F]``, from 0 to 1/2."""
    density: dict[str, Array]
    """``[F]`` for each leaf's path: squared gradient norm per unit of frequency; its integral is the mean of
    ``||g_t||²`` (exact in expectation over the projections and up to the window)."""
    slow_fraction: dict[str, Array]
    """Share of the power at frequencies up to the cutoff, for each leaf, and for ``total``: the sum over leaves."""
    slow_fraction_standard_error: dict[str, Array]
    """Over the draw of the projections, for this one trajectory; by the jackknife."""
    state: PyTree
    """Where training arrived."""


def temporal_gradient_spectrum(
    step: Callable[[Any], tuple[Any, PyTree]],
    state: PyTree,
    num_steps: int,
    *,
    key: Array,
    num_projections: int = 16,
    segment_length: int | None = None,
    cutoff: ArrayLike = 0.02,
) -> TemporalSpectrum:
    """Estimates the power spectral density in time of each leaf's gradient, over ``num_steps`` steps of training.

    Each leaf's gradient ``g_t`` is projected on ``P`` fixed random sign vectors ``u`` (the mean of ``<u, g>²`` is
    ``||g||²``), and Welch's estimate of the ``P`` series is averaged: :func:`gendyn.measure.welch_density`. The share
    of the power below a cutoff is what a low-pass filter of the gradient amplifies: an exponential mean with decay
    ``alpha`` keeps half of the power at about ``(1 - alpha) / (2 pi sqrt(alpha))`` cycles a step (0.0032 for 0.98), a
    mean over ``w`` steps at about ``0.44 / w``.

    Cost: ``num_steps`` steps in one ``lax.scan`` and ``P`` inner products a step; memory ``P`` vectors like the
    parameters and the series, 4 ``num_steps P`` bytes a leaf. Jit- and vmap-safe. Directions are drawn in the shape of
    the leaf: padding is never projected on anything but zeros, but changes the draw.

    Args:
        step: ``state -> (next state, gradient of this step)``; pure. Return the raw gradient, before filters. Of a run
            of :mod:`gendyn.train` it is ``lambda state: train.step_and_gradient(run, state, sample, data)``; of the
            networks of a sweep, ``gendyn.experiments.grokking.circuit_progress.gradient_spectra`` makes it.
        state: where to start: parameters, optimizer state, step, … of a checkpoint.
        num_steps: length of the series.
        key: typed PRNG key of the projections.
        num_projections: ``P``, at least 2.
        segment_length: steps of a Welch segment; ``None``: half of the series, rounded down to even (three segments).
        cutoff: in cycles per step, at least the resolution ``1 / segment_length`` and at most 1/2; may be traced.

    Returns:
        The spectrum, and the state after the last step.

    Raises:
        ConfigError: counts or a cutoff out of range, or a ``step`` that does not return a pair.

    >>> def step(time):
    ...     return time + 1, {"slow": jnp.ones(3), "fast": jnp.cos(jnp.pi * time) * jnp.ones(3)}
    >>> found = temporal_gradient_spectrum(step, jnp.float32(0.0), 256, key=jax.random.key(0))
    >>> {name: round(float(found.slow_fraction[name]), 4) for name in ("slow", "fast")}
    {'slow': 1.0, 'fast': 0.0}

    Reference: Lee et al. (2024), Grokfast, arXiv:2405.20233, section 2 (the decomposition); Welch (1967).
    """
    check_key("key", key)
    check_positive_int("num_steps", num_steps, low=8)
    check_positive_int("num_projections", num_projections, low=2)
    length = _segment_length(num_steps, segment_length)
    check_range("cutoff", cutoff, low=1 / length, high=0.5)
    shapes = jax.eval_shape(lambda s: step(s), state)
    if not isinstance(shapes, tuple) or len(shapes) != 2:
        raise ConfigError("step must return (next state, gradient): a tuple of two.")
    named = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(shapes[1])[0]
    }
    directions = {
        name: jax.random.rademacher(stream(key, name), (num_projections, leaf.size), jnp.float32)
        for name, leaf in named.items()
    }

    def advance(state: PyTree, _: None) -> tuple[PyTree, dict[str, Array]]:
        state, gradient = step(state)
        flat = dict(zip(named, (leaf.astype(jnp.float32).ravel() for leaf in jax.tree.leaves(gradient)), strict=True))
        return state, {name: jnp.dot(directions[name], flat[name], precision="highest") for name in named}

    state, series = jax.lax.scan(advance, state, None, length=num_steps)
    each = {name: welch_density(values, segment_length=length)[1] for name, values in series.items()}
    frequencies = jnp.fft.rfftfreq(length)
    fractions = {name: _slow_fraction(frequencies, density, cutoff) for name, density in each.items()}
    fractions["total"] = _slow_fraction(frequencies, sum(each.values(), jnp.zeros(())), cutoff)
    return TemporalSpectrum(
        frequencies=frequencies,
        density={name: jnp.mean(density, axis=1) for name, density in each.items()},
        slow_fraction={name: value for name, (value, _) in fractions.items()},
        slow_fraction_standard_error={name: error for name, (_, error) in fractions.items()},
        state=state,
    )


def welch_density(series: ArrayLike, *, segment_length: int | None = None) -> tuple[Array, Array]:
    """Estimates the one-sided power spectral density of real series of unit sampling rate: Welch's method.

    Segments of ``segment_length`` overlap by a half; each is multiplied by a periodic Hann window ``h`` and
    transformed; ``density_f = mean over segments of c_f |DFT(h s)_f|² / sum of h²`` with ``c_f = 2`` except at 0 and
    1/2. Nothing is subtracted first: the mean is the slowest part, and here it counts. White noise of variance ``v``
    has density ``2 v``; the sum over frequencies over ``segment_length`` is the mean of the windowed power.

    Cost: ``2 T / segment_length`` Fourier transforms a series.

    Args:
        series: real ``[T, ...]``, with ``T`` of at least 8.
        segment_length: even, from 4 to ``T``; ``None``: ``T / 2`` rounded down to even.

    Returns:
        Frequencies ``[F]`` in cycles per step, ``F = segment_length / 2 + 1``; and densities ``[F, ...]``.

    Raises:
        ConfigError: a series too short, or a segment length out of range.

    >>> times = jnp.arange(64)
    >>> frequencies, density = welch_density(jnp.cos(2 * jnp.pi * times / 8), segment_length=32)
    >>> float(frequencies[jnp.argmax(density)]), round(float(density.sum()) / 32, 4)
    (0.125, 0.5)

    Reference: Welch (1967), The use of fast Fourier transform for the estimation of power spectra.
    """
    values = jnp.asarray(series)
    if values.ndim < 1 or values.shape[0] < 8:
        raise ConfigError(f"series has shape {values.shape}; it must be [T, ...] with T of at least 8 steps.")
    values = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    length = _segment_length(values.shape[0], segment_length)
    starts = jnp.arange(0, values.shape[0] - length + 1, length // 2)
    window = 0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(length) / length).astype(values.dtype)
    segments = values[starts[:, None] + jnp.arange(length)]
    wave = jnp.fft.rfft(segments * window.reshape(-1, *[1] * (values.ndim - 1)), axis=1)
    sides = jnp.full(length // 2 + 1, 2.0, values.dtype).at[jnp.array([0, -1])].set(1.0)
    power = jnp.mean(jnp.square(jnp.abs(wave)), axis=0) / jnp.sum(jnp.square(window))
    return jnp.fft.rfftfreq(length), power * sides.reshape(-1, *[1] * (values.ndim - 1))


def _segment_length(num_steps: int, segment_length: int | None) -> int:
    if segment_length is None:
        return num_steps // 4 * 2
    check_positive_int("segment_length", segment_length, low=4)
    if segment_length % 2 or segment_length > num_steps:
        raise ConfigError(
            f"segment_length = {segment_length} must be even and at most the {num_steps} steps there are."
        )
    return segment_length


def _slow_fraction(frequencies: Array, density: Array, cutoff: ArrayLike) -> tuple[Array, Array]:
    """Share of ``density [F, P]`` up to the cutoff, over all projections, and its jackknife error."""
    slow = jnp.sum(jnp.where(frequencies[:, None] <= cutoff, density, 0.0), axis=0)
    power = jnp.sum(density, axis=0)

    def share(slow: Array, power: Array) -> Array:
        return jnp.where(power == 0, 0.0, slow / jnp.where(power == 0, 1.0, power))

    left_out = share(jnp.sum(slow) - slow, jnp.sum(power) - power)
    return share(jnp.sum(slow), jnp.sum(power)), jackknife_error(left_out)
