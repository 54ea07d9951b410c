"""Train fraction x weight decay: what share of the seeds groks, generalises at once or never, and how late."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gendyn.analysis import GROKKING, IMMEDIATE, NO_GENERALISATION, NOT_FITTED, PHASES
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.plots.grokking_curves import Curves, draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CURVES = 3
CURVES_HEIGHT = 2.9
"""Inches."""
COLOURS = {NOT_FITTED: "#BBBBBB", NO_GENERALISATION: "#D55E00", GROKKING: "#56B4E9", IMMEDIATE: "#009E73"}


def phase_diagram(
    train_fractions: np.ndarray,
    weight_decays: np.ndarray,
    phases: np.ndarray,
    delays: np.ndarray,
    *,
    note: str = "",
    x_label: str = "fraction of examples trained on",
    y_label: str = "weight decay",
    curves: Sequence[Curves] = (),
    accuracy: float = 0.95,
    level: float = 0.9,
) -> "Figure":
    """Left: every cell filled by the shares of its seeds in each phase. Right: its median delay, in steps.

    Below them, if asked for, the accuracies of a few cells, as in :func:`gendyn.plots.grokking_curves`.

    Args:
        train_fractions: ``[F]``, ascending; columns.
        weight_decays: ``[W]``, ascending; rows.
        phases: str ``[F, W, S]``, see :func:`gendyn.analysis.grokking_phase`; ``""`` where a run is missing.
        delays: ``[F, W]``: median steps from the training to the test threshold; ``inf`` where half or more
            have not generalised, NaN where nothing is known.
        note: added to the caption; say the budget and the border between the phases.
        x_label, y_label: the axes, where they are others.
        curves: up to 3 cells to draw.
        accuracy, level: threshold and bands of the curves.

    Raises:
        ConfigError: shapes that do not fit, an unknown phase, or more than 3 cells to draw.
    """
    phases = np.asarray(phases)
    delays = np.asarray(delays, float)
    shape = (len(train_fractions), len(weight_decays))
    if phases.ndim != 3 or phases.shape[:2] != shape or delays.shape != shape:
        raise ConfigError(
            f"phases has shape {phases.shape} and delays {delays.shape}; with {shape[0]} train fractions and "
            f"{shape[1]} weight decays pass [{shape[0]}, {shape[1]}, seeds] and [{shape[0]}, {shape[1]}]."
        )
    unknown = set(np.unique(phases).tolist()) - {*PHASES, ""}
    if unknown:
        raise ConfigError(f"phases holds {sorted(unknown)}; each must be one of {', '.join(PHASES)}, or empty.")
    if len(curves) > MAX_CURVES:
        raise ConfigError(f"curves has {len(curves)} cells; pass at most {MAX_CURVES}.")
    width, height = max(5.4, 0.85 * shape[0] + 1.6), max(3.0, 0.6 * shape[1] + 1.0)
    made, (left, right), panels = _axes(width, height, len(curves))
    _shares(left, phases)
    _delays(right, delays)
    for ax, title in ((left, "share of seeds"), (right, "median delay, steps")):
        ax.set_title(title, fontsize=style.SIZES["title"])
        ax.set_xticks(range(shape[0]), [style.number(v) for v in np.asarray(train_fractions).tolist()])
        ax.set_xlim(-0.5, shape[0] - 0.5)
        ax.set_ylim(-0.5, shape[1] - 0.5)
        ax.set_xlabel(x_label, fontsize=style.SIZES["label"])
        ax.grid(False)
    left.set_yticks(range(shape[1]), [style.number(v) for v in np.asarray(weight_decays).tolist()])
    left.set_ylabel(y_label, fontsize=style.SIZES["label"])
    seeds = int(np.max(np.sum(phases != "", axis=2), initial=0))
    small_print = f"up to {seeds} seeds a cell; the width of a colour is its share"
    if curves:
        reached = draw_curves(panels, curves, accuracy=accuracy, level=level)
        small_print += f"; below: medians, bands: {reached:.0%} interval, thin: each seed's test accuracy"
    style.caption(made, "\n".join(filter(None, (note, small_print))))
    return made


def _axes(width: float, height: float, num_curves: int) -> "tuple[Figure, list[Axes], list[Axes]]":
    """The two panels of the diagram and, below them, those of the curves."""
    made, axes = style.figure(2 if num_curves else 1, max(2, num_curves), width=width, height=height, share_x=False)
    if not num_curves:
        return made, list(axes[0]), []
    made.set_size_inches(2 * width, height + CURVES_HEIGHT + 2.0)
    # Six columns hold two panels of three and three of two.
    cells = made.add_gridspec(2, 6, height_ratios=(height + 0.6, CURVES_HEIGHT))
    for i, ax in enumerate(axes[0]):
        if i < 2:
            ax.set_subplotspec(cells[0, 3 * i : 3 * i + 3])
        else:
            ax.remove()
    panels = list(axes[1])
    for ax in panels[num_curves:]:
        ax.remove()
    for i, ax in enumerate(panels[:num_curves]):
        ax.set_subplotspec(cells[1, 2 * i : 2 * i + 2])
    return made, list(axes[0, :2]), panels[:num_curves]


def _shares(ax: "Axes", phases: np.ndarray) -> None:
    from matplotlib.patches import Patch, Rectangle

    for column, row in np.ndindex(*phases.shape[:2]):
        cell = phases[column, row]
        known = cell[cell != ""]
        start = column - 0.46
        for phase in PHASES if len(known) else ():
            count = int(np.sum(known == phase))
            width = 0.92 * count / len(known)
            ax.add_patch(Rectangle((start, row - 0.46), width, 0.92, facecolor=COLOURS[phase], linewidth=0))
            if count:
                ax.text(
                    start + width / 2,
                    row,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=style.SIZES["note"],
                    color="black",
                )
            start += width
    shown = [phase for phase in PHASES if np.any(phases == phase)]
    ax.legend(
        handles=[Patch(facecolor=COLOURS[phase], label=phase) for phase in shown],
        fontsize=style.SIZES["note"],
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.1),
        ncols=2,
        columnspacing=1.0,
        handlelength=1.0,
    )


def _delays(ax: "Axes", delays: np.ndarray) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    # Steps at or below 1 (the test threshold first, or together) share the lightest colour.
    finite = np.maximum(delays[np.isfinite(delays)], 1.0)
    scale = LogNorm(finite.min(), max(float(finite.max()), 1.001 * float(finite.min()))) if len(finite) else None
    for column, row in np.ndindex(*delays.shape):
        delay = float(delays[column, row])
        corner = (column - 0.46, row - 0.46)
        if np.isnan(delay):
            continue
        if np.isinf(delay) or scale is None:
            ax.add_patch(
                Rectangle(corner, 0.92, 0.92, facecolor="white", edgecolor=style.GREY, hatch="//", linewidth=0)
            )
            text, colour = "–", "black"
        else:
            shade = float(scale(max(delay, 1.0)))
            ax.add_patch(Rectangle(corner, 0.92, 0.92, facecolor=colormaps["Blues"](0.08 + 0.82 * shade), linewidth=0))
            text, colour = _short(delay), "white" if shade > 0.55 else "black"
        ax.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=style.SIZES["tick"],
            color=colour,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1.5} if text == "–" else None,
        )


def _short(steps: float) -> str:
    """Two digits that fit a cell: 850, 4.3k, 120k."""
    for limit, factor, unit in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e12, 1e6, "M")):
        if abs(steps) < limit:
            value = steps / factor
            return f"{value:.1f}{unit}" if unit and abs(value) < 9.95 else f"{value:.0f}{unit}"
    return f"{steps:.0e}"
