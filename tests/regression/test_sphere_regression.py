"""Linear teachers on the sphere: what a sample holds, and ridge regression on random features of it."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import crossed_sphere_fits, sphere_features_ridge, sphere_sample

SHAPE = {"dimension": 9, "num_train": 2000, "num_test": 5, "num_targets": 2}


def test_samples_differ_by_their_label_noise_alone():
    with jax.enable_x64(True):
        x, labels, x_test, targets = sphere_sample(jax.random.key(0), **SHAPE, noise_variances=(0.0, 0.5, 2.0))
    y = np.asarray(labels).reshape(2000, 3, 2)
    noise = y - y[:, :1]
    # Two targets, each divided by sqrt(2), so that errors summed over them are means over teachers.
    np.testing.assert_allclose(y[:, 0].var(0), 0.5, rtol=0.15)
    np.testing.assert_allclose(noise[:, 1].var(0), 0.25, rtol=0.15)
    np.testing.assert_allclose(noise[:, 2], 2 * noise[:, 1])
    # Test targets are noiseless: the teacher that fits the noiseless labels.
    teacher = np.linalg.lstsq(np.asarray(x), y[:, 0], rcond=None)[0]
    np.testing.assert_allclose(np.asarray(x_test) @ teacher, targets, atol=1e-9)


def test_random_features_interpolate_without_a_ridge_and_not_with_one():
    with jax.enable_x64(True):
        x = np.random.default_rng(0).normal(size=(9, 4))
        y = np.random.default_rng(1).normal(size=9)
        found = sphere_features_ridge(jax.random.key(0), x, y, x, sizes=(3, 40), ridges=(0.0, 0.01, 1.0))
        errors = np.mean((np.asarray(found) - y) ** 2, -1)
    assert errors[0, 1] < 1e-20 < 1e-4 < errors[0, 0]
    assert (np.diff(errors, axis=0) > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimension": 0}, "dimension = 0 must be an integer"),
        ({"num_targets": 0}, "num_targets = 0 must be an integer"),
        ({"noise_variances": (0.0, -1.0)}, "noise_variances = .* must be in"),
    ],
)
def test_bad_samples_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        sphere_sample(jax.random.key(0), **SHAPE | {"noise_variances": (0.0,)} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"members": 0}, "members = 0 must be an integer"),
        ({"levels": 1}, "levels = 1 must be an integer of at least 2"),
        ({"noise_variance": -0.1}, "noise_variance = -0.1 must be in"),
    ],
)
def test_bad_crossed_fits_are_refused(change, message):
    shape = {"dimension": 3, "num_train": 4, "num_test": 2, "noise_variance": 0.0, "members": 1}
    with pytest.raises(ConfigError, match=message):
        crossed_sphere_fits(jax.random.key(0), lambda key, x, y, points: points[:, 0], **shape | change)
