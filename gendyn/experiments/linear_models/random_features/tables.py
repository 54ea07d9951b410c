"""Finished redraws of one kind of data, and the closed form on the sphere."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import config_of, redraws_at
from gendyn.experiments.linear_models._sphere import feature_counts, sphere_risk
from gendyn.types import Dataset


class Table(NamedTuple):
    """The redraws on one kind of data."""

    ratios: np.ndarray
    """``N / n``, ``[P]``."""
    values: dict[str, np.ndarray]
    """Measured quantities of finished redraws, ``[S, V, L, P]``."""


def table(ds: Dataset, data: str) -> Table:
    """The finished redraws of one kind of data.

    Raises:
        ConfigError: none is finished.
    """
    config = config_of(ds)
    num_train = config[data]["num_train"]
    ratios = np.array(feature_counts(config["ratios"], num_train)) / num_train
    return Table(ratios, redraws_at(ds, {"data": data}))


def closed_form(ds: Dataset, ratios: np.ndarray) -> np.ndarray:
    """Risk on the sphere at ``N / n = ratios [Q]``: ``[V, L, Q]``."""
    sphere = config_of(ds)["sphere"]
    return sphere_risk(ratios, sphere, np.array(sphere["label_noise"]))
