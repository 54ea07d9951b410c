"""What changes with the output scale, a colour for each width: kernel, linearised prediction, alignment, test loss."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Regimes(NamedTuple):
    """Reductions of a sweep over ``W`` widths, ``S`` output scales and ``E`` seeds; NaN for an unfinished run."""

    widths: np.ndarray
    """``[W]``, ascending."""
    scales: np.ndarray
    """``[S]``, ascending."""
    movement: np.ndarray
    """``[W, S, E]``: ``||K_T - K_0|| / ||K_0||`` in Frobenius norms, from the start to the end of training."""
    rotation: np.ndarray
    """``[W, S, E]``: ``1 -`` centred alignment of ``K_T`` with ``K_0``; a kernel that only grows has 0."""
    alignment: np.ndarray
    """``[2, W, S, E]``: centred alignment of the kernel with the labels, at the start and the end."""
    error: np.ndarray
    """``[W, S, E]``: largest relative error of the linearised prediction."""
    test_loss: np.ndarray
    """``[W, S, E]``: at the end, over the loss of the answer 0."""


def lazy_to_rich(regimes: Regimes, *, borders: np.ndarray, threshold: float, level: float = 0.9) -> "Figure":
    """Five panels over the output scale; lines are medians over seeds, bands their exact intervals.

    From above: movement and rotation of the kernel, error of the linearised prediction, change of the kernel's
    alignment with the labels, test loss. Vertical lines mark each width's border, where the error passes the threshold.

    Args:
        regimes: at least one width, scale and seed.
        borders: ``[W]``: output scale at the border, NaN for none.
        threshold: error at the border.
        level: of the bands.

    Raises:
        ConfigError: no seed that is finished everywhere.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    complete = np.isfinite(regimes.test_loss).all(axis=(0, 1))
    if not complete.any():
        raise ConfigError("no seed has finished at every width and output scale; wait for the sweep.")
    start, end = regimes.alignment
    panels = (
        ("kernel\nmovement", regimes.movement, True),
        ("kernel\nrotation", regimes.rotation, True),
        ("error of\nlinearisation", regimes.error, True),
        ("change of label\nalignment", end - start, False),
        ("test loss /\nloss of 0", regimes.test_loss, True),
    )
    made, axes = style.figure(len(panels), 1, width=9.0, height=2.25)
    colours = style.sequence(len(regimes.widths))
    bands_level = 1.0
    for ax, (name, values, logarithmic) in zip(axes[:, 0], panels, strict=True):
        if logarithmic:
            ax.set_yscale("log")
        for width, colour, border, table in zip(regimes.widths, colours, borders, values, strict=True):
            found = median_interval(table[:, complete].T, level=level)
            bands_level = found.level
            style.band(
                ax, regimes.scales, *found[:3], color=colour, label=style.number(float(width)), marker="o", markersize=5
            )
            ax.axvline(border, color=colour, linestyle=(0, (2, 2)), linewidth=1.3)
        ax.set_ylabel(name, fontsize=style.SIZES["label"])
    axes[-1, 0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes[-1, 0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[-1, 0].yaxis.set_minor_locator(NullLocator())
    made.align_ylabels(axes[:, 0])
    _inverse_square(axes[0, 0], regimes, complete)
    axes[2, 0].axhline(threshold, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.4)
    _note(axes[2, 0], f"border: {threshold:.0%}", (regimes.scales[-1], threshold), "right")
    axes[3, 0].axhline(0.0, color=style.GREY, linewidth=1.0)
    axes[-1, 0].set_xscale("log")
    axes[-1, 0].set_xlabel("output scale  (rich on the left, lazy on the right)", fontsize=style.SIZES["label"])
    axes[1, 0].legend(
        title="width", fontsize=style.SIZES["tick"], title_fontsize=style.SIZES["tick"], frameon=False, loc="lower left"
    )
    style.caption(
        made,
        f"median of {complete.sum()} seeds, band: {bands_level:.0%} interval   ·   dotted: the border at each width",
    )
    return made


def _inverse_square(ax: "Axes", regimes: Regimes, complete: np.ndarray) -> None:
    """The predicted power, drawn beside the widest network's line over the lazy decade."""
    last = float(np.median(regimes.movement[-1, -1, complete]))
    scales = regimes.scales[-1] * np.array([0.1, 1.0])
    ax.plot(scales, 0.4 * last * (regimes.scales[-1] / scales) ** 2, color=style.THEORY, linestyle=(0, (5, 3)))
    _note(ax, "∝ 1 / scale²", (scales[0], 10.0 * last), "right")


def _note(ax: "Axes", text: str, place: tuple[float, float], align: str) -> None:
    ax.annotate(
        text,
        place,
        xytext=(-4, 4),
        textcoords="offset points",
        ha=align,
        color=style.THEORY,
        fontsize=style.SIZES["note"],
    )
