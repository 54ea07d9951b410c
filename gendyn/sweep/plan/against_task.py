"""A run's task, and the rules that need its size and kind."""

from collections.abc import Sequence

import numpy as np

from gendyn.core import ConfigError, canonical, module
from gendyn.sweep.config.factories import build
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.planned import PlannedRun
from gendyn.sweep.plan.rows import changed_num_train, most_rows, num_train
from gendyn.tasks import check_task
from gendyn.types import Task


def load_task(flat: Flat, cache: dict[str, Task]) -> Task:
    """The task of a run; equal arguments load once."""
    key = canonical({name: value for name, value in flat.items() if name.startswith("task.")})
    if key not in cache:
        cache[key] = check_task(build("task", flat), flat["task.name"])
    return cache[key]


def check_prefix(task: Task, count: int) -> None:
    """The first rows are what a run trains on: a pool that is sorted by class would leave classes out."""
    if task.kind != "classification" or count >= len(task.y_train):
        return
    shares = np.bincount(task.y_train, minlength=task.num_outputs) / len(task.y_train)
    missing = np.bincount(task.y_train[:count], minlength=task.num_outputs) == 0
    # In a random order, chance leaves out a class of share p with (1 - p)^n.
    by_order = missing & (shares > 0) & ((1 - shares) ** count < 1e-6)
    if by_order.any():
        raise ConfigError(
            f"task {task.name!r}: the first {count} training examples have none of class "
            f"{np.flatnonzero(by_order)[0]}, which makes up {shares[by_order][0]:.0%} of all. A run trains on the "
            "first examples: put them in a random order, with classes in turns at best."
        )


def check_against_data(runs: Sequence[PlannedRun], task: Task) -> None:
    """Rules that need the data's size and kind."""
    available = len(task.y_train)
    for count in sorted({num_train(run.flat, available) for run in runs}):
        check_prefix(task, count)
    for run in runs:
        flat = run.flat
        count, fewest = most_rows(flat, available), num_train(flat, available)
        if flat["data.change_step"]:
            fewest = min(fewest, changed_num_train(flat, available))
        if count > available:
            raise ConfigError(
                f"data.num_train = {count} is more than the {available} training examples of task "
                f"{task.name!r}; choose at most {available} (0 is all), or a smaller task.num_test."
            )
        if task.rest_is_test and count == available:
            raise ConfigError(
                f"task {task.name!r} tests on the examples that a run does not train on, and this run trains on all "
                f"{available}: set data.train_fraction or data.num_train lower."
            )
        if flat["train.batch_size"] > fewest:
            raise ConfigError(
                f"train.batch_size = {flat['train.batch_size']} is larger than the training set of {fewest}; "
                f"choose at most {fewest}, or 0 for full batch."
            )
        if flat["stop.train_error"] >= 0 and task.kind != "classification":
            raise ConfigError(
                f"stop.train_error = {flat['stop.train_error']} needs classes; task {task.name!r} is a regression: "
                "use stop.train_loss."
            )
        if flat["data.label_noise"] > 0 and task.kind != "classification":
            raise ConfigError(
                f"data.label_noise = {flat['data.label_noise']} needs classes; task {task.name!r} is a regression."
            )
        needs_classes = getattr(module("optim", flat["loss"]), "NEEDS_CLASSES", False)
        if needs_classes and task.kind != "classification":
            raise ConfigError(
                f"config.loss = {flat['loss']!r} needs classes; task {task.name!r} is a regression: "
                "use 'squared_error'."
            )
        if flat["train.jacobian_penalty"] > 0 and np.issubdtype(task.x_train.dtype, np.integer):
            raise ConfigError(
                f"train.jacobian_penalty = {flat['train.jacobian_penalty']} differentiates by the inputs; those of "
                f"task {task.name!r} are integers: set it to 0."
            )
        if flat["train.augment"] and task.x_train.ndim != 4:
            raise ConfigError(
                f"train.augment = True crops and flips images; task {task.name!r} has inputs of shape "
                f"{task.x_train.shape[1:]}. Set train.augment = False."
            )
