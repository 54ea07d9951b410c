"""The config to start from."""

from collections.abc import Callable
from typing import Any

import ml_collections

from gendyn.sweep.config.flat import nest
from gendyn.sweep.config.named import named
from gendyn.sweep.config.schema import schema
from gendyn.types import Config, Task


def base_config(
    *,
    task: str | Task | Callable[..., Task] = "digits",
    model: str | Callable[..., Any] = "mlp",
    optim: str | Callable[..., Any] = "adam",
    filter: str | Callable[..., Any] = "identity",
    projection: str | Callable[..., Any] = "identity",
) -> Config:
    """A locked config with every leaf at its default: the place to start a config file from.

    Each is named by its file in gendyn, or by ``"module:object"`` of one's own. A function that a module defines is
    taken as well, and becomes that name. A :class:`gendyn.types.Task`, such as :func:`gendyn.tasks.from_arrays` makes,
    is named by its data's checksum: in a later process, give a task of the same data and the folder goes on.

    >>> config = base_config(task="digits", model="mlp", optim="sgd")
    >>> config.optim.learning_rate = 0.1
    >>> config.model.name, config.train.batch_size
    ('mlp', 0)

    Raises:
        ConfigError: an unknown task, model, optimizer, filter or projection, or a function that no later process finds:
            of a notebook, a script or another function.
    """
    given = {"task": task, "model": model, "optim": optim, "filter": filter, "projection": projection}
    leaves = schema({section: named(section, one) for section, one in given.items()})
    config = ml_collections.ConfigDict(nest({name: leaf.default for name, leaf in leaves.items()}))
    config.axes = ()
    config.zip_axes = ()
    return config.lock()
