"""Parts against size with little and with much regularisation, and averages: random features, then networks."""

from typing import Any

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.linear_models.bias_variance.tables import closed_form, table
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure

COLOURS = {
    "squared_bias": "#444444",
    "init": "#4477aa",
    "sample": "#66ccee",
    "noise:sample": "#228833",
    "init:sample": "#ee9944",
    "noise:init:sample": "#bb3355",
}


def figure(ds: Dataset) -> Figure:
    """Six panels; parts that are near 0 are not shown."""
    config, tables = config_of(ds), {learner: table(ds, learner) for learner in ("random_features", "mlp")}
    panels: list[Panel] = []
    members, notes = config["members"], []
    # The strengths of regularisation that are little and much.
    for learner, levels in (("random_features", (1, -1)), ("mlp", (-1, 0))):
        (sizes, found), leaves = tables[learner], config[learner]
        if learner == "mlp":
            titles = [f"network, {leaves['steps'][level]:,} steps" for level in levels]
            axes: dict[str, Any] = {"x_label": "hidden units", "x_scale": "log"}
            law: dict[str, Any] = {}
        else:
            titles = [f"random features, ridge {leaves['ridges'][level]:g}" for level in levels]
            axes = {"x_label": "features / examples, N / n", "marks": ((1.0, "N = n"),)}
            fine = np.geomspace(sizes[0], sizes[-1], 201)
            law = {"exact_x": fine, "exact": closed_form(ds, fine)[levels[0]]}
        for title, level in zip(titles, levels, strict=True):
            parts = tuple(
                Curve(name.replace("_", " ").replace(":", " × "), sizes, found[name][:, level], colour=colour)
                for name, colour in COLOURS.items()
            )
            legend = "" if panels else "best"
            panels.append(Panel(title, y_label="part of the risk", curves=parts, legend=legend, **axes))
        names, same = ("risk", "ensemble_risk", "bagged_risk", "predicted"), "the same, from the parts"
        one, several, bagged, predicted = (found[name][:, levels[0]] for name in names)
        averages = (
            Curve("one fit", sizes, one, **law),
            Curve(f"average of {members} initialisations", sizes, several, sizes, predicted.mean(0), exact_label=same),
            Curve(f"bagging, {members} resamples", sizes, bagged),
        )
        means = np.array([rows.mean(0) for rows in (one, several, bagged)])
        # Above the curves is where the legend goes.
        axes |= {"y_scale": "log", "y_limits": (0.8 * means.min(), 6 * means.max()), "legend": "upper right"}
        panels.append(Panel(titles[0], y_label="risk (squared error)", curves=averages, **axes))
        kind = "network" if learner == "mlp" else "features"
        notes.append(f"{kind}: d = {leaves['dimension']}, n = {leaves['num_train']}")
    redraws = " and ".join(sorted({f"{len(found['risk'])}" for _, found in tables.values()}))
    note = f"{'; '.join(notes)}; {redraws} redraws; not shown, near 0: noise, noise × init"
    return draw_panels(panels, note=note)
