"""Isotropic samples have the teacher, the noise and the risk that they state."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import isotropic_risk, isotropic_sample


def test_labels_are_the_teacher_and_one_noise_of_several_sizes():
    with jax.enable_x64(True):
        x, y = map(
            np.asarray,
            isotropic_sample(
                jax.random.key(0), num_examples=4000, dimension=9, noise_variances=np.array([0.0, 0.25, 1.0])
            ),
        )
    np.testing.assert_allclose(x.T @ x / 4000, np.eye(9), atol=0.1)
    np.testing.assert_allclose(y[:, 0], x.sum(1) / 3, rtol=1e-9)
    np.testing.assert_allclose(y[:, 2] - y[:, 0], 2 * (y[:, 1] - y[:, 0]), rtol=1e-9)
    assert np.var(y[:, 2] - y[:, 0]) == pytest.approx(1.0, rel=0.1)
    # The exact risk of any coefficients is the mean squared error on many examples.
    w = np.random.default_rng(0).normal(size=(9, 2))
    errors = np.mean((x @ w - y[:, :1]) ** 2, axis=0)
    np.testing.assert_allclose(isotropic_risk(w), errors, rtol=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_examples": 0}, "num_examples = 0 must be an integer"),
        ({"dimension": 0}, "dimension = 0 must be an integer"),
        ({"noise_variances": np.array([-1.0])}, "noise_variances = .* must be in"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    given = {"num_examples": 3, "dimension": 2, "noise_variances": np.zeros(1)} | change
    with pytest.raises(ConfigError, match=message):
        isotropic_sample(jax.random.key(0), **given)
