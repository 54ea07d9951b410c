"""Images for experiments on features: samples of a task's pool with one-hot targets, and their random features."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_range, lookup, stream
from gendyn.experiments.linear_models._sphere import Sample
from gendyn.regression import random_fourier_features, random_relu_features
from gendyn.tasks import uniform_incorrect
from gendyn.types import Array

Features = Callable[[Array, Array, int], Array]
"""``(key, x [n, d], N) -> [n, N]``."""


def image_features(family: str, lengthscale: float) -> Features:
    """Random features: ``"fourier"`` of a length scale, or ``"relu"`` with a bias.

    Raises:
        ConfigError: an unknown family, or a length scale that is not positive.
    """
    check_range("config.images.lengthscale", lengthscale, low=0, open_low=True)
    families: dict[str, Features] = {
        "fourier": lambda key, x, size: random_fourier_features(key, x, size, lengthscale=lengthscale),
        "relu": lambda key, x, size: random_relu_features(key, jnp.pad(x, ((0, 0), (0, 1)), constant_values=1.0), size),
    }
    check_choice("config.images.features", family, families)
    return families[family]


def image_sample(
    task_name: str, *, num_train: int, num_test: int, label_noise: Sequence[float]
) -> Callable[[Array], Sample]:
    """A function of a key that draws training images of the pool; the first ``num_test`` test images stay.

    Images are flattened and divided by ``sqrt(d)``, so that standardised ones have a norm near 1; float64. Labels of
    a lower rate of noise are wrong at a higher one too.

    Raises:
        ConfigError: a task without classes, more images than there are, a rate outside ``[0, 1]``.
    """
    check_range("config.images.label_noise", np.array(label_noise), low=0, high=1)
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
