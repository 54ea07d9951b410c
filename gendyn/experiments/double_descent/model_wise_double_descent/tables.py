"""The final losses and errors of each level of label noise, and the number of equations."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gendyn.analysis import Grid, axis_values, config_of, final_values, grid, parameter_counts, seeds_of, tabulate
from gendyn.core import lookup
from gendyn.types import Dataset

AXES = ("data.label_noise", "model.width", "seed")


class Level(NamedTuple):
    """The seeds that have ended at every width, at one level of label noise."""

    noise: float
    loss: np.ndarray
    """``[S, W]``: test loss; ``inf`` of a run that diverged."""
    error: np.ndarray
    """``[S, W]``: training error."""
    left_out: str
    """The sentence on seeds that are left out or diverged."""


def levels(ds: Dataset) -> Iterator[Level]:
    """Highest label noise first, so that the control (0) comes last."""
    layout = layout_of(ds)
    losses, errors = (tabulate(layout, final_values(ds, name)) for name in ("test_loss", "train_error"))
    noises, seeds = layout.axes["data.label_noise"], seeds_of(ds, layout)
    for i in np.argsort(-noises):
        # Levels are judged one by one: a seed that lacks a run at another level stays.
        here = seeds.at(i)
        yield Level(float(noises[i]), losses[i].T[here.complete], errors[i].T[here.complete], here.sentence)


def layout_of(ds: Dataset) -> Grid:
    """Label noise, width and seed; label noise may be a plain leaf of the config."""
    return grid(ds, AXES)


def parameters_of(ds: Dataset) -> np.ndarray:
    """Number of parameters at each width, ``[W]``."""
    return parameter_counts(ds, layout_of(ds), "model.width")


def num_equations(ds: Dataset) -> int:
    """``n K``: the equations that a network with ``K`` outputs must solve to fit ``n`` examples.

    The task is loaded again where the results do not say: ``K`` is not stored, or ``data.num_train`` is 0 (all).
    """
    num_train = int(axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    num_outputs = ds.attrs.get("num_outputs")
    if num_outputs is None or num_train == 0:
        arguments = dict(config_of(ds)["task"])
        task = lookup("tasks", arguments.pop("name"))(**arguments)
        num_train, num_outputs = num_train or len(task.y_train), task.num_outputs
    return num_train * int(num_outputs)
