"""How fast each layer's gradient changes while it trains: its power by frequency, and the share up to each."""

from collections.abc import Mapping

import numpy as np

from gendyn.analysis import median_interval
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.types import Figure


def gradient_spectrum(
    frequencies: np.ndarray,
    densities: Mapping[str, np.ndarray],
    *,
    cutoffs: Mapping[str, float] | None = None,
    level: float = 0.9,
    note: str = "",
) -> Figure:
    """Draws each layer's power density over its total power; below, the share of the power up to each frequency.

    Where a lower curve crosses a cutoff is the slow share: of the power that a low-pass filter of the gradient keeps.
    Lines are medians over runs, bands their intervals. A constant gradient (frequency 0) counts in every share.

    Args:
        frequencies: ``[F]``, equally spaced from 0 to 1/2, cycles per step, as
            :func:`gendyn.measure.temporal_gradient_spectrum` has them.
        densities: layer -> ``[R, F]`` for R runs, or ``[F]``. A run without any power is left out, and so is a
            layer that has none in any run.
        cutoffs: label -> frequency in (0, 1/2], such as the half-power frequencies of filters: vertical lines.
        level: of the bands.
        note: added to the caption.

    Raises:
        ConfigError: no layers, shapes that do not fit, frequencies that do not begin at 0, or a cutoff out of range.

    Reference: Lee et al. (2024), Grokfast, arXiv:2405.20233, section 2.
    """
    frequencies = np.asarray(frequencies, float)
    if frequencies.ndim != 1 or len(frequencies) < 2 or frequencies[0] != 0 or not densities:
        raise ConfigError(
            f"frequencies has shape {frequencies.shape} and there are {len(densities)} layers; pass [F] from 0 up, as "
            "temporal_gradient_spectrum returns it, and the density of a layer at least."
        )
    for label, cutoff in (cutoffs or {}).items():
        if not 0 < cutoff <= 0.5:
            raise ConfigError(f"cutoff {label} = {cutoff} must be in (0, 0.5] cycles per step; divide radians by 2 pi.")
    made, axes = style.figure(2, 1, width=8.5, height=3.0)
    upper, lower = axes[:, 0]
    runs = 0
    for (label, values), colour in zip(densities.items(), style.sequence(len(densities)), strict=True):
        density = np.atleast_2d(np.asarray(values, float))
        if density.shape[1:] != frequencies.shape:
            raise ConfigError(
                f"{label} has shape {np.shape(values)}; it must be [R, F] or [F] with F = {frequencies.size}."
            )
        power = density.sum(axis=1, keepdims=True)
        share = density[power[:, 0] > 0] / power[power[:, 0] > 0]
        if not len(share):
            continue
        runs = max(runs, len(share))
        for ax, curves in ((upper, share / frequencies[1]), (lower, np.cumsum(share, axis=1))):
            band = median_interval(curves, level=level)
            inner = slice(1, None)  # a logarithmic axis has no place for frequency 0
            style.band(
                ax, frequencies[inner], band.centre[inner], band.low[inner], band.high[inner], color=colour, label=label
            )
    for number, (label, cutoff) in enumerate((cutoffs or {}).items()):
        line = {"color": style.GREY, "linewidth": 1.2, "linestyle": ("--", ":", "-.")[number % 3]}
        upper.axvline(cutoff, **line)
        lower.axvline(cutoff, label=f"{label}: {cutoff:.4f}", **line)
    upper.set_xscale("log")
    upper.set_yscale("log")
    upper.set_ylabel("power density / power", fontsize=style.SIZES["label"])
    lower.set_ylim(-0.02, 1.04)
    lower.set_ylabel("share of power up to it", fontsize=style.SIZES["label"])
    lower.set_xlabel("frequency, cycles per step", fontsize=style.SIZES["label"])
    lower.legend(fontsize=style.SIZES["note"], frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    count = f"medians of {runs} runs, {level:.0%} intervals" if runs > 1 else ""
    style.caption(made, "   ·   ".join(filter(None, (note, count))))
    return made
