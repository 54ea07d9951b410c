"""Results to tables."""

import numpy as np

from gendyn import analysis
from gendyn.analysis import config_of
from gendyn.experiments.linear_models import _sphere
from gendyn.types import Dataset


def table(ds: Dataset, data: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``N / n [P]``, and what was measured on one kind of data in finished redraws: name -> ``[S, V, L, P]``.

    Raises:
        ConfigError: none is finished.
    """
    config = config_of(ds)
    n = config[data]["num_train"]
    return np.array(_sphere.feature_counts(config["ratios"], n)) / n, analysis.redraws_at(ds, {"data": data})
