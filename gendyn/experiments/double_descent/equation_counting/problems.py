"""The problems: images or Gaussian inputs with true or uniform labels. Every draw comes from a redraw's seed alone."""

import functools
from typing import NamedTuple

import jax
import numpy as np

from gendyn.core import normal, stream
from gendyn.tasks import digits

NUM_PIXELS = 16
LINEAR, FOURIER, RELU, NETWORK = "linear", "fourier", "relu", "network"
FEATURES = (LINEAR, FOURIER, RELU)
TRUE, RANDOM = "true", "random"
_POOL = 1500


class Problem(NamedTuple):
    """One redraw. Targets are centred, so that a residual is a share of the labels' variance: 1 for no fit at all."""

    inputs: np.ndarray
    """``[n, d]``."""
    labels: np.ndarray
    """``[n]``, of ``K`` classes."""
    targets: np.ndarray
    """One-hot labels minus their mean, ``[n, K]``."""

    def error(self, outputs: np.ndarray) -> np.ndarray:
        """Share of examples whose largest output is not their label's, ``[..., n, K] -> [...]``."""
        means = np.mean(np.eye(self.targets.shape[1])[self.labels], axis=0)
        return np.asarray(np.mean(np.argmax(outputs + means, axis=-1) != self.labels, axis=-1))


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
    images, digit = pooled_digits()
    candidates = np.flatnonzero(digit < num_classes)
    draws = np.asarray(normal(stream(jax.random.key(seed), "images"), (len(candidates),)))
    chosen = candidates[np.argsort(draws, kind="stable")[:num_train]]
    return _labelled(seed, labels, images[chosen], digit[chosen], num_classes)


def linear_problem(seed: int, labels: str, num_train: int, num_classes: int, dimension: int) -> Problem:
    """Gaussian inputs; labels are the largest of ``num_classes`` linear functions of them, or uniform."""
    key = jax.random.key(seed)
    inputs = np.asarray(normal(stream(key, "inputs"), (num_train, dimension)), np.float64)
    teacher = np.asarray(normal(stream(key, "teacher"), (dimension, num_classes)), np.float64)
    return _labelled(seed, labels, inputs, np.argmax(inputs @ teacher, axis=1), num_classes)


def _labelled(seed: int, labels: str, inputs: np.ndarray, own: np.ndarray, num_classes: int) -> Problem:
    key = stream(jax.random.key(seed), "labels")
    chosen = own if labels == TRUE else np.asarray(jax.random.randint(key, own.shape, 0, num_classes))
    hot = np.eye(num_classes)[chosen]
    return Problem(inputs, chosen, hot - hot.mean(axis=0))
