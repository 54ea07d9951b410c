"""Phases over two axes: every cell of a grid filled by the shares of its runs, and its median delay beside it."""

from typing import Any

import numpy as np

from gendyn.analysis import GROKKING, IMMEDIATE, NO_GENERALISATION, NOT_FITTED, PHASES
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.plots.panels import Panel
from gendyn.types import Axes

COLOURS = {NOT_FITTED: "#BBBBBB", NO_GENERALISATION: style.TRAIN, GROKKING: "#56B4E9", IMMEDIATE: "#009E73"}
SIZE = 0.92
"""Of a cell, on an axis of cells."""


def phase_panels(
    x: np.ndarray, y: np.ndarray, phases: np.ndarray, delays: np.ndarray, *, x_label: str, y_label: str
) -> tuple[Panel, Panel]:
    """Two panels for :func:`gendyn.plots.draw_panels`: shares of phases, and median delays as numbers and shades.

    Args:
        x, y: ``[X]`` and ``[Y]``, ascending: what columns and rows are.
        phases: str ``[X, Y, S]``, see :func:`gendyn.analysis.grokking_phase`; ``""`` where a run is missing.
        delays: ``[X, Y]``, steps; ``inf`` (hatched) where half or more have not generalised, NaN (empty) where nothing
            is known.
        x_label, y_label: of the axes.

    Raises:
        ConfigError: shapes that do not fit, or an unknown phase.

    >>> phases = np.array([[["grokking", "immediate"]]])
    >>> shares, _ = phase_panels(np.ones(1), np.ones(1), phases, np.ones((1, 1)), x_label="data", y_label="decay")
    >>> shares.title
    'share of seeds'
    """
    shape = len(x), len(y)
    if phases.ndim != 3 or phases.shape[:2] != shape or delays.shape != shape:
        raise ConfigError(
            f"phases has shape {phases.shape} and delays {delays.shape}; with {shape[0]} columns and {shape[1]} rows "
            f"pass [{shape[0]}, {shape[1]}, seeds] and [{shape[0]}, {shape[1]}]."
        )
    unknown = set(np.unique(phases).tolist()) - {*PHASES, ""}
    if unknown:
        raise ConfigError(f"phases holds {sorted(unknown)}; each must be one of {', '.join(PHASES)}, or empty.")
    columns, rows = ({float(i): style.number(value) for i, value in enumerate(axis.tolist())} for axis in (x, y))
    frame = Panel("share of seeds", x_label, y_label, (), legend="", x_ticks=columns, y_ticks=rows)
    frame = frame._replace(x_limits=(-0.5, shape[0] - 0.5), y_limits=(-0.5, shape[1] - 0.5))

    def draw_shares(ax: Axes) -> None:
        known = np.sum(phases != "", axis=2)
        at = np.nonzero(known)
        left = at[0] - SIZE / 2
        for phase in PHASES:
            counts = np.sum(phases == phase, axis=2)[at]
            if counts.any():
                widths = SIZE * counts / known[at]
                bars = ax.barh(at[1], widths, SIZE, left=left, color=COLOURS[phase], label=phase)
                labels = [str(count or "") for count in counts]
                ax.bar_label(bars, labels, label_type="center", fontsize=style.SIZES["note"])
                left = left + widths
        place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.1), "ncols": 2}
        if known.any():
            ax.legend(fontsize=style.SIZES["note"], frameon=False, columnspacing=1.0, handlelength=1.0, **place)
        ax.grid(False)

    def draw_delays(ax: Axes) -> None:
        from matplotlib import colormaps
        from matplotlib.ticker import EngFormatter

        # Steps at or below 1 (the test threshold first, or together) share the lightest colour.
        logs = np.log(np.maximum(delays, 1.0))
        finite = logs[np.isfinite(logs)]
        lowest, span = (finite.min(), max(np.ptp(finite), 1e-3)) if len(finite) else (0.0, 1.0)
        for column, row in np.argwhere(~np.isnan(delays)):
            shade, delay = (logs[column, row] - lowest) / span, delays[column, row]
            filled: dict[str, Any] = {"color": colormaps["Blues"](0.08 + 0.82 * shade)}
            text: dict[str, Any] = {"color": "white" if shade > 0.55 else "black"}
            if np.isinf(delay):
                filled = {"facecolor": "white", "edgecolor": style.GREY, "hatch": "//", "linewidth": 0}
                text = {"bbox": {"facecolor": "white", "linewidth": 0, "pad": 1.5}}
            ax.barh(row, SIZE, SIZE, left=column - SIZE / 2, **filled)
            # Three digits: 850, 4.32k, 120k.
            number = "–" if np.isinf(delay) else EngFormatter(sep="")(float(f"{delay:.3g}"))
            ax.text(column, row, number, ha="center", va="center", fontsize=style.SIZES["tick"], **text)
        ax.grid(False)

    shares, medians = frame._replace(draw=draw_shares), frame._replace(title="median delay, steps", draw=draw_delays)
    return shares, medians
