"""Residual of each frequency against step, and decay rate against frequency: measured on top of predicted."""

from typing import Any

import numpy as np

from gendyn.analysis import Band, config_of, mean_interval, median_interval
from gendyn.experiments.curvature.spectral_bias_ntk.tables import Decay, decay
from gendyn.plots import style
from gendyn.types import Dataset, Figure

MAX_LINES = 6


def figure(ds: Dataset) -> Figure:
    """A column without bias and one with: decay above, rates below.

    Above: medians over seeds with exact intervals for at most 6 frequencies, and the predicted power dashed. Below:
    mean rates with their intervals on open rings at the predicted ones; a rate at or near 0 is drawn on a linear strip
    below the logarithmic scale.
    """
    config = config_of(ds)
    columns = {name: decay(ds, use_bias=name == "with bias") for name in ("without bias", "with bias")}
    made, axes = style.figure(2, len(columns), share_x=False)
    predicted = np.concatenate([found.predicted for found in columns.values()])
    highest = float(np.max(predicted))
    threshold = float(np.min(predicted[predicted > 0], initial=highest)) / 3.0
    for (upper, lower), (name, found) in zip(axes.T, columns.items(), strict=True):
        medians = _decay(upper, found, config["learning_rate"])
        means = _rates(lower, found, threshold, highest)
        upper.set_title(name, fontsize=style.SIZES["title"], pad=10)
    axes[0, 0].set_ylabel("residual / start", fontsize=style.SIZES["label"])
    axes[1, 0].set_ylabel("decay rate", fontsize=style.SIZES["label"])
    size = style.SIZES["tick"]
    for ax, title in zip(axes[:, -1], ("frequency", None), strict=True):
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02), "frameon": False}
        ax.legend(title=title, fontsize=size, title_fontsize=size, **place)
    seeds = len(found.residuals)
    moved = float(np.nanmax(ds["weight_movement"].values))
    setting = f"{config['num_units']:,} units, {config['num_points']} points, learning rate {config['learning_rate']:g}"
    text = f"{setting}   ·   weights moved by at most {moved:.1%}\n"
    above = f"above: median of {seeds} seeds and {medians.level:.0%} interval"
    below = f"below: mean and {means.level:.0%} interval"
    style.caption(made, text + (f"{above}   ·   {below}" if seeds > 1 else "one seed, no interval"))
    return made


def _decay(ax: Any, found: Decay, learning_rate: float) -> Band:
    count = len(found.frequencies)
    shown = np.unique(np.linspace(0, count - 1, min(MAX_LINES, count)).round().astype(int))
    band = median_interval(found.residuals)
    fine = np.unique(np.concatenate([found.steps, np.linspace(0, found.steps.max(), 400)]))
    for mode, shade in zip(shown, style.sequence(len(shown)), strict=True):
        curves = (part[:, mode] for part in band[:3])
        style.band(ax, found.steps, *curves, color=shade, label=style.number(float(found.frequencies[mode])))
        predicted = np.abs(1.0 - learning_rate * found.predicted[mode]) ** fine
        label = "closed form" if mode == shown[-1] else None
        ax.plot(fine, predicted, color=style.THEORY, linestyle=(0, (3, 2)), linewidth=1.3, label=label)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlim(0, found.steps.max())
    ax.set_ylim(-0.03, 1.12)
    ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    return band


def _rates(ax: Any, found: Decay, threshold: float, highest: float) -> Band:
    from matplotlib.ticker import MaxNLocator

    with np.errstate(invalid="ignore"):  # a run that diverged has no finite mean, and is not drawn
        band = mean_interval(found.rates)
    style.rings(ax, found.frequencies, found.predicted, "closed form")
    style.bars(ax, found.frequencies, band)
    ax.set_yscale("symlog", linthresh=threshold, linscale=0.6)
    ax.axhline(0.0, color=style.GREY, linewidth=0.8)
    ax.set_ylim(-threshold / 2, 2.0 * max(highest, threshold))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(found.frequencies.min() - 0.7, found.frequencies.max() + 0.7)
    ax.set_xlabel("frequency", fontsize=style.SIZES["label"])
    return band
