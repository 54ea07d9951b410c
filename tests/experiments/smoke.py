"""What the tests of all experiments share: which there are, their configs, and their smoke variants with changes."""

import importlib
from types import ModuleType

import ml_collections

from gendyn.experiments import experiments
from gendyn.sweep.config import flatten
from gendyn.sweep.config.axes import normalise
from gendyn.sweep.config.points import Point, make_points

EXPERIMENTS = tuple(sorted(experiments()))
"""By file; each has a config of its own name, in the folder of its family."""


def family_of(experiment: str) -> str:
    return experiments()[experiment].split(".")[2]


def config_file_of(experiment: str) -> ModuleType:
    return importlib.import_module(f"configs.{family_of(experiment)}.{experiment}")


def smoke_config(experiment: str, /, **changes: object) -> ml_collections.ConfigDict:
    """The smoke variant, locked; ``section__leaf=value`` or ``"section.leaf"`` changes a leaf of a section."""
    config = config_file_of(experiment).get_config("smoke")
    # Still locked: a change of a leaf that does not exist is a fault of the test.
    config.update_from_flattened_dict({name.replace("__", "."): value for name, value in changes.items()})
    return config


def points_of(config: ml_collections.ConfigDict) -> list[Point]:
    """All runs of a sweep, checked leaf by leaf; the engine's plan would also trace every program."""
    return make_points(flatten(config), normalise(config.axes), config.zip_axes)
