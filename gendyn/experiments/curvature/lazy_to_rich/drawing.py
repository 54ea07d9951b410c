"""What changes with the output scale, a colour for each width."""

from typing import Any

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.experiments.curvature.lazy_to_rich.tables import BORDER, regimes
from gendyn.plots import style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Five panels over the output scale; lines are medians over seeds, bands their exact intervals.

    From above: movement and rotation of the kernel, error of the linearised prediction, change of the kernel's
    alignment with the labels, test loss. Vertical lines mark each width's border, where the error passes ``BORDER``.

    Raises:
        ConfigError: no seed that is finished everywhere.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    found = regimes(ds)
    if not len(found.error):
        raise ConfigError("no seed has finished at every width and output scale; wait for the sweep.")
    panels = {
        "kernel\nmovement": found.movement,
        "kernel\nrotation": found.rotation,
        "error of\nlinearisation": found.error,
        "change of label\nalignment": found.growth,
        "test loss /\nloss of 0": found.test_loss,
    }
    made, axes = style.figure(len(panels), 1, width=9.0, height=2.25)
    moved, rotated, off, aligned, loss = axes[:, 0]
    colours = style.sequence(len(found.widths))
    for ax, (name, values) in zip(axes[:, 0], panels.items(), strict=True):
        ax.set_yscale("linear" if ax is aligned else "log")
        ax.set_ylabel(name, fontsize=style.SIZES["label"])
        band = median_interval(values)
        for i, (width, colour, border) in enumerate(zip(found.widths, colours, found.borders, strict=True)):
            line: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 5}
            style.band(ax, found.scales, *(part[i] for part in band[:3]), label=style.number(float(width)), **line)
            ax.axvline(border, color=colour, linestyle=(0, (2, 2)), linewidth=1.3)
    dashed: dict[str, Any] = {"color": style.THEORY, "linestyle": (0, (5, 3))}
    note: dict[str, Any] = {"xytext": (-4, 4), "textcoords": "offset points", "ha": "right", "color": style.THEORY}
    note["fontsize"] = style.SIZES["note"]
    # The predicted power, beside the widest network's line over the lazy decade.
    last, largest = float(np.median(found.movement[:, -1, -1])), found.scales[-1]
    moved.plot(largest * np.array([0.1, 1.0]), 0.4 * last * np.array([100.0, 1.0]), **dashed)
    moved.annotate("∝ 1 / scale²", (0.1 * largest, 10.0 * last), **note)
    off.axhline(BORDER, linewidth=1.4, **dashed)
    off.annotate(f"border: {BORDER:.0%}", (largest, BORDER), **note)
    aligned.axhline(0.0, color=style.GREY, linewidth=1.0)
    loss.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    loss.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    loss.yaxis.set_minor_locator(NullLocator())
    loss.set_xscale("log")
    loss.set_xlabel("output scale  (rich on the left, lazy on the right)", fontsize=style.SIZES["label"])
    small = style.SIZES["tick"]
    rotated.legend(title="width", fontsize=small, title_fontsize=small, frameon=False, loc="lower left")
    made.align_ylabels(axes[:, 0])
    style.caption(
        made,
        f"median of {len(found.error)} seeds, band: {band.level:.0%} interval   ·   dotted: the border at each width",
    )
    return made
