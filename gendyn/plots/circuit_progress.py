"""Progress measures along training, how far ahead of the test accuracy they move, and whether memorising moves them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import Interval, median_interval
from gendyn.core import ConfigError
from gendyn.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Measure(NamedTuple):
    """What is known of one progress measure."""

    label: str
    lead: Interval
    """Steps by which it is half way before test accuracy crosses the first threshold."""
    later_lead: Interval
    """The same to the second threshold."""
    controls: Mapping[str, Interval]
    """Name of a control arm -> its movement as a share of that of generalising runs; the same arms, at most two, in
    every measure."""


_COLOURS = ("#D55E00", "#0072B2", "#007A59", "#CC79A7", "#56B4E9", "#333333")
_KINDS = ((style.TEST, "o"), (style.TRAIN, "s"))
"""Colour and marker of the first and the second interval of a row."""


def circuit_progress(
    steps: np.ndarray,
    losses: Mapping[str, np.ndarray],
    shares: Mapping[str, np.ndarray],
    measures: Sequence[Measure],
    *,
    thresholds: tuple[float, float] = (0.5, 0.95),
    chance: float | None = None,
    level: float = 0.9,
    note: str = "",
) -> "Figure":
    """Draws losses and shares against the step, then each measure's lead and its movement in the control arms.

    Lines are medians over seeds, bands and bars intervals. Leads right of 0 are ahead of the test accuracy. Movements:
    1 is as far as in generalising runs, 0 not at all, below 0 the other way; values beyond the panel sit at its edge.

    Args:
        steps: ``[T]``, from 0.
        losses: label -> ``[S, T]``, on a logarithmic axis.
        shares: label -> ``[S, T]``, between 0 and 1; at most six curves each.
        measures: at least one.
        thresholds: of test accuracy, for the legend.
        chance: loss of guessing, a dotted line.
        level: of the bands.
        note: added to the caption.

    Raises:
        ConfigError: no measures, too many curves, or curves that do not fit the steps.

    Reference: Nanda et al. (2023), arXiv:2301.05217, figure 7.
    """
    if not measures:
        raise ConfigError("measures is empty; pass one Measure for each progress measure.")
    for panel in (losses, shares):
        if len(panel) > len(_COLOURS):
            raise ConfigError(f"{len(panel)} curves in one panel; pass at most {len(_COLOURS)}.")
        for label, values in panel.items():
            if np.ndim(values) != 2 or np.shape(values)[1] != len(steps):
                raise ConfigError(
                    f"{label} has shape {np.shape(values)}; for {len(steps)} steps it must be [seeds, steps]."
                )
    made, axes = style.figure(4, 1, width=9.5, height=3.6, share_x=False)
    for ax, panel, name in zip(axes[:2, 0], (losses, shares), ("loss", "share, or accuracy"), strict=True):
        for (label, values), colour in zip(panel.items(), _COLOURS, strict=False):
            band = median_interval(values, level=level)
            style.band(ax, np.asarray(steps), band.centre, band.low, band.high, color=colour, label=label)
        ax.set_ylabel(name, fontsize=style.SIZES["label"])
        ax.set_xlabel("training step", fontsize=style.SIZES["label"])
        ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    if chance is not None:
        axes[0, 0].axhline(chance, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylim(bottom=1e-4)
    axes[1, 0].set_ylim(-0.02, 1.04)
    _leads(axes[2, 0], measures, thresholds, float(np.max(steps)))
    _controls(axes[3, 0], measures)
    count = len(next(iter(losses.values()), next(iter(shares.values()), np.zeros((0, 0)))))
    style.caption(made, "\n".join(filter(None, (note, f"medians of {count} seeds, {level:.0%} intervals"))))
    return made


def _leads(ax: "Axes", measures: Sequence[Measure], thresholds: tuple[float, float], last: float) -> None:
    for row, measure in enumerate(measures):
        for place, found in enumerate((measure.lead, measure.later_lead)):
            _whisker(ax, found, row, place, limits=(-last, last))
    ax.axvline(0.0, color=style.GREY, linewidth=1.2)
    ax.set_xlabel("lead of its half-way point over the test accuracy, steps", fontsize=style.SIZES["label"])
    _rows(ax, measures, [f"to {threshold:.0%}" for threshold in thresholds])


def _controls(ax: "Axes", measures: Sequence[Measure]) -> None:
    for row, measure in enumerate(measures):
        for place, found in enumerate(measure.controls.values()):
            _whisker(ax, found, row, place, limits=(-1.0, 2.0))
    for at in (0.0, 1.0):
        ax.axvline(at, color=style.GREY, linewidth=1.2, linestyle="-" if at == 0 else (0, (1, 2)))
    ax.set_xlim(-1.05, 2.05)
    ax.set_xlabel("movement in control runs / in generalising runs", fontsize=style.SIZES["label"])
    _rows(ax, measures, list(measures[0].controls))


def _whisker(ax: "Axes", found: Interval, row: int, place: int, *, limits: tuple[float, float]) -> None:
    if not np.isfinite(found.estimate):
        return
    height = row + 0.18 * (2 * place - 1)
    low, centre, high = np.clip([found.low, found.estimate, found.high], *limits)
    ax.plot([low, high], [height, height], color=_KINDS[place % 2][0], linewidth=2.2)
    ax.plot(centre, height, _KINDS[place % 2][1], color=_KINDS[place % 2][0], markersize=7)


def _rows(ax: "Axes", measures: Sequence[Measure], labels: Sequence[str]) -> None:
    for label, (colour, marker) in zip(labels, _KINDS, strict=False):
        ax.plot([], [], marker, color=colour, markersize=7, label=label)
    ax.set_yticks(range(len(measures)), [measure.label for measure in measures], fontsize=style.SIZES["note"])
    ax.set_ylim(len(measures) - 0.5, -0.5)
    if labels:
        ax.legend(fontsize=style.SIZES["note"], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
