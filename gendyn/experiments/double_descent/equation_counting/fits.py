"""Problems, and how they are fitted: least squares on a growing number of features, and trained networks.

Every draw comes from a redraw's seed alone. Targets are one-hot labels minus their mean, so that the residual is a
share of the labels' variance: 1 for a fit of nothing.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import normal, stream
from gendyn.regression import prefix_least_squares, random_fourier_features, random_relu_features
from gendyn.tasks import digits
from gendyn.types import Array

NUM_PIXELS = 16
LINEAR, FOURIER, RELU, NETWORK = "linear", "fourier", "relu", "network"
FEATURES = (LINEAR, FOURIER, RELU)
TRUE, RANDOM = "true", "random"
LENGTHSCALE = 2.0
"""Of the Fourier features, in units of standardised pixels: short enough for designs of full rank in float64."""
_POOL = 1500


class Problem(NamedTuple):
    """One redraw: inputs with labels."""

    inputs: np.ndarray
    """``[n, d]``."""
    labels: np.ndarray
    """``[n]``, of ``K`` classes."""


class Fit(NamedTuple):
    """How well models of several sizes fit."""

    residual: np.ndarray
    """Share of the targets' variance that is left, ``[..., W]``."""
    error: np.ndarray
    """Share of examples whose largest output is not their label's, ``[..., W]``."""


@functools.cache
def pooled_digits() -> tuple[np.ndarray, np.ndarray]:
    """1,500 digits averaged to 4 x 4 pixels, each standardised: ``[1500, 16]`` float64, and labels ``[1500]``."""
    task = digits(num_test=1797 - _POOL)
    pixels = task.x_train.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, NUM_PIXELS).astype(np.float64)
    return (pixels - pixels.mean(axis=0)) / pixels.std(axis=0), task.y_train


def image_problem(seed: int, labels: str, num_train: int, num_classes: int) -> Problem:
    """Images of the first ``num_classes`` digits, without replacement, with their own or with uniform labels.

    Both kinds of labels have the same images.
    """
    key, (images, digit) = jax.random.key(seed), pooled_digits()
    candidates = np.flatnonzero(digit < num_classes)
    order = np.argsort(np.asarray(normal(stream(key, "images"), (len(candidates),))), kind="stable")
    chosen = candidates[order[:num_train]]
    return Problem(images[chosen], digit[chosen] if labels == TRUE else _uniform_labels(key, num_train, num_classes))


def linear_problem(seed: int, labels: str, num_train: int, num_classes: int, dimension: int) -> Problem:
    """Gaussian inputs; labels are the largest of ``num_classes`` linear functions of them, or uniform."""
    key = jax.random.key(seed)
    inputs = np.asarray(normal(stream(key, "inputs"), (num_train, dimension)), np.float64)
    teacher = np.asarray(normal(stream(key, "teacher"), (dimension, num_classes)), np.float64)
    own = np.argmax(inputs @ teacher, axis=1)
    return Problem(inputs, own if labels == TRUE else _uniform_labels(key, num_train, num_classes))


def _uniform_labels(key: Array, num_train: int, num_classes: int) -> np.ndarray:
    return np.asarray(jax.random.randint(stream(key, "labels"), (num_train,), 0, num_classes))


def targets_of(labels: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Centred one-hot labels ``[n, K]`` and the mean that was taken off ``[K]``."""
    hot = np.eye(num_classes)[labels]
    return hot - hot.mean(axis=0), hot.mean(axis=0)


def fit_features(
    model: str, seeds: Sequence[int], problems: Sequence[Problem], classes: int, sizes: tuple[int, ...]
) -> Fit:
    """Minimum-norm least squares on the first ``p`` features for every ``p`` of ``sizes``, in float64: ``[R, W]``."""
    residuals, errors = [], []
    for seed, problem in zip(seeds, problems, strict=True):
        targets, mean = targets_of(problem.labels, classes)
        key = stream(jax.random.key(seed), "features")
        with jax.enable_x64(True):
            x = jnp.asarray(problem.inputs)
            if model == FOURIER:
                x = random_fourier_features(key, x, max(sizes), lengthscale=LENGTHSCALE)
            elif model == RELU:
                x = random_relu_features(key, x, max(sizes))
            found = np.asarray(prefix_least_squares(x, jnp.asarray(targets), sizes).coefficients)
            outputs = np.asarray(x) @ found
        residuals.append(np.sum((outputs - targets) ** 2, axis=(1, 2)) / np.sum(targets**2))
        errors.append(np.mean(np.argmax(outputs + mean, axis=2) != problem.labels, axis=1))
    return Fit(np.array(residuals), np.array(errors))


def num_parameters(width: int, num_classes: int) -> int:
    """Of a network with one hidden layer: weights and biases of both layers."""
    return (NUM_PIXELS + 1) * width + (width + 1) * num_classes


def train_networks(
    seeds: Sequence[int],
    problems: Sequence[Problem],
    num_classes: int,
    widths: Sequence[int],
    *,
    num_steps: int,
    learning_rate: float,
    widest_over_narrowest: float = 1.6,
) -> Fit:
    """Full-batch Adam on the squared loss, the rate falling to 0 by a cosine, for every width: ``[R, W]``.

    One hidden layer of ReLU units from a Gaussian start (variances ``2 / 16`` and ``1 / width``, biases 0), in float32.
    Neighbouring widths share a program: narrower networks are padded by units without weights, whose gradients are
    zero and whose weights stay zero. A wider network starts with the narrower one's units.
    """
    placed = [targets_of(problem.labels, num_classes) for problem in problems]
    x = np.stack([problem.inputs for problem in problems]).astype(np.float32)
    y = np.stack([targets for targets, _ in placed]).astype(np.float32)
    keys = [stream(jax.random.key(seed), "units") for seed in seeds]
    units = np.stack([np.asarray(normal(key, (max(widths), NUM_PIXELS + num_classes))) for key in keys])
    found = Fit(np.empty((len(seeds), len(widths))), np.empty((len(seeds), len(widths))))
    for bucket in buckets(widths, widest_over_narrowest):
        starts: list[list[np.ndarray]] = [
            _start(row, widths[place], widths[bucket[-1]]) for row in units for place in bucket
        ]
        start = [jnp.asarray(np.stack(leaves)) for leaves in zip(*starts, strict=True)]
        repeated = [jnp.asarray(np.repeat(array, len(bucket), axis=0)) for array in (x, y)]
        residual, outputs = _train(start, *repeated, jnp.float32(learning_rate), jnp.int32(num_steps))
        shape = (len(seeds), len(bucket))
        found.residual[:, bucket] = np.asarray(residual).reshape(shape)
        scores = np.asarray(outputs).reshape(*shape, *y.shape[1:])
        for row, ((_, mean), problem) in enumerate(zip(placed, problems, strict=True)):
            found.error[row, bucket] = np.mean(np.argmax(scores[row] + mean, axis=2) != problem.labels, axis=1)
    return found


def buckets(widths: Sequence[int], widest_over_narrowest: float) -> list[list[int]]:
    """Places of ascending widths that share a program."""
    grouped: list[list[int]] = []
    for place, width in enumerate(widths):
        if not grouped or width > widest_over_narrowest * widths[grouped[-1][0]]:
            grouped.append([])
        grouped[-1].append(place)
    return grouped


def _start(units: np.ndarray, width: int, padded: int) -> list[np.ndarray]:
    chosen = np.zeros((padded, units.shape[1]), np.float32)
    chosen[:width] = units[:width]
    first = chosen[:, :NUM_PIXELS].T * math.sqrt(2 / NUM_PIXELS)
    second = chosen[:, NUM_PIXELS:] / math.sqrt(width)
    return [first, np.zeros(padded, np.float32), second, np.zeros(second.shape[1], np.float32)]


@jax.jit
def _train(start: list[Array], x: Array, y: Array, learning_rate: Array, num_steps: Array) -> tuple[Array, Array]:
    """Residuals ``[B]`` and outputs ``[B, n, K]``, one network after the other."""
    adam = optax.scale_by_adam()

    def one(arguments: tuple[Any, Array, Array]) -> tuple[Array, Array]:
        first, inputs, targets = arguments

        def outputs(params: Any) -> Array:
            return jax.nn.relu(inputs @ params[0] + params[1]) @ params[2] + params[3]

        def loss(params: Any) -> Array:
            return jnp.sum(jnp.square(outputs(params) - targets)) / jnp.sum(jnp.square(targets))

        def step(index: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            params, state = carry
            updates, state = adam.update(jax.grad(loss)(params), state)
            rate = learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * index / num_steps))
            return jax.tree.map(lambda leaf, change: leaf - rate * change, params, updates), state

        params, _ = jax.lax.fori_loop(0, num_steps, step, (first, adam.init(first)))
        return loss(params), outputs(params)

    return jax.lax.map(one, (start, x, y))
