"""Tasks given as objects: equal data have one name, and a name without data is one clear sentence."""

import numpy as np
import pytest

from gendyn.core import ConfigError, lookup
from gendyn.tasks import digits, from_arrays, held, hold

X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2


def test_the_name_is_the_data():
    task = from_arrays(X, Y, num_test=5)
    name = hold(task)
    assert name == hold(from_arrays(X.copy(), Y, num_test=5, name="other"))
    assert len({name, hold(from_arrays(X, Y, num_test=6)), hold(digits(num_test=1397))}) == 3
    assert name in held()
    assert hold(task) == name and lookup("tasks", name)() is task


def test_data_that_are_not_there_are_asked_for():
    with pytest.raises(ConfigError, match=r"this process has no task of that checksum: make it again.*base_config"):
        lookup("tasks", "gendyn.tasks._held:arrays_0")
    with pytest.raises(ConfigError, match="must define 'other'"):
        lookup("tasks", "gendyn.tasks._held:other")


def test_arrays_that_were_changed_or_are_wrong_are_refused():
    task = from_arrays(X, Y, num_test=5)
    name = hold(task)
    task.x_train[0, 0] += 1
    with pytest.raises(ConfigError, match="the arrays of task 'arrays' were changed after it was given"):
        lookup("tasks", name)()
    with pytest.raises(ConfigError, match="kind = 'classif'"):
        hold(task._replace(kind="classif"))
