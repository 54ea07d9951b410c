"""Accuracies against step, delay and final loss against the ratio, measured on top of exact."""

from typing import Any

import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_linear.program import ACCURACY
from gendyn.experiments.grokking.grokking_linear.tables import tables
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Accuracies against step at three ratios; delay and final test loss against ratio; exact on top of measured.

    Accuracies and delays are medians over seeds, losses means. Open rings and dashes are the integrals.
    """
    found, config = tables(ds), analysis.config_of(ds)
    ratios, finished = found.ratios, found.seeds.complete
    if not finished.any():
        raise ConfigError("no seed is finished at every ratio; wait for the first chunks.")
    steps = analysis.tabulate(found.layout, analysis.record_steps(ds))
    accuracies = {
        kind: 1.0 - analysis.tabulate(found.layout, analysis.history(ds, f"{kind}_error")) for kind in ("train", "test")
    }

    def learning(ratio: float) -> Panel:
        row = list(ratios).index(ratio)
        at = steps[row, np.argmax(finished)]
        known = np.isfinite(at)
        at, curves = at[known], []
        losses = theory.linear_losses(at, float(ratio), learning_rate=config["learning_rate"])._asdict()
        for kind, colour in (("train", style.TRAIN), ("test", style.TEST)):
            exact = theory.linear_accuracy(losses[kind], tolerance=config["tolerance"])
            measured = accuracies[kind][row, finished][:, known]
            curves.append(Curve(kind, at, measured, at, exact, colour=colour, statistic="median"))
        panel = Panel(
            f"ratio {style.number(float(ratio))}", "training step", "", tuple(curves), x_scale="log", legend=""
        )
        limits = max(1.0, at[-1] / 1000.0), at[-1]
        return panel._replace(x_limits=limits, y_limits=(-0.02, 1.04), levels=((ACCURACY, ""),))

    below = ratios[ratios < 1]
    first, *others = map(learning, (below[np.argmin(np.abs(below - 0.5))], below[-1], ratios[ratios > 1][0]))
    look: dict[str, Any] = {"line": "none", "colour": style.MEASURED}
    delays = Curve("measured", below, found.delays, below, found.exact, statistic="median", **look)
    formula = Curve("small-tolerance formula", exact_x=below, exact=found.formula, colour=style.GREY)
    fine = np.linspace(min(0.0, ratios[0]), ratios[-1] * 1.05, 300)
    floor = np.maximum(0.0, 1.0 - 1.0 / np.maximum(fine, 1e-9))
    losses = Curve("measured", ratios, found.losses, fine, floor, exact_label="floor, 1 − 1 / ratio", **look)
    x_label = "dimension / training examples"
    shown = (
        first._replace(y_label="accuracy", legend="upper left"),
        *others,
        Panel("", x_label, f"delay to {ACCURACY:.0%}, steps", (delays, formula), y_scale="log", legend="upper left"),
        Panel("", x_label, "test loss, end / start", (losses,), legend="upper left"),
    )
    setting = f"d = {config['dimension']:,}, learning rate {config['learning_rate']:g}"
    note = f"{setting}, tolerance {config['tolerance']:g}, {finished.sum()} seeds"
    return draw_panels(shown, rows=(3, 2), width=5.2, note=note, over="seeds")
