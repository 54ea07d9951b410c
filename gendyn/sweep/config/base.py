"""The config to start from."""

import ml_collections

from gendyn.sweep.config.flat import nest
from gendyn.sweep.config.schema import schema
from gendyn.types import Config


def base_config(
    *,
    task: str = "digits",
    model: str = "mlp",
    optim: str = "adam",
    filter: str = "identity",
    projection: str = "identity",
) -> Config:
    """A locked config with every leaf at its default: the place to start a config file from.

    >>> config = base_config(task="digits", model="mlp", optim="sgd")
    >>> config.optim.learning_rate = 0.1
    >>> config.model.name, config.train.batch_size
    ('mlp', 0)

    Raises:
        ConfigError: an unknown task, model, optimizer, filter or projection.
    """
    chosen = {"task": task, "model": model, "optim": optim, "filter": filter, "projection": projection}
    leaves = schema(chosen)
    config = ml_collections.ConfigDict(nest({name: leaf.default for name, leaf in leaves.items()}))
    config.axes = ()
    config.zip_axes = ()
    return config.lock()
