"""Samples are drawn from their pools, without replacement; corruptions are nested in the rate; bad input is refused."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import corrupted_samples, digits, modular_arithmetic, select_classes, tanh_teacher

KEYS = list(jax.random.split(jax.random.key(1), 2))


def drawn(**changes):
    settings = {"num_train": 60, "num_test": 20, "rates": (0.0, 0.5, 1.0), "kind": "uniform_incorrect", "num_draws": 3}
    return corrupted_samples(changes.pop("task", digits()), KEYS, **settings | changes)


def test_samples_are_nested_in_the_rate_and_corrupted_as_their_kind_says():
    found = drawn()
    assert found.told.shape == (2, 3, 3, 60) and found.x.shape == (2, 60, 64) and found.x_test.shape == (2, 20, 64)
    labels, told = np.asarray(found.labels)[:, None], np.asarray(found.told)
    assert (told[:, 0] == labels).all() and (told[:, 2] != labels).all()
    changed = told[:, 1] != labels
    assert 0.4 < changed.mean() < 0.6 and (told[:, 1][changed] == told[:, 2][changed]).all()
    assert not np.array_equal(found.labels[0], found.labels[1])
    np.testing.assert_allclose(np.asarray(found.probabilities).sum(axis=-1), 1.0, rtol=1e-6)


def test_the_whole_pool_is_the_pool_without_repeats():
    task = select_classes(digits(), (3, 8))
    found = drawn(task=task, num_train=len(task.y_train), num_test=len(task.y_test))
    pool = np.sort((task.x_train / 8).reshape(len(task.x_train), -1), axis=0)
    np.testing.assert_allclose(np.sort(np.asarray(found.x[0]), axis=0), pool, rtol=1e-6, atol=1e-7)
    assert found.probabilities.shape[-1] == 2


def test_classes_are_relabelled_in_their_order():
    whole, pair = digits(), select_classes(digits(), (8, 3))
    np.testing.assert_array_equal(pair.y_train, np.where(whole.y_train == 8, 0, 1)[np.isin(whole.y_train, (3, 8))])
    np.testing.assert_array_equal(pair.x_test, whole.x_test[np.isin(whole.y_test, (3, 8))])
    assert pair.num_outputs == 2 and pair.provenance["classes"] == "8, 3" and pair.y_test.dtype == np.int32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: drawn(num_train=1001), "num_train = 1001 and num_test = 20 must be from 1 to the 1000 and 797"),
        (lambda: drawn(kind="flip_exact"), "kind = 'flip_exact' must be one of"),
        (lambda: drawn(task=tanh_teacher()), "^task = 'tanh_teacher' is a regression; choose one with classes"),
        (
            lambda: select_classes(tanh_teacher(), (0, 1)),
            "^task = 'tanh_teacher' is a regression; choose one with classes",
        ),
        (lambda: select_classes(digits(), (3,)), r"classes = \(3,\) must be at least two different ones of the 10"),
        (lambda: select_classes(digits(), (3, 3)), "must be at least two different ones"),
        (lambda: select_classes(modular_arithmetic(), (0, 10**6)), "must be at least two different ones"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
