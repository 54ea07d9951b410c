"""Finished redraws, and the closed form of the effective dimension."""

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, finished_table
from gendyn.types import Dataset


def redraws(ds: Dataset, name: str) -> np.ndarray:
    """A recorded array of the finished seeds, ``[S, ...]``."""
    return finished_table(ds, name, ("seed",))


def sizes_of(ds: Dataset) -> tuple[int, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Number of examples, numbers of features ``[P]``, and :func:`dimension_laws` of each penalty."""
    config = config_of(ds)
    n, sizes = config["num_examples"], np.array(config["num_features"])
    return n, sizes, [dimension_laws(n, sizes, penalty) for penalty in config["penalties"]]


def dimension_laws(num_examples: int, sizes: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Effective dimension of ``X`` and its complement for every number of features, ``[P]`` each: leading order.

    ``sum_i l_i / (l_i + kappa)`` over the spectrum of the covariance ``I + 1 1^T``, which is ``d + 1`` once and 1 ``d -
    1`` times, with ``sum_i l_i / (l_i + kappa) + penalty / kappa = n``.

    >>> dimension, complement = dimension_laws(200, np.array([50, 200, 400]), 0.2)
    >>> dimension.round(2).tolist(), complement.round(3).tolist()
    ([49.93, 193.79, 199.8], [0.065, 6.21, 0.199])
    """
    dimensions, complements = [], []
    for d in sizes.tolist():
        found = theory.eigenlearning(
            [d + 1.0, 1.0], [d / (d + 1.0), 0.0], num_examples, ridge=penalty, multiplicities=[1.0, d - 1.0]
        )
        learned = found.learnabilities
        dimensions.append(learned[0] + (d - 1.0) * learned[1])
        # Two forms of one number: each without a difference of close ones.
        missed = (1.0 - learned[0]) + (d - 1.0) * (1.0 - learned[1])
        complements.append(missed if d <= num_examples else penalty / found.kappa)
    return np.array(dimensions), np.array(complements)
