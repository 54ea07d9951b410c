"""Learning curves at three ratios; delay and final test loss against the ratio."""

from typing import Any

import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError
from gendyn.experiments.grokking.grokking_linear.tables import ACCURACY, ERRORS, tables
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Accuracies against step at three ratios; delay and final test loss against ratio; exact on top of measured.

    Accuracies and delays are medians over seeds, losses means. Open rings and dashes are the integrals, which are
    expectations.
    """
    found, config = tables(ds), analysis.config_of(ds)
    runs, ratios, finished = found.runs, found.ratios, found.runs.seeds.complete
    if not finished.any():
        raise ConfigError("no seed is finished at every ratio; wait for the first chunks.")
    steps, *errors = (table[:, finished] for table in (runs.steps, *map(runs.history, ERRORS)))

    def learning(ratio: float) -> Panel:
        row, curves = list(ratios).index(ratio), []
        known = np.isfinite(steps[row, 0])
        at = steps[row, 0, known]
        losses = theory.linear_losses(at, float(ratio), learning_rate=config["learning_rate"])
        for kind, colour, loss, error in zip(("train", "test"), style.KINDS, losses, errors, strict=False):
            exact = theory.linear_accuracy(loss, tolerance=config["tolerance"])
            curves.append(Curve(kind, at, 1.0 - error[row][:, known], at, exact, colour=colour, statistic="median"))
        title, limits = f"ratio {style.number(float(ratio))}", (max(1.0, at[-1] / 1000.0), at[-1])
        panel = Panel(title, "training step", "", tuple(curves), x_scale="log", x_limits=limits, legend="")
        return panel._replace(y_limits=(-0.02, 1.04), levels=((ACCURACY, ""),))

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
    note = f"{setting}, tolerance {config['tolerance']:g}, {finished.sum()} seeds; closed forms are expectations"
    return draw_panels(shown, rows=(3, 2), width=5.2, note=note, over="seeds")
