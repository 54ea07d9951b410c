"""Train fraction x weight decay: what share of the seeds groks, generalises at once or never, and how late."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gendyn.analysis import (
    GROKKING,
    IMMEDIATE,
    NO_GENERALISATION,
    NOT_FITTED,
    PHASES,
    UNFINISHED,
    arrival_times,
    generalisation_delay,
    grokking_phase,
    history,
    record_steps,
    run_status,
    tabulate,
    upper_median,
)
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking.tables import ACCURACY, DELAYED, crossings
from gendyn.plots import style
from gendyn.plots.grokking_curves import Curves, draw_curves
from gendyn.types import Axes, Dataset, Figure

MAX_CURVES = 3
CURVES_HEIGHT = 2.9
"""Inches."""
COLOURS = {NOT_FITTED: "#BBBBBB", NO_GENERALISATION: "#D55E00", GROKKING: "#56B4E9", IMMEDIATE: "#009E73"}


def figure(ds: Dataset) -> Figure:
    """Shares of phases and median delays over the grid; below, accuracies of one cell for each phase."""
    found = crossings(ds)
    layout = found.layout
    kinds = grokking_phase(found.train, found.test, immediate=DELAYED)
    kinds = np.where(run_status(ds) == UNFINISHED, "", kinds)
    phases = np.where(layout.runs < 0, "", kinds[layout.runs])
    delays = tabulate(layout, arrival_times(generalisation_delay(found.train, found.test)))
    delays[phases == ""] = np.nan
    medians = np.array([[upper_median(cell) for cell in row] for row in delays])
    steps = record_steps(ds)[0]
    accuracies = [tabulate(layout, 1.0 - history(ds, name)) for name in ("train_error", "test_error")]
    curves = []
    for phase in (NO_GENERALISATION, GROKKING, IMMEDIATE):
        cell = typical_cell(phases, phase)
        if cell is not None:
            label = f"{phase}\nfraction {found.fractions[cell[0]]:g}, decay {found.decays[cell[1]]:g}"
            curves.append(Curves(label, steps, *(array[cell][phases[cell] != ""] for array in accuracies)))
    note = (
        f"crossings of {ACCURACY:.0%}; immediate: test by {DELAYED:g} x the training step; "
        f"no generalisation: not within {np.nanmax(steps):,.0f} steps"
    )
    return phase_diagram(found.fractions, found.decays, phases, medians, curves=curves, note=note)


def typical_cell(phases: np.ndarray, phase: str) -> tuple[int, int] | None:
    """The cell of ``phases [F, W, S]`` with the largest share of a phase, of several the one nearest the middle.

    ``None`` where no cell has half of its seeds in that phase.
    """
    count = np.maximum(np.sum(phases != "", axis=2), 1)
    share = np.sum(phases == phase, axis=2) / count
    if share.max() < 0.5:
        return None
    middle = [(size - 1) / 2 for size in share.shape]
    best = np.argwhere(share == share.max())
    i, j = best[np.argmin(np.sum((best - middle) ** 2, axis=1))].tolist()
    return i, j


def phase_diagram(
    train_fractions: np.ndarray,
    weight_decays: np.ndarray,
    phases: np.ndarray,
    delays: np.ndarray,
    *,
    curves: Sequence[Curves] = (),
    note: str = "",
) -> Figure:
    """Left: every cell filled by the shares of its seeds in each phase. Right: its median delay. Below: some curves.

    Args:
        train_fractions, weight_decays: ``[F]`` and ``[W]``, ascending; columns and rows.
        phases: str ``[F, W, S]``, see :func:`gendyn.analysis.grokking_phase`; ``""`` where a run is missing.
        delays: ``[F, W]``: median steps from the training to the test threshold; ``inf`` where half or more
            have not generalised, NaN where nothing is known.
        curves: of up to 3 cells.
        note: added to the caption.

    Raises:
        ConfigError: shapes that do not fit, an unknown phase, or more than 3 cells to draw.
    """
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
    made, (left, right), panels = _axes(max(5.4, 0.85 * shape[0] + 1.6), max(3.0, 0.6 * shape[1] + 1.0), len(curves))
    _shares(left, phases)
    _delays(right, delays)
    for ax, title in ((left, "share of seeds"), (right, "median delay, steps")):
        ax.set_title(title, fontsize=style.SIZES["title"])
        ax.set_xticks(range(shape[0]), [style.number(value) for value in train_fractions.tolist()])
        ax.set(xlim=(-0.5, shape[0] - 0.5), ylim=(-0.5, shape[1] - 0.5))
        ax.set_xlabel("fraction of examples trained on", fontsize=style.SIZES["label"])
        ax.grid(False)
    left.set_yticks(range(shape[1]), [style.number(value) for value in weight_decays.tolist()])
    left.set_ylabel("weight decay", fontsize=style.SIZES["label"])
    seeds = int(np.max(np.sum(phases != "", axis=2), initial=0))
    small_print = f"up to {seeds} seeds a cell; the width of a colour is its share"
    if curves:
        reached = draw_curves(panels, curves, accuracy=ACCURACY)
        small_print += f"; below: medians, bands: {reached:.0%} interval, thin: each seed's test accuracy"
    style.caption(made, "\n".join(filter(None, (note, small_print))))
    return made


def _axes(width: float, height: float, num_curves: int) -> tuple[Figure, list[Axes], list[Axes]]:
    """The two panels of the diagram and, below them, those of the curves."""
    made, axes = style.figure(2 if num_curves else 1, max(2, num_curves), width=width, height=height, share_x=False)
    if not num_curves:
        return made, list(axes[0]), []
    made.set_size_inches(2 * width, height + CURVES_HEIGHT + 2.0)
    # Six columns hold two panels of three and three of two.
    cells = made.add_gridspec(2, 6, height_ratios=(height + 0.6, CURVES_HEIGHT))
    above, below = list(axes[0, :2]), list(axes[1, :num_curves])
    for ax in (*axes[0, 2:], *axes[1, num_curves:]):
        ax.remove()
    for i, ax in enumerate(above):
        ax.set_subplotspec(cells[0, 3 * i : 3 * i + 3])
    for i, ax in enumerate(below):
        ax.set_subplotspec(cells[1, 2 * i : 2 * i + 2])
    return made, above, below


def _shares(ax: Axes, phases: np.ndarray) -> None:
    from matplotlib.patches import Patch, Rectangle

    text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": style.SIZES["note"], "color": "black"}
    for column, row in np.ndindex(*phases.shape[:2]):
        cell = phases[column, row]
        known, start = cell[cell != ""], column - 0.46
        for phase in PHASES if len(known) else ():
            count = int(np.sum(known == phase))
            width = 0.92 * count / len(known)
            ax.add_patch(Rectangle((start, row - 0.46), width, 0.92, facecolor=COLOURS[phase], linewidth=0))
            if count:
                ax.text(start + width / 2, row, str(count), **text)
            start += width
    shown = [Patch(facecolor=COLOURS[phase], label=phase) for phase in PHASES if np.any(phases == phase)]
    place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.1), "ncols": 2}
    spaces: dict[str, Any] = {"frameon": False, "columnspacing": 1.0, "handlelength": 1.0}
    ax.legend(handles=shown, fontsize=style.SIZES["note"], **place, **spaces)


def _delays(ax: Axes, delays: np.ndarray) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    # Steps at or below 1 (the test threshold first, or together) share the lightest colour.
    finite = np.maximum(delays[np.isfinite(delays)], 1.0)
    scale = LogNorm(finite.min(), max(float(finite.max()), 1.001 * float(finite.min()))) if len(finite) else None
    for column, row in np.argwhere(~np.isnan(delays)):
        delay = float(delays[column, row])
        if np.isinf(delay) or scale is None:
            filled: dict[str, Any] = {"facecolor": "white", "edgecolor": style.GREY, "hatch": "//"}
            text, colour, box = "–", "black", {"facecolor": "white", "linewidth": 0, "pad": 1.5}
        else:
            shade = float(scale(max(delay, 1.0)))
            filled = {"facecolor": colormaps["Blues"](0.08 + 0.82 * shade)}
            text, colour, box = _short(delay), "white" if shade > 0.55 else "black", None
        ax.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, linewidth=0, **filled))
        ax.text(column, row, text, ha="center", va="center", fontsize=style.SIZES["tick"], color=colour, bbox=box)


def _short(steps: float) -> str:
    """Two digits that fit a cell: 850, 4.3k, 120k."""
    for limit, factor, unit in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e12, 1e6, "M")):
        if abs(steps) < limit:
            value = steps / factor
            return f"{value:.1f}{unit}" if unit and abs(value) < 9.95 else f"{value:.0f}{unit}"
    return f"{steps:.0e}"
