"""Training and test accuracy against step on a logarithmic axis, medians over seeds: where a network groks, or not."""

import numpy as np

from gendyn.plots import style
from gendyn.plots.panels import Curve, Panel


def accuracy_panel(title: str, steps: np.ndarray, train: np.ndarray, test: np.ndarray, *, legend: str = "") -> Panel:
    """A panel for :func:`gendyn.plots.draw_panels`: median accuracies, their intervals, each seed's test curve thinly.

    The median of a jump whose time varies jumps too and hides the spread of times, so the seeds are drawn. It is drawn
    where every seed is: over those that went further it would change its members on the way. Step 0 is at the left
    end, on a linear strip below step 1.

    Args:
        title: of the panel.
        steps: ``[T]``: recorded steps, from 0; NaN past the end.
        train, test: ``[S, T]``: accuracies in [0, 1]; NaN where a run is not that far.
        legend: where it is, as :class:`gendyn.plots.Panel` says; empty: none.

    >>> panel = accuracy_panel("arm", np.array([0.0, 1.0, 10.0]), np.ones((4, 3)), np.zeros((4, 3)))
    >>> [curve.label for curve in panel.curves], panel.x_limits
    (['train', 'test'], (0, 10.0))
    """
    curves = (
        Curve("train", steps, train, colour=style.TRAIN, statistic="median"),
        Curve("test", steps, test, colour=style.TEST, statistic="median", seeds=True),
    )
    ends = (0, float(np.nanmax(steps)))
    return Panel(
        title, "training step", "accuracy", curves, "symlog", y_limits=(-0.02, 1.04), x_limits=ends, legend=legend
    )
