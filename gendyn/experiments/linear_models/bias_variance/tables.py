"""Results to tables."""

import numpy as np

from gendyn import analysis, theory
from gendyn.analysis import config_of
from gendyn.experiments.linear_models import _sphere
from gendyn.experiments.linear_models.bias_variance.program import PARTS
from gendyn.types import Dataset


def table(ds: Dataset, learner: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sizes ``[P]``, ``N / n`` or widths, and the finished redraws: name -> ``[S, L, P]``.

    Beside what was measured and each of the parts: ``"variance"``, their sum; and ``"predicted"``, the risk of an
    average over the ensemble's number of initialisations by the parts.
    """
    config, values = config_of(ds), analysis.redraws_at(ds, {"learner": learner})
    leaves, parts = config[learner], dict(zip(PARTS, np.moveaxis(values.pop("components"), 1, 0), strict=True))
    predicted = values["squared_bias"] + theory.averaged_variance(parts, {"init": config["members"]})
    if learner == "mlp":
        sizes = np.array(leaves["widths"], float)
    else:
        sizes = np.array(_sphere.feature_counts(leaves["ratios"], leaves["num_train"])) / leaves["num_train"]
    return sizes, values | parts | {"variance": np.sum(list(parts.values()), axis=0), "predicted": predicted}
