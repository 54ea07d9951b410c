"""Labels of both kinds share their inputs, targets are centred, and an error is that of the largest output."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import coarse_pixels, digits, labelled_gaussians, labelled_images

TASK = digits(num_test=1397)
IMAGES = coarse_pixels(TASK.x_train, 2)


def of_images(seed, num_train=40, num_classes=3, *, uniform=False):
    return labelled_images(jax.random.key(seed), IMAGES, TASK.y_train, num_train, num_classes, uniform=uniform)


def test_images_come_from_the_key_without_replacement_whatever_their_labels():
    own, drawn, other = of_images(1), of_images(1, uniform=True), of_images(2)
    assert len(np.unique(own.x, axis=0)) == 40 and not np.array_equal(own.x, other.x)
    np.testing.assert_array_equal(own.x, drawn.x)
    assert set(own.labels) == set(drawn.labels) == {0, 1, 2} and np.mean(own.labels == drawn.labels) < 0.7
    where = [int(np.flatnonzero((row == IMAGES).all(axis=1))[0]) for row in own.x]
    np.testing.assert_array_equal(TASK.y_train[where], own.labels)


def test_a_linear_teacher_labels_gaussian_inputs():
    own, drawn = (labelled_gaussians(jax.random.key(5), 30, 6, 4, uniform=uniform) for uniform in (False, True))
    weights = np.linalg.lstsq(own.x, np.eye(4)[own.labels], rcond=None)[0]
    assert np.mean(np.argmax(own.x @ weights, axis=1) == own.labels) > 0.6
    np.testing.assert_array_equal(own.x, drawn.x)
    assert not np.array_equal(own.labels, drawn.labels)


def test_targets_are_centred_and_the_largest_output_decides():
    sample = of_images(0)
    hot = np.eye(3)[sample.labels]
    np.testing.assert_allclose(sample.targets, hot - hot.mean(axis=0))
    assert sample.error(np.stack([sample.targets, -sample.targets])).tolist() == [0.0, 1.0]
    rarest = np.argmin(hot.sum(axis=0))
    # Outputs of 0 are a fit of nothing, whose best guess is the most frequent class.
    assert sample.error(np.zeros_like(hot)) == 1.0 - hot.mean(axis=0).max() < np.mean(sample.labels != rarest)


def test_coarse_pixels_are_means_of_blocks_standardised():
    assert IMAGES.shape == (400, 16) and IMAGES.dtype == np.float64
    np.testing.assert_allclose([IMAGES.mean(axis=0), IMAGES.std(axis=0)], [np.zeros(16), np.ones(16)], atol=1e-12)
    corner = TASK.x_train[:, :2, 2:4, 0].mean(axis=(1, 2))
    np.testing.assert_allclose(IMAGES[:, 1], (corner - corner.mean()) / corner.std(), atol=1e-5)


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"num_train = 400 must be at most the 1.. images of 3 classes"):
        of_images(0, num_train=400)
    for factor in (0, 3):
        with pytest.raises(ConfigError, match=f"factor = {factor} must divide both sides of images of 8 x 8 pixels"):
            coarse_pixels(TASK.x_train, factor)
    with pytest.raises(ConfigError, match="pixel 0 of 4 is the same in all images"):
        coarse_pixels(np.ones((3, 4, 4, 1)), 2)
