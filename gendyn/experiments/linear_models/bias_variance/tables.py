"""Finished redraws of one learner, and the closed form of random features."""

from typing import NamedTuple

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, redraws_at
from gendyn.experiments.linear_models._sphere import feature_counts, sphere_risk
from gendyn.experiments.linear_models.bias_variance.program import PARTS
from gendyn.types import Dataset


class Table(NamedTuple):
    """The finished redraws of one learner."""

    sizes: np.ndarray
    """``N / n`` of random features, widths of a network: ``[P]``."""
    parts: dict[str, np.ndarray]
    """Components, ``[S, L, P]`` each."""
    values: dict[str, np.ndarray]
    """Everything else that was measured, ``[S, L, P]``."""

    @property
    def variance(self) -> np.ndarray:
        """``[S, L, P]``."""
        return np.sum(list(self.parts.values()), axis=0)

    def predicted(self, **draws: int) -> np.ndarray:
        """Risk of an average over ``draws`` of some factors, by the components: ``[S, L, P]``."""
        return self.values["squared_bias"] + theory.averaged_variance(self.parts, draws)


def table(ds: Dataset, learner: str) -> Table:
    """The finished redraws of one learner.

    Raises:
        ConfigError: none is finished.
    """
    leaves, values = config_of(ds)[learner], redraws_at(ds, {"learner": learner})
    components = values.pop("components")
    if learner == "mlp":
        sizes = np.array(leaves["widths"], float)
    else:
        sizes = np.array(feature_counts(leaves["ratios"], leaves["num_train"])) / leaves["num_train"]
    return Table(sizes, {name: components[:, i] for i, name in enumerate(PARTS)}, values)


def closed_form(ds: Dataset, ratios: np.ndarray) -> np.ndarray:
    """Risk of random features at ``N / n = ratios [Q]``: ``[L, Q]``."""
    leaves = config_of(ds)["random_features"]
    return sphere_risk(ratios, leaves, np.array([leaves["noise_variance"]]))[0]
