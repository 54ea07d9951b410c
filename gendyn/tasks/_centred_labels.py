"""Samples to interpolate: inputs with their own labels or uniformly drawn ones, which are regressed on."""

from typing import NamedTuple

import jax
import numpy as np

from gendyn.core import ConfigError, check_key, normal, stream
from gendyn.types import Array


class CentredLabels(NamedTuple):
    """``n`` examples of ``K`` classes. Targets are centred: a residual is a share of the labels' variance."""

    x: np.ndarray
    """``[n, d]``, float64."""
    labels: np.ndarray
    """``[n]``."""
    targets: np.ndarray
    """One-hot labels minus their mean, ``[n, K]``."""

    def error(self, outputs: np.ndarray) -> np.ndarray:
        """Share of examples whose largest output is not their label's, ``[..., n, K] -> [...]``."""
        means = np.mean(np.eye(self.targets.shape[1])[self.labels], axis=0)
        return np.asarray(np.mean(np.argmax(outputs + means, axis=-1) != self.labels, axis=-1))


def labelled_images(
    key: Array, images: np.ndarray, classes: np.ndarray, num_train: int, num_classes: int, *, uniform: bool = False
) -> CentredLabels:
    """Images of the first classes, without replacement.

    Args:
        key: of the images and of the labels, in streams of their own: both kinds of labels have the same images.
        images: the pool ``[N, d]``.
        classes: of each, ``[N]``.
        num_train: ``n``.
        num_classes: ``K``.
        uniform: whether labels are drawn uniformly in place of the images' own.

    Raises:
        ConfigError: more examples than there are of these classes.

    >>> images, classes = np.arange(8.0)[:, None], np.arange(8) % 4
    >>> sample = labelled_images(jax.random.key(0), images, classes, 4, 2)
    >>> sorted(sample.x[:, 0].tolist()), sample.targets.shape
    ([0.0, 1.0, 4.0, 5.0], (4, 2))
    """
    check_key("key", key)
    candidates = np.flatnonzero(classes < num_classes)
    if num_train > len(candidates):
        raise ConfigError(
            f"num_train = {num_train} must be at most the {len(candidates)} images of {num_classes} classes."
        )
    draws = np.asarray(normal(stream(key, "images"), (len(candidates),)))
    chosen = candidates[np.argsort(draws, kind="stable")[:num_train]]
    return _centred(key, np.asarray(images[chosen], np.float64), classes[chosen], num_classes, uniform)


def labelled_gaussians(
    key: Array, num_train: int, dimension: int, num_classes: int, *, uniform: bool = False
) -> CentredLabels:
    """Gaussian inputs; labels are the largest of ``K`` random linear functions of them, or uniform.

    Args:
        key: of inputs, teacher and labels, in streams of their own.
        num_train, dimension, num_classes: ``n``, ``d``, ``K``.
        uniform: whether labels are drawn uniformly in place of the teacher's.

    >>> own, drawn = (labelled_gaussians(jax.random.key(0), 6, 3, 2, uniform=uniform) for uniform in (False, True))
    >>> own.x.shape, bool((own.x == drawn.x).all())
    ((6, 3), True)
    """
    check_key("key", key)
    x = np.asarray(normal(stream(key, "inputs"), (num_train, dimension)), np.float64)
    teacher = np.asarray(normal(stream(key, "teacher"), (dimension, num_classes)), np.float64)
    return _centred(key, x, np.argmax(x @ teacher, axis=1), num_classes, uniform)


def _centred(key: Array, x: np.ndarray, own: np.ndarray, num_classes: int, uniform: bool) -> CentredLabels:
    drawn = jax.random.randint(stream(key, "labels"), own.shape, 0, num_classes) if uniform else own
    labels = np.asarray(drawn)
    hot = np.eye(num_classes)[labels]
    return CentredLabels(x, labels, hot - hot.mean(axis=0))
