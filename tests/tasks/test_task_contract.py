"""What holds for every file in ``gendyn/tasks``: found by name look-up, so a file without ``example`` fails here."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import gendyn.tasks
from gendyn.core import ConfigError, lookup, module, names

NAMES = names("tasks")


def split_argument(name):
    """The seed of the split and order: in a task whose only random draw is that, ``seed``."""
    return "split_seed" if "split_seed" in inspect.signature(lookup("tasks", name)).parameters else "seed"


@pytest.fixture(scope="module", params=NAMES)
def built(request, tmp_path_factory):
    name = request.param
    found = module("tasks", name)
    assert hasattr(found, "example"), f"gendyn/tasks/{name}.py must define example(folder) -> dict"
    kwargs = found.example(tmp_path_factory.mktemp(name))
    return name, kwargs, lookup("tasks", name)(**kwargs)


def test_the_room_holds_the_tasks_the_issue_names():
    assert set(NAMES) >= {
        "cifar10", "cifar100", "digits", "fashion_mnist", "mnist", "mnist1d", "mnist5k", "teacher_student",
        "linear_teacher", "modular_arithmetic", "s5_composition", "sparse_parity", "tanh_teacher",
    }  # fmt: skip


def test_every_file_is_exported_by_the_room(built):
    name, _, _ = built
    line = f"from gendyn.tasks.{name} import {name} as {name}"
    assert getattr(gendyn.tasks, name) is lookup("tasks", name), f"add to gendyn/tasks/__init__.py: {line}"


def test_arguments_are_keywords_with_defaults(built):
    name, _, _ = built
    for parameter in inspect.signature(lookup("tasks", name)).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        # A config lists every argument as a leaf, and no leaf defaults to None.
        assert type(parameter.default) in (int, float, str, bool), parameter


def test_dtypes_shapes_and_layout(built):
    name, _, task = built
    assert task.name == name
    assert task.x_train.dtype == task.x_test.dtype
    for x in (task.x_train, task.x_test):
        assert type(x) is np.ndarray and x.flags.c_contiguous
        if x.dtype == np.int32:  # tokens
            assert x.ndim == 2 and x.min() >= 0 and x.max() < task.num_outputs
        else:
            assert x.dtype == np.float32 and np.isfinite(x).all()
    assert task.x_train.shape[1:] == task.x_test.shape[1:]
    assert len(task.x_train) == len(task.y_train) and len(task.x_test) == len(task.y_test)


def test_targets_are_of_the_stated_kind(built):
    _, _, task = built
    for y in (task.y_train, task.y_test):
        assert y.flags.c_contiguous
        if task.kind == "regression":
            assert y.dtype == np.float32 and y.shape[1:] == (task.num_outputs,) and np.isfinite(y).all()
        else:
            assert task.kind == "classification"
            assert y.dtype == np.int32 and y.ndim == 1 and y.min() >= 0 and y.max() < task.num_outputs
            # Every output is a class, or one of the signs of an equation's layout.
            assert len(np.unique(task.y_train)) == task.num_outputs


def test_every_prefix_of_the_training_split_is_stratified_unless_the_rest_is_the_test_set(built):
    _, _, task = built
    if task.kind == "regression":
        return  # nothing to stratify by
    one_hot = np.eye(task.num_outputs)[task.y_train]
    counts = np.cumsum(one_hot, axis=0)
    n = np.arange(1, len(one_hot) + 1)[:, None]
    excess = np.abs(counts - n * one_hot.mean(axis=0)).max()
    assert (excess < 1) != task.rest_is_test


def test_where_the_rest_is_the_test_set_both_splits_are_the_pool(built):
    _, _, task = built
    same = np.array_equal(task.x_train, task.x_test) and np.array_equal(task.y_train, task.y_test)
    assert same == task.rest_is_test
    if task.rest_is_test:
        assert len(np.unique(task.x_train, axis=0)) == len(task.x_train) == int(task.provenance["num_equations"])


def test_same_arguments_give_the_same_task_and_another_split_seed_another_order(built):
    name, kwargs, task = built
    again, other = lookup("tasks", name)(**kwargs), lookup("tasks", name)(**{**kwargs, split_argument(name): 1})
    assert again.provenance == task.provenance
    for first, second in zip(task[1:5], again[1:5], strict=True):
        np.testing.assert_array_equal(first, second)
    assert other.provenance["sha256"] != task.provenance["sha256"]
    assert not np.array_equal(other.x_train, task.x_train)


def test_provenance_is_strings_and_complete(built):
    name, _, task = built
    assert all(type(key) is str and type(value) is str for key, value in task.provenance.items())
    assert set(task.provenance) >= {"source", "sha256", split_argument(name)}
    if task.x_train.dtype == np.float32:
        assert set(task.provenance) >= {"mean", "std"}
    assert len(task.provenance["sha256"]) == 64


def test_a_negative_split_seed_is_refused(built):
    name, kwargs, _ = built
    seed = split_argument(name)
    with pytest.raises(ConfigError, match=rf"^{seed} = -1 must be an integer of at least 0"):
        lookup("tasks", name)(**{**kwargs, seed: -1})


def test_importing_the_room_imports_nothing_slow():
    slow = ("sklearn", "mlxtend", "pandas", "matplotlib", "orbax", "xarray", "scipy.ndimage")
    code = f"import sys, gendyn.tasks; print([name for name in {slow} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
