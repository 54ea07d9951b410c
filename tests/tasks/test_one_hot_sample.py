"""Samples of a classification as a regression: the pool, nested wrong labels, and what is refused."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import digits, linear_teacher, one_hot_sample


def test_samples_differ_by_their_label_noise_alone():
    task = digits()
    with jax.enable_x64(True):
        draw = jax.jit(one_hot_sample(task, num_train=900, num_test=7, label_noise=(0.0, 0.1, 0.3)))
        (x, y, x_test, targets), other = draw(jax.random.key(0)), draw(jax.random.key(1))
    labels = np.asarray(y).reshape(900, 3, 10).argmax(-1)
    wrong = labels != labels[:, :1]
    np.testing.assert_allclose(wrong.mean(0), (0.0, 0.1, 0.3), atol=0.05)
    assert not np.any(wrong[:, 1] & ~wrong[:, 2])
    assert targets.shape == (7, 10) and np.linalg.norm(x, axis=1).mean() == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(np.argmax(targets, 1), task.y_test[:7])
    # Another key draws other training examples, and the test examples stay.
    assert np.abs(np.asarray(other[0]) - np.asarray(x)).max() > 0.01
    np.testing.assert_array_equal(other[2], x_test)


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        (linear_teacher, {}, "^task = 'linear_teacher' is a regression; choose one with classes"),
        (digits, {"num_train": 5000}, "^num_train = 5000 must be in"),
        (digits, {"num_test": 0}, "^num_test = 0 must be in"),
        (digits, {"label_noise": (0.0, 1.5)}, "^label_noise = .* must be in"),
    ],
)
def test_bad_arguments_are_refused(task, change, message):
    given = {"num_train": 9, "num_test": 3, "label_noise": (0.0,)} | change
    with pytest.raises(ConfigError, match=message):
        one_hot_sample(task(), **given)
