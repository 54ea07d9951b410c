"""Samples of a task's images with one-hot targets, and random features of them."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, lookup, stream
from gendyn.experiments.linear_models._sphere import Sample
from gendyn.regression import random_fourier_features, random_relu_features
from gendyn.tasks import uniform_incorrect
from gendyn.types import Array

FAMILIES = ("fourier", "relu")


def image_features(family: str, lengthscale: float, key: Array, x: Array, size: int) -> Array:
    """Random features ``[n, N]``: ``"fourier"`` of a length scale, or ``"relu"`` with a bias."""
    if family == "fourier":
        return random_fourier_features(key, x, size, lengthscale=lengthscale)
    return random_relu_features(key, jnp.pad(x, ((0, 0), (0, 1)), constant_values=1.0), size)


def image_sample(
    task_name: str, *, num_train: int, num_test: int, label_noise: Sequence[float]
) -> Callable[[Array], Sample]:
    """A function of a key that draws training images of the pool; the first ``num_test`` test images stay.

    Images are flattened and divided by ``sqrt(d)``, so that standardised ones have a norm near 1; float64. Labels of
    a lower rate of noise are wrong at a higher one too.

    Raises:
        ConfigError: a task without classes, or more images than there are.
    """
    task = lookup("tasks", task_name)()
    if task.kind != "classification":
        raise ConfigError(f"config.images.task = {task_name!r} is a {task.kind}; choose a set of images with classes.")
    check_range("config.images.num_train", num_train, low=1, high=len(task.x_train))
    check_range("config.images.num_test", num_test, low=1, high=len(task.x_test))
    count, scale = task.num_outputs, math.sqrt(math.prod(task.x_train.shape[1:]))
    pool, test = (np.asarray(x, np.float64).reshape(len(x), -1) / scale for x in (task.x_train, task.x_test))
    answers = np.eye(count)[task.y_test[:num_test]]

    def draw(key: Array) -> Sample:
        chosen = jax.random.permutation(stream(key, "sample"), len(pool))[:num_train]
        labels = jnp.asarray(task.y_train)[chosen]
        told = [uniform_incorrect(stream(key, "labels"), labels, rate, count, num_train) for rate in label_noise]
        targets = jnp.concatenate([jax.nn.one_hot(y, count, dtype=jnp.float64) for y in told], axis=1)
        return Sample(jnp.asarray(pool)[chosen], targets, jnp.asarray(test[:num_test]), jnp.asarray(answers))

    return draw
