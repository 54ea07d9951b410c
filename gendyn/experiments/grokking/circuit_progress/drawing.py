"""Progress measures along training, how far ahead of the test accuracy they move, and whether memorising moves them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gendyn.analysis import Interval, config_of
from gendyn.experiments.grokking.circuit_progress.tables import GENERALISING, RESTRICTED, THRESHOLDS, measured, records
from gendyn.plots import Curve, Panel, Rows, draw_panels, style
from gendyn.types import Axes, Dataset, Figure

LOSSES = {
    "train": "train_loss",
    "test": "test_loss",
    "restricted": RESTRICTED,
    "excluded": "fourier_progress/excluded_loss",
    "key ablated": "fourier_progress/ablated_key_loss",
    "rest ablated": "fourier_progress/ablated_rest_loss",
}
SHARES = {
    "Gini, logits": "fourier_progress/gini",
    "key frequencies": "fourier_progress/key_share",
    "trigonometric": "circuit_efficiency/trigonometric_share",
    "Gini, embeddings": "embedding_spectrum/gini",
}


def figure(ds: Dataset) -> Figure:
    """Losses and shares against the step, then each measure's lead and its movement in the control arms.

    Lines are medians over seeds, bands and bars intervals. Leads right of 0 are ahead of the test accuracy. Movements:
    1 is as far as in generalising runs, 0 not at all, below 0 the other way; the axis is logarithmic beyond 2. Open
    ends run to the panel's edge.

    Reference: Nanda et al. (2023), arXiv:2301.05217, figure 7.
    """
    found, config = records(ds), config_of(ds)
    runs, measures = found.generalising, list(measured(found).values())
    modulus, last = config["task"]["modulus"], float(np.max(found.steps))
    shares = {f"{kind} accuracy": 1.0 - runs[f"{kind}_error"] for kind in ("train", "test")}
    shares |= {label: runs[name] for label, name in SHARES.items() if name in runs}
    losses = {label: runs[name] for label, name in LOSSES.items() if name in runs}

    def panel(label: str, tables: Mapping[str, np.ndarray]) -> Panel:
        curves = (
            Curve(name, found.steps, values, colour=colour, statistic="median")
            for (name, values), colour in zip(tables.items(), style.KINDS, strict=False)
        )
        return Panel("", "training step", label, tuple(curves), legend="outside")

    chance = ((math.log(modulus), "guessing: log p"),)
    names = tuple(measure.label for measure in measures)
    leads = {f"to {level:.0%}": [each.leads[i] for each in measures] for i, level in enumerate(THRESHOLDS)}
    controls = {arm: [each.controls[arm] for each in measures] for arm in found.controls}
    moved = "movement in control runs / in generalising"
    ahead = "lead of its half-way point over the test accuracy, steps"
    shown = (
        panel("loss", losses)._replace(y_scale="log", y_limits=(1e-4, None), levels=chance),
        panel("share, or accuracy", shares)._replace(y_limits=(-0.02, 1.04)),
        # Open ends run to the last step; the axis goes no further than the bars.
        Rows("", ahead, names, leads, limits=(-last, last), marks=((0.0, ""),), draw=lambda ax: ax.autoscale(axis="x")),
        Rows("", moved, names, controls, "symlog", _all_of(controls), ((0.0, ""), (1.0, "")), draw=_ticks),
    )
    setting = f"addition modulo {modulus}, {config['data']['train_fraction']:.0%} of all pairs"
    note = (
        f"{setting}, weight decay {config['optim']['weight_decay']:g}, {len(runs['train_error'])} seeds\n"
        "lowest axis: logarithmic beyond 2\n"
        f"upper two panels: {GENERALISING} runs   ·   bars: 90% intervals"
    )
    return draw_panels(shown, num_columns=1, width=9.5, height=3.6, note=note, over="seeds")


def _all_of(controls: Mapping[str, Sequence[Interval]]) -> tuple[float, float]:
    """Limits that hold every finite end, and a little more."""
    ends = [end for found in controls.values() for each in found for end in each[:3] if math.isfinite(end)]
    return 1.2 * min([-1.0, *ends]), 1.2 * max([2.0, *ends])


def _ticks(ax: Axes) -> None:
    low, high = ax.get_xlim()
    shown = [at for at in (-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20) if low <= at <= high]
    ax.set_xticks(shown, [f"{at}" for at in shown])
    ax.minorticks_off()
