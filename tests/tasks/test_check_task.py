"""Whoever made a task: its arrays fit each other, or one error says what does not."""

import numpy as np
import pytest

from gendyn.core import ConfigError, lookup, names
from gendyn.tasks import check_task
from gendyn.types import Task

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)).astype(np.float32), np.arange(12, dtype=np.int32) % 3
GOOD = Task("mine", X[:8], Y[:8], X[8:], Y[8:], 3, "classification", {})
REGRESSION = GOOD._replace(kind="regression", num_outputs=2, y_train=X[:8, :2], y_test=X[8:, :2])


def _with(array: np.ndarray, row: int, value: float) -> np.ndarray:
    changed = array.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ({"x": X}, "returned dict, must return a gendyn.types.Task"),
        (GOOD._replace(kind="classif"), "task 'mine': kind = 'classif' must be one of classification, regression"),
        (GOOD._replace(num_outputs=2), r"classes from 0 to 2, and num_outputs = 2.*say num_outputs = 3"),
        (GOOD._replace(y_test=Y[8:] - 1), "y_test has classes from -1"),
        (GOOD._replace(num_outputs=0), "num_outputs = 0 must be a positive integer"),
        (GOOD._replace(y_train=Y[:7]), "y_train has 7 examples and x_train has 8"),
        (GOOD._replace(y_train=Y[:8].astype(np.int64)), "y_train is int64"),
        (GOOD._replace(y_train=np.eye(3, dtype=np.float32)[Y[:8]]), r"y_train is float32 \(8, 3\), must be int32"),
        (GOOD._replace(x_train=_with(X[:8], 5, np.nan)), "x_train is not finite in row 5"),
        (GOOD._replace(x_test=_with(X[8:], 0, np.inf)), "x_test is not finite in row 0"),
        (GOOD._replace(x_train=X[:8].astype(np.float64)), "must be examples .* of one shape and dtype"),
        (GOOD._replace(x_train=X[:8, :2]), "of one shape and dtype"),
        (GOOD._replace(x_train=X[:0], y_train=Y[:0]), "x_train must be a numpy array of at least one example"),
        (GOOD._replace(x_train=X[:8].tolist()), "x_train must be a numpy array"),
        (GOOD._replace(x_train=Y[:8, None] - 1, x_test=Y[8:, None]), "x_train has the token -1"),
        (REGRESSION._replace(y_train=_with(X[:8, :2], 1, np.nan)), "y_train is not finite"),
        (REGRESSION._replace(num_outputs=3), r"y_train is float32 \(8, 2\), must be float32 \[8, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused(task, fault):
    with pytest.raises(ConfigError, match=fault):
        check_task(task, "mine")


@pytest.mark.parametrize("task", [GOOD, REGRESSION, GOOD._replace(x_train=Y[:8, None], x_test=Y[8:, None])])
def test_what_fits_passes_as_it_is(task):
    assert check_task(task) is task


@pytest.mark.parametrize("name", sorted(set(names("tasks")) - {"cifar10", "cifar100", "mnist", "fashion_mnist"}))
def test_the_tasks_of_the_room_pass(name):
    check_task(lookup("tasks", name)())
