"""The one check of a task, whoever made it: what is wrong here trains to a number that means nothing."""

from typing import Any

import numpy as np

from gendyn.core import ConfigError
from gendyn.types import Task

KINDS = ("classification", "regression")


def check_task(task: Any, name: str = "") -> Task:
    """The task itself, if its arrays fit each other and its kind.

    Cost: one pass over the arrays.

    Args:
        task: what a task's factory returned.
        name: of the factory, for the message.

    Raises:
        ConfigError: no :class:`gendyn.types.Task`; another kind than ``"classification"`` or ``"regression"``; a shape,
            a dtype, a label or a number of examples that does not fit; inputs or targets that are not finite.

    >>> from gendyn.tasks import digits
    >>> check_task(digits()._replace(kind="classif"))
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: task 'digits': kind = 'classif' must be one of classification, regression.
    """
    fault = _fault(task)
    if fault:
        raise ConfigError(f"task {getattr(task, 'name', name)!r}: {fault}.")
    return task


def _fault(task: Any) -> str | None:
    if not isinstance(task, Task):
        return f"its factory returned {type(task).__name__}, must return a gendyn.types.Task"
    if task.kind not in KINDS:
        return f"kind = {task.kind!r} must be one of {', '.join(KINDS)}"
    if (
        isinstance(task.num_outputs, bool)
        or not isinstance(task.num_outputs, (int, np.integer))
        or task.num_outputs < 1
    ):
        return f"num_outputs = {task.num_outputs!r} must be a positive integer"
    arrays = {name: getattr(task, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.ndim < 1 or not len(array):
            return f"{name} must be a numpy array of at least one example, not {type(array).__name__}"
    return (
        _inputs_fault(task)
        or _targets_fault(task, "train", task.x_train, task.y_train)
        or _targets_fault(task, "test", task.x_test, task.y_test)
    )


def _inputs_fault(task: Task) -> str | None:
    train, test = task.x_train, task.x_test
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype or train.ndim < 2:
        return (
            f"x_train {train.dtype} {train.shape} and x_test {test.dtype} {test.shape} must be examples [N, ...] of "
            "one shape and dtype"
        )
    if train.dtype not in (np.float32, np.int32):
        return f"x_train has dtype {train.dtype}, must be float32, or int32 tokens"
    for name, x in (("x_train", train), ("x_test", test)):
        if train.dtype == np.float32 and not np.isfinite(x).all():
            row = int(np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))[0])
            return f"{name} is not finite in row {row}: clean the data, or leave the example out"
        if train.dtype == np.int32 and x.min() < 0:
            return f"{name} has the token {x.min()}, must be at least 0"
    return None


def _targets_fault(task: Task, split: str, x: np.ndarray, y: np.ndarray) -> str | None:
    name = f"y_{split}"
    if len(y) != len(x):
        return f"{name} has {len(y)} examples and x_{split} has {len(x)}"
    if task.kind == "regression":
        if y.dtype != np.float32 or y.shape != (len(x), task.num_outputs):
            return f"{name} is {y.dtype} {y.shape}, must be float32 [{len(x)}, {task.num_outputs}] for a regression"
        return None if np.isfinite(y).all() else f"{name} is not finite"
    if y.dtype != np.int32 or y.ndim != 1:
        return f"{name} is {y.dtype} {y.shape}, must be int32 classes [{len(x)}]"
    if y.min() < 0 or y.max() >= task.num_outputs:
        return (
            f"{name} has classes from {y.min()} to {y.max()}, and num_outputs = {task.num_outputs}: classes are "
            f"0 ... {task.num_outputs - 1}. Number them anew, or say num_outputs = {y.max() + 1}"
        )
    return None
