"""Curves of one quantity for every value of an ordered axis, such as penalties or depths."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.plots.panels import Curve


def curve_family(
    labels: Sequence[str],
    x: np.ndarray,
    redraws: np.ndarray,
    exact_x: np.ndarray = np.empty(0),
    exact: np.ndarray | Sequence[np.ndarray] = (),
    *,
    lighter: bool = False,
    **look: Any,
) -> tuple[Curve, ...]:
    """A curve for each of ``K`` labels, with its closed form if there is one.

    Args:
        labels: ``K`` of them, in the order of the axis.
        x: ``[P]``.
        redraws: ``[S, K, P]``.
        exact_x: ``[Q]``.
        exact: ``[K, Q]``; empty: no closed forms.
        lighter: without the darkest colour, on which the dashes of a closed form do not show.
        look: further fields that all curves share, such as ``statistic="median"``.

    Raises:
        ConfigError: tables with another number of curves.

    >>> x = np.arange(3.0)
    >>> [curve.label for curve in curve_family(["n = 1", "n = 2"], x, np.zeros([9, 2, 3]), x, np.zeros([2, 3]))]
    ['n = 1', 'n = 2']
    """
    count = len(labels)
    if redraws.ndim != 3 or redraws.shape[1] != count or len(exact) not in (0, count):
        raise ConfigError(
            f"redraws {redraws.shape} must be [S, {count}, P] and exact, of {len(exact)} curves, [{count}, Q] or "
            f"empty: a curve for each of {count} labels."
        )
    colours = style.sequence(count + 1)[1:] if lighter else [""] * count
    laws: list[dict[str, Any]] = [{"exact_x": exact_x, "exact": np.asarray(law)} for law in exact] or [{}] * count
    return tuple(Curve(label, x, redraws[:, i], colour=colours[i], **laws[i], **look) for i, label in enumerate(labels))
