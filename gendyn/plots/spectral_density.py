"""Density of a spectrum on a logarithmic scale, the Ritz values behind it, and Marchenko & Pastur's law beside it."""

import numpy as np

from gendyn.analysis import mean_interval
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.theory import marchenko_pastur_density
from gendyn.types import Figure


def spectral_density(
    grid: np.ndarray,
    density: np.ndarray,
    *,
    nodes: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    ratio: float | None = None,
    variance: float = 1.0,
    decades: float = 7.0,
    level: float = 0.9,
    note: str = "",
) -> Figure:
    """Draws eigenvalues per unit length and per dimension; below, each Ritz value as a stem as high as its weight.

    The stems show what the smoothed curve stands on: an isolated one is one outlying eigenvalue, its weight times the
    dimension the number of eigenvalues it stands for.

    Args:
        grid: ``[G]``, ascending.
        density: ``[G]``, or ``[p, G]`` for each probe: the line is the mean, the band its interval.
        nodes: Ritz values ``[p, m]`` or ``[m]``; ``None`` leaves the stems out.
        weights: like ``nodes``, each row summing to 1.
        ratio: ``p / n`` of the Marchenko-Pastur law drawn dashed; ``None``: none. Its atom at 0 is not drawn.
        variance: of the entries in that law.
        decades: below the maximum, where the vertical axis ends.
        level: of the band.
        note: added to the caption.

    Raises:
        ConfigError: shapes that do not fit, or a density that is nowhere positive.
    """
    grid, curves = np.asarray(grid, float), np.atleast_2d(np.asarray(density, float))
    top = np.max(curves, where=np.isfinite(curves), initial=0.0)
    if grid.ndim != 1 or curves.shape[1:] != grid.shape or top <= 0:
        raise ConfigError(
            f"grid has shape {grid.shape} and density {np.shape(density)}, with maximum {top:g}; density must be "
            "[grid] or [probes, grid] and somewhere positive."
        )
    points, heights = (np.ravel([] if part is None else part) for part in (nodes, weights))
    if points.shape != heights.shape:
        raise ConfigError(f"there are {points.size} nodes and {heights.size} weights; pass both, of one shape.")
    made, axes = style.figure(2 if points.size else 1, 1, width=8.0)
    upper = axes[0, 0]
    floor = top * 10.0**-decades
    band = mean_interval(curves, level=level)
    centre, low, high = (np.clip(part, floor / 10, 10 * top) for part in (band.centre, band.low, band.high))
    if len(curves) == 1:
        low = high = centre
    style.band(upper, grid, centre, low, high, color=style.TEST, label="measured")
    if ratio is not None:
        law = marchenko_pastur_density(grid / variance, ratio) / variance
        visible = np.where(law > floor, law, np.nan)
        label = f"Marchenko–Pastur, p / n = {style.number(ratio)}"
        upper.plot(grid, visible, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.8, label=label)
        upper.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper right")
    upper.set_yscale("log")
    upper.set_ylim(floor, 3.0 * top)
    upper.set_xlim(grid[0], grid[-1])
    upper.set_ylabel("density", fontsize=style.SIZES["label"])
    if points.size:
        lower = axes[1, 0]
        shown = heights > 0
        smallest = max(float(np.min(heights[shown], initial=1.0)), 1e-12)
        lower.vlines(points[shown], smallest / 3.0, heights[shown], color=style.GREY, linewidth=0.9)
        lower.plot(points[shown], heights[shown], linestyle="none", marker="o", markersize=3.5, color=style.TEST)
        lower.set_yscale("log")
        lower.set_ylim(smallest / 3.0, 3.0)
        lower.set_ylabel("weight of Ritz value", fontsize=style.SIZES["label"])
    axes[-1, 0].set_xlabel("eigenvalue", fontsize=style.SIZES["label"])
    probes = f"{len(curves)} probes, band: {level:.0%} interval of their mean" if len(curves) > 1 else ""
    if note or probes:
        style.caption(made, "   ·   ".join(filter(None, (note, probes))))
    return made
