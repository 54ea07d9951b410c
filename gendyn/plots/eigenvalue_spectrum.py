"""The largest eigenvalues, rank by rank, against width, time or whatever else was varied."""

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.types import Figure

MAX_LINES = 8


def eigenvalue_spectrum(
    x: np.ndarray,
    eigenvalues: np.ndarray,
    *,
    x_name: str = "training step",
    y_name: str = "eigenvalue",
    level: float = 0.9,
    note: str = "",
) -> Figure:
    """Draws the medians over seeds of at most 8 ranks, with exact intervals; the lightest is the smallest shown.

    The vertical axis is logarithmic; with an eigenvalue at or below 0 it is linear around 0 and logarithmic beyond. The
    horizontal one is logarithmic, and keeps a step 0.

    Args:
        x: ``[X]``, ascending, not negative: widths, steps, ...
        eigenvalues: ``[X, k]``, or ``[S, X, k]`` for each seed, largest first. NaN where one is not there.
        x_name: label of the horizontal axis.
        y_name: label of the vertical axis, such as ``"eigenvalue of the mean loss's Hessian"``.
        level: of the bands; over few seeds the caption gives the level they can have.
        note: added to the caption.

    Raises:
        ConfigError: shapes that do not fit, ``x`` not ascending, or nothing finite.
    """
    x = np.asarray(x, float)
    values = np.asarray(eigenvalues, float)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or x.shape != values.shape[1:2] or np.any(np.diff(x) <= 0) or np.any(x < 0):
        raise ConfigError(
            f"x has shape {x.shape} and eigenvalues {np.shape(eigenvalues)}; x must be ascending and not negative, and "
            "eigenvalues [x, ranks] or [seeds, x, ranks]."
        )
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise ConfigError("eigenvalues holds nothing finite, so there is nothing to draw.")
    made, axes = style.figure(1, 1, width=7.5, height=4.2)
    ax = axes[0, 0]
    count = values.shape[2]
    # Denser at the top, where outliers are: 1, 2, 4, ... among many.
    shown = np.unique(np.geomspace(1, count, min(MAX_LINES, count)).round().astype(int)) - 1
    band = median_interval(values, level=level)
    for rank, shade in zip(shown, style.sequence(len(shown)), strict=True):
        curves = (part[:, rank] for part in (band.centre, band.low, band.high))
        style.band(ax, x, *curves, color=shade, marker="o", markersize=4, label=f"{rank + 1}")
    if np.min(finite) > 0:
        ax.set_yscale("log")
    else:
        ax.set_yscale("symlog", linthresh=max(float(np.max(np.abs(finite))) * 1e-3, 1e-30))
        ax.axhline(0.0, color=style.GREY, linewidth=0.8)
    if np.min(x) > 0:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=1.0)
        ax.set_xlim(left=0)
    ax.set_xlabel(x_name, fontsize=style.SIZES["label"])
    ax.set_ylabel(y_name, fontsize=style.SIZES["label"])
    size = style.SIZES["tick"]
    ax.legend(
        title="rank", loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=size, title_fontsize=size
    )
    seeds = (
        f"median of {len(values)} seeds, band: {band.level:.0%} interval"
        if len(values) > 1
        else "one seed, no interval"
    )
    style.caption(made, "   ·   ".join(filter(None, (note, seeds))))
    return made
