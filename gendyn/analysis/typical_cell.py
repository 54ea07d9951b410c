"""The cell of a grid of runs that shows a phase best."""

import numpy as np


def typical_cell(phases: np.ndarray, phase: str) -> tuple[int, int] | None:
    """The cell with the largest share of a phase, of several the one nearest the middle; ``None`` if that is below 1/2.

    ``None`` too of a grid without a cell.

    Args:
        phases: str ``[X, Y, S]``, see :func:`gendyn.analysis.grokking_phase`; ``""`` where a run is missing.
        phase: one of them.

    >>> phases = np.array([[["grokking", "grokking"], ["grokking", "immediate"]]])
    >>> typical_cell(phases, "grokking"), typical_cell(phases, "not fitted")
    ((0, 0), None)
    """
    share = np.sum(phases == phase, axis=2) / np.maximum(np.sum(phases != "", axis=2), 1)
    if not share.size or share.max() < 0.5:
        return None
    best = np.argwhere(share == share.max())
    middle = (np.array(share.shape) - 1) / 2
    column, row = best[np.argmin(np.sum((best - middle) ** 2, axis=1))].tolist()
    return column, row
