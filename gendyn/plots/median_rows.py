"""Medians over seeds with every seed behind them, a row for each arm."""

from collections.abc import Sequence

import numpy as np

from gendyn.analysis import median_over_seeds
from gendyn.plots.panels import Rows


def median_rows(
    x_label: str, values: Sequence[np.ndarray], names: Sequence[str] = (), *, x_scale: str = "linear"
) -> Rows:
    """Rows for :func:`gendyn.plots.draw_panels`: the median of each row with its interval, and its values as dots.

    Args:
        x_label: what the values are.
        values: ``[S]`` for each row; values that are not finite are left out.
        names: of the rows; empty: none, where the rows of a panel to the left are named.
        x_scale: as matplotlib says it.

    >>> made = median_rows("accuracy", [np.array([0.5, 0.7, np.nan, 0.9]), np.ones(3)], ["adam", "sgd"])
    >>> [found.estimate for found in made.groups[""]], len(made.dots[0])
    ([0.7, 1.0], 3)
    """
    known = [row[np.isfinite(row)] for row in values]
    medians = {"": [median_over_seeds(row) for row in known]}
    return Rows("", x_label, tuple(names) or ("",) * len(known), medians, x_scale=x_scale, dots=known)
