"""Parts against size with little and with much regularisation, and averages: random features, then networks."""

from typing import Any

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.linear_models.bias_variance.tables import Table, closed_form, table
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure

_COLOURS = {
    "squared_bias": "#444444",
    "init": "#4477aa",
    "sample": "#66ccee",
    "noise:sample": "#228833",
    "init:sample": "#ee9944",
    "noise:init:sample": "#bb3355",
}


def figure(ds: Dataset) -> Figure:
    """Six panels; parts that are near 0 are not shown."""
    config, features, network = config_of(ds), table(ds, "random_features"), table(ds, "mlp")
    fine = np.geomspace(features.sizes[0], features.sizes[-1], 201)
    exact, none = closed_form(ds, fine), np.empty(0)

    def panel(found: Table, title: str, curves: tuple[Curve, ...], **options: Any) -> Panel:
        options |= {"marks": ((1.0, "N = n"),)} if found is features else {"x_scale": "log"}
        x_label = "features / examples, N / n" if found is features else "hidden units"
        return Panel(title, x_label, curves=curves, **({"legend": "", "y_label": "part of the risk"} | options))

    def parts(found: Table, title: str, level: int, **options: Any) -> Panel:
        known = found.parts | found.values
        curves = (
            Curve(name.replace("_", " ").replace(":", " × "), found.sizes, known[name][:, level], colour=colour)
            for name, colour in _COLOURS.items()
        )
        return panel(found, title, tuple(curves), **options)

    def averages(found: Table, title: str, level: int, x: np.ndarray = none, law: np.ndarray = none) -> Panel:
        members, sizes = config["members"], found.sizes
        names, same = ("risk", "ensemble_risk", "bagged_risk"), "the same, from the parts"
        one, several, bagged = (found.values[name][:, level] for name in names)
        predicted = found.predicted(init=members)[:, level].mean(0)
        curves = (
            Curve("one fit", sizes, one, x, law),
            Curve(f"average of {members} initialisations", sizes, several, sizes, predicted, exact_label=same),
            Curve(f"bagging, {members} resamples", sizes, bagged),
        )
        means = np.array([rows.mean(0) for rows in (one, several, bagged)])
        # Above the curves is where the legend goes.
        limits = (0.8 * means.min(), 6 * means.max())
        options = {"y_label": "risk (squared error)", "y_scale": "log", "y_limits": limits, "legend": "upper right"}
        return panel(found, title, curves, **options)

    ridges, steps = config["random_features"]["ridges"], config["mlp"]["steps"]
    little, much, late = f"ridge {ridges[1]:g}", f"ridge {ridges[-1]:g}", f"network, {steps[-1]:,} steps"
    panels = [
        parts(features, f"random features, {little}", 1, legend="best"),
        parts(features, f"random features, {much}", -1),
        averages(features, f"random features, {little}", 1, fine, exact[1]),
        parts(network, late, -1),
        parts(network, f"network, {steps[0]:,} steps", 0),
        averages(network, late, -1),
    ]
    note = "; ".join(
        f"{label}: d = {config[name]['dimension']}, n = {config[name]['num_train']}"
        for label, name in (("features", "random_features"), ("network", "mlp"))
    )
    redraws = " and ".join(sorted({f"{len(found.values['risk'])}" for found in (features, network)}))
    return draw_panels(panels, note=f"{note}; {redraws} redraws; not shown, near 0: noise, noise × init")
