"""Networks of one hidden layer of ReLU units, of many widths at once, fitted to the squared loss."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.regression._design import full_precision
from gendyn.regression.descent_path import descent_path
from gendyn.types import Array

_Weights = tuple[Array, Array, Array, Array]
"""First layer ``[d, H]`` and bias ``[H]``, second layer ``[H, K]`` and bias ``[K]``."""


class ReluNetworks(NamedTuple):
    """``R`` problems, each fitted by ``W`` networks; NumPy."""

    residual: np.ndarray
    """``|outputs - targets|^2 / |targets|^2`` after the last step, ``[R, W]``: 1 for a fit of nothing."""
    outputs: np.ndarray
    """On the training inputs, ``[R, W, n, K]``."""


def relu_network_parameters(width: int, num_inputs: int, num_outputs: int) -> int:
    """Number of weights and biases of both layers.

    >>> relu_network_parameters(5, 16, 3)
    103
    """
    return (num_inputs + 1) * width + (width + 1) * num_outputs


@full_precision
def fit_relu_networks(
    units: np.ndarray,
    x: np.ndarray,
    targets: np.ndarray,
    widths: Sequence[int],
    *,
    num_steps: int,
    learning_rate: float,
    widest_over_narrowest: float = 1.6,
) -> ReluNetworks:
    """Full-batch Adam on the squared loss, the learning rate falling to 0 by a cosine, for every width; in float32.

    Weights start Gaussian, with variances ``2 / d`` and ``1 / width``, biases at 0. Neighbouring widths share a
    program: narrower networks are padded by units without weights, whose gradients are zero and whose weights stay
    zero. A wider network starts with the narrower one's units.

    Cost: one program for each range of widths; networks one after the other.

    Args:
        units: standard normal draws, a unit's weights a row, ``[R, H, d + K]``; ``H`` at least the largest width.
        x: ``[R, n, d]``.
        targets: ``[R, n, K]``.
        widths: ascending.
        num_steps: of Adam.
        learning_rate: of the first step, positive.
        widest_over_narrowest: of the widths that share a program, at least 1.

    Raises:
        ConfigError: an argument out of range, widths that do not ascend, or shapes that do not fit.

    >>> rng = np.random.default_rng(0)
    >>> x, y, units = (rng.normal(size=shape) for shape in ((1, 6, 2), (1, 6, 1), (1, 40, 3)))
    >>> narrow, wide = fit_relu_networks(units, x, y, (1, 40), num_steps=1000, learning_rate=0.03).residual[0]
    >>> bool(wide < 1e-3 < narrow)
    True
    """
    check_positive_int("num_steps", num_steps)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    check_range("widest_over_narrowest", widest_over_narrowest, low=1)
    if not len(widths) or widths[0] < 1 or np.any(np.diff(widths) <= 0):
        raise ConfigError(f"widths = {tuple(widths)} must be ascending and at least 1. Sort them, each once.")
    problems, _, num_inputs = np.shape(x)
    wanted = (problems, units.shape[1], num_inputs + targets.shape[-1])
    if targets.shape[:2] != np.shape(x)[:2] or units.shape != wanted or units.shape[1] < widths[-1]:
        raise ConfigError(
            f"x {np.shape(x)}, targets {targets.shape} and units {units.shape} must be [R, n, d], [R, n, K] and "
            f"[R, H, d + K], H at least the largest width {widths[-1]}."
        )
    residuals, outputs = [], []
    for bucket in _buckets(widths, widest_over_narrowest):
        starts = [_start(row, width, bucket[-1], num_inputs) for row in units for width in bucket]
        start = tuple(jnp.asarray(np.stack(leaves)) for leaves in zip(*starts, strict=True))
        data = (jnp.asarray(np.repeat(np.asarray(array, np.float32), len(bucket), axis=0)) for array in (x, targets))
        found = _train(start, *data, jnp.float32(learning_rate), jnp.int32(num_steps))
        residual, output = (np.asarray(part).reshape(problems, len(bucket), *part.shape[1:]) for part in found)
        residuals.append(residual)
        outputs.append(output)
    return ReluNetworks(np.concatenate(residuals, axis=1), np.concatenate(outputs, axis=1))


def _buckets(widths: Sequence[int], widest_over_narrowest: float) -> list[list[int]]:
    """Ascending widths, those together that share a program."""
    grouped: list[list[int]] = []
    for width in widths:
        if not grouped or width > widest_over_narrowest * grouped[-1][0]:
            grouped.append([])
        grouped[-1].append(width)
    return grouped


def _start(units: np.ndarray, width: int, padded: int, num_inputs: int) -> tuple[np.ndarray, ...]:
    chosen = np.zeros((padded, units.shape[1]), np.float32)
    chosen[:width] = units[:width]
    first = chosen[:, :num_inputs].T * math.sqrt(2 / num_inputs)
    second = chosen[:, num_inputs:] / math.sqrt(width)
    return first, np.zeros(padded, np.float32), second, np.zeros(second.shape[1], np.float32)


@jax.jit
def _train(start: tuple[Array, ...], x: Array, y: Array, learning_rate: Array, num_steps: Array) -> tuple[Array, Array]:
    """Residuals ``[B]`` and outputs ``[B, n, K]``, one network after the other."""
    falling = optax.scale_by_schedule(lambda step: -learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * step / num_steps)))
    adam = optax.chain(optax.scale_by_adam(), falling)

    def one(arguments: tuple[_Weights, Array, Array]) -> tuple[Array, Array]:
        first, inputs, targets = arguments

        def outputs(weights: _Weights) -> Array:
            return jax.nn.relu(inputs @ weights[0] + weights[1]) @ weights[2] + weights[3]

        def loss(weights: _Weights) -> Array:
            return jnp.sum(jnp.square(outputs(weights) - targets)) / jnp.sum(jnp.square(targets))

        path = descent_path(jax.grad(loss), first, adam, num_steps[None])
        end = jax.tree.map(lambda leaf: leaf[0], path)
        return loss(end), outputs(end)

    return jax.lax.map(one, (start, x, y))
