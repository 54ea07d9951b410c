"""Test accuracy of networks that go on with fewer data, against how many are left; and the critical fractions."""

from typing import Any

import numpy as np

from gendyn.analysis import Places, config_of, median_interval, median_place
from gendyn.experiments.grokking.ungrokking.claims import EQUIVALENCE, HALF
from gendyn.experiments.grokking.ungrokking.tables import CONTINUED, CONTROL, accuracies, crossing
from gendyn.plots import style
from gendyn.types import Dataset, Figure

DASHES = {CONTINUED: "-", CONTROL: (0, (4, 2))}


def figure(ds: Dataset) -> Figure:
    """Final accuracy against fraction, a colour for each weight decay; critical fractions against weight decay.

    Solid lines and discs: networks that had generalised; dashed lines and squares: the control. Lines are medians over
    seeds, bands and bars their intervals; an open end of an interval runs to the edge of the panel. Shaded: what counts
    as equal to the first critical fraction.

    Reference: Varma et al. (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390, figure 5.
    """
    table = accuracies(ds)
    made, axes = style.figure(2, 1, width=9.0, share_x=False)
    curves, reached = axes[0, 0], 1.0
    for row, colour in enumerate(style.sequence(len(table.decays))):
        for arm, dashes in DASHES.items():
            band = median_interval(table.final[:, row, arm])
            reached = min(reached, band.level)
            label = f"{table.decays[row]:g}" if arm == CONTINUED else None
            style.band(
                curves, table.fractions, band.centre, band.low, band.high, color=colour, linestyle=dashes, label=label
            )
    curves.axhline(HALF, color=style.GREY, linewidth=0.8)
    curves.set_ylim(-0.02, 1.04)
    curves.set_xscale("log")
    curves.set_xticks(table.fractions, [f"{fraction:g}" for fraction in table.fractions])
    curves.set_xticks([], minor=True)
    curves.set_xlabel("fraction of all examples left to train on, D'/N", fontsize=style.SIZES["label"])
    curves.set_ylabel("final test accuracy", fontsize=style.SIZES["label"])
    size = style.SIZES["tick"]
    curves.legend(title="weight decay", fontsize=size, title_fontsize=size, frameon=False, loc="lower right")
    _critical(axes[1, 0], table.fractions, table.decays, crossing(table, table.final, HALF))
    config = config_of(ds)
    note = (
        f"modulo {config['task']['modulus']}, width {config['model']['width']}, learning rate "
        f"{config['optim']['learning_rate']:g}, {config['train']['num_steps']:,} steps; grown on "
        f"{config['data']['train_fraction']:g} of all pairs\n"
        "solid, discs: had generalised on more data; dashed, squares: trained on D' from the start\n"
        f"shaded: within a factor {EQUIVALENCE:g} of the first critical fraction\n"
        f"medians of {len(table.final)} seeds, bands: {reached:.0%} interval, bars: 90% bootstrap"
    )
    style.caption(made, note)
    return made


def _critical(ax: Any, fractions: np.ndarray, decays: np.ndarray, half: Places) -> None:
    """``half``: ``[S, W, A]``."""
    equal = median_place(half.at(np.s_[:, 0, CONTINUED])).estimate
    ax.axhspan(equal / EQUIVALENCE, equal * EQUIVALENCE, color=style.GREY, alpha=0.12, linewidth=0)
    for row, colour in enumerate(style.sequence(len(decays))):
        for arm, x, marker, face in ((CONTINUED, row - 0.08, "o", colour), (CONTROL, row + 0.08, "s", "white")):
            found = median_place(half.at(np.s_[:, row, arm]))
            ends = np.clip([found.low, found.high], fractions[0], fractions[-1])
            ax.plot([x] * 2, ends, color=colour, linewidth=2.2)
            ax.plot(x, found.estimate, marker, color=colour, markerfacecolor=face, markersize=9)
    ax.set_xticks(range(len(decays)), [style.number(decay) for decay in decays])
    ax.set_xlim(-0.6, len(decays) - 0.4)
    ax.set_ylim(0.0, fractions[-1])
    ax.set_xlabel("weight decay", fontsize=style.SIZES["label"])
    ax.set_ylabel("critical fraction", fontsize=style.SIZES["label"])
