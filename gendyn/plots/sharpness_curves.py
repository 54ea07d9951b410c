"""Sharpness in units of its stability limit, and training loss, along training."""

from typing import TYPE_CHECKING

import numpy as np

from gendyn.analysis import grid, history, median_interval, record_steps, tabulate
from gendyn.plots import style

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

AXES = ("optim.learning_rate", "seed")


def sharpness_curves(ds: "xarray.Dataset", *, name: str = "sharpness/lambda_max", level: float = 0.9) -> "Figure":
    """Draws ``lambda eta / 2`` (left) and the training loss (right) against the step, a colour a learning rate.

    Lines are medians over seeds, bands their exact intervals; the dashed line at 1 is the limit of stability of
    gradient descent on a quadratic. Records without a finite value are left out.

    Args:
        ds: a sweep over learning rate and seed that recorded ``name``.
        level: of the bands.

    Raises:
        ConfigError: another axis varies, or ``name`` was not recorded.

    Reference: Cohen et al. (2021), figure 1.
    """
    layout = grid(ds, AXES)
    rates, seeds = layout.axes.values()
    steps = tabulate(layout, record_steps(ds))[0, 0]
    sharpness, loss = (tabulate(layout, history(ds, variable)) for variable in (name, "train_loss"))
    made, axes = style.figure(2, 1, width=9.0)
    for rate, colour, of_rate, losses in zip(rates, style.sequence(len(rates)), sharpness, loss, strict=True):
        for ax, table in ((axes[0, 0], of_rate * rate / 2.0), (axes[1, 0], losses)):
            style.band(ax, steps, *_bands(table, level), color=colour, label=f"{rate:g}")
    top = axes[0, 0]
    top.axhline(1.0, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6)
    top.annotate(
        "limit of stability, λ = 2/η",
        (0.995, 1.0),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        color=style.THEORY,
        fontsize=style.SIZES["note"],
    )
    first = sharpness[:, :, 1:] * rates[:, None, None] / 2.0
    top.set_ylim(0.0, min(2.0, max(1.25, 1.1 * float(np.nanmax(first, initial=1.0)))))
    top.set_ylabel("sharpness / limit, λη/2", fontsize=style.SIZES["label"])
    axes[1, 0].set_ylabel("training loss", fontsize=style.SIZES["label"])
    axes[1, 0].set_yscale("log")
    axes[1, 0].set_xlabel("training step", fontsize=style.SIZES["label"])
    axes[1, 0].legend(
        title="learning rate η",
        fontsize=style.SIZES["tick"],
        title_fontsize=style.SIZES["tick"],
        frameon=False,
        ncols=2,
    )
    style.caption(made, f"median of {len(seeds)} seeds, band: {level:.0%} interval")
    return made


def _bands(table: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median and interval over the seeds ``[S, T]`` that are finite, NaN where none is."""
    found = [median_interval(c[np.isfinite(c)], level=level) if np.isfinite(c).any() else None for c in table.T]
    centre, low, high = (
        np.array([np.nan if b is None else getattr(b, part) for b in found]) for part in ("centre", "low", "high")
    )
    return centre, low, np.where(np.isinf(high), np.nan, high)
