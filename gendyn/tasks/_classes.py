"""Tasks with classes: asking for them, choosing some of them, and their inputs at one scale."""

import math
from collections.abc import Sequence

import numpy as np

from gendyn.core import ConfigError
from gendyn.types import Task


def check_has_classes(task: Task) -> None:
    """Raises :class:`ConfigError` for a regression."""
    if task.kind != "classification":
        raise ConfigError(f"task = {task.name!r} is a {task.kind}; choose one with classes, such as 'digits'.")


def unit_inputs(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Training and test inputs, flattened and divided by ``sqrt(d)``: standardised ones have a norm near 1. float64."""
    scale = math.sqrt(math.prod(task.x_train.shape[1:]))
    train, test = (np.asarray(x, np.float64).reshape(len(x), -1) / scale for x in (task.x_train, task.x_test))
    return train, test


def select_classes(task: Task, classes: Sequence[int]) -> Task:
    """The examples of ``classes``, relabelled ``0, 1, ...`` in that order; examples keep theirs.

    The provenance names the classes; its checksum stays that of the whole task.

    Raises:
        ConfigError: a task without classes, fewer than two of them, one twice, or one that the task lacks.

    >>> from gendyn.tasks import digits
    >>> pair = select_classes(digits(), (8, 3))
    >>> pair.num_outputs, sorted(set(pair.y_test.tolist()))
    (2, [0, 1])
    """
    check_has_classes(task)
    chosen = tuple(classes)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(task.num_outputs)):
        raise ConfigError(
            f"classes = {chosen} must be at least two different ones of the {task.num_outputs} of {task.name!r}."
        )

    def of(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept = np.isin(y, chosen)
        return x[kept], np.argmax(y[kept, None] == np.array(chosen), axis=1).astype(np.int32)

    (x_train, y_train), (x_test, y_test) = of(task.x_train, task.y_train), of(task.x_test, task.y_test)
    return task._replace(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        num_outputs=len(chosen),
        provenance={**task.provenance, "classes": ", ".join(map(str, chosen))},
    )
