"""Finished redraws of one learner, and the closed form of random features."""

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, redraws_at
from gendyn.experiments.linear_models._sphere import feature_counts, sphere_risk
from gendyn.experiments.linear_models.bias_variance.program import PARTS
from gendyn.types import Dataset


def table(ds: Dataset, learner: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sizes ``[P]``, ``N / n`` or widths, and the finished redraws: name -> ``[S, L, P]``.

    Beside what was measured and each of the parts: ``"variance"``, their sum; and ``"predicted"``, the risk of an
    average over the ensemble's number of initialisations by the parts.

    Raises:
        ConfigError: none is finished.
    """
    config, values = config_of(ds), redraws_at(ds, {"learner": learner})
    parts = dict(zip(PARTS, np.moveaxis(values.pop("components"), 1, 0), strict=True))
    predicted = values["squared_bias"] + theory.averaged_variance(parts, {"init": config["members"]})
    leaves = config[learner]
    if learner == "mlp":
        sizes = np.array(leaves["widths"], float)
    else:
        sizes = np.array(feature_counts(leaves["ratios"], leaves["num_train"])) / leaves["num_train"]
    return sizes, values | parts | {"variance": np.sum(list(parts.values()), axis=0), "predicted": predicted}


def closed_form(ds: Dataset, ratios: np.ndarray) -> np.ndarray:
    """Risk of random features at ``N / n = ratios [Q]``: ``[L, Q]``."""
    leaves = config_of(ds)["random_features"]
    return sphere_risk(ratios, leaves, np.array([leaves["noise_variance"]]))[0]
