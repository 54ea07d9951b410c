"""The figure of ``bias_variance``."""

from typing import Any

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.linear_models import _sphere
from gendyn.experiments.linear_models.bias_variance.tables import table
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure

SHOWN = ("squared_bias", "init", "sample", "noise:sample", "init:sample", "noise:init:sample")
COLOURS = ("#444444", "#4477aa", "#66ccee", "#228833", "#ee9944", "#bb3355")


def figure(ds: Dataset) -> Figure:
    """Parts against size with little and with much regularisation, and averages; parts near 0 are not shown."""
    config, panels, notes, counts = config_of(ds), list[Panel](), list[str](), set[str]()
    members, levels = config["members"], {"random_features": (1, -1), "mlp": (-1, 0)}
    for learner, (little, much) in levels.items():
        (sizes, found), leaves = table(ds, learner), config[learner]
        if learner == "mlp":
            kind, titles = "network", [f"network, {leaves['steps'][i]:,} steps" for i in (little, much)]
            axes: dict[str, Any] = {"x_label": "hidden units", "x_scale": "log"}
            law: dict[str, Any] = {}
        else:
            kind, titles = "features", [f"random features, ridge {leaves['ridges'][i]:g}" for i in (little, much)]
            axes = {"x_label": "features / examples, N / n", "marks": ((1.0, "N = n"),)}
            fine = np.geomspace(sizes[0], sizes[-1], 201)
            law = {"exact_x": fine, "exact": _sphere.sphere_risk(fine, leaves, leaves["noise_variance"])[little]}
        for title, level in zip(titles, (little, much), strict=True):
            parts = tuple(
                Curve(name.replace("_", " ").replace(":", " × "), sizes, found[name][:, level], colour=colour)
                for name, colour in zip(SHOWN, COLOURS, strict=True)
            )
            panels.append(Panel(title, "", "part of the risk", parts, legend="" if panels else "best")._replace(**axes))
        names, same = ("risk", "ensemble_risk", "bagged_risk", "predicted"), "the same, from the parts"
        one, several, bagged, predicted = (found[name][:, little] for name in names)
        averages = (
            Curve("one fit", sizes, one, **law),
            Curve(f"average of {members} initialisations", sizes, several, sizes, predicted.mean(0), exact_label=same),
            Curve(f"bagging, {members} resamples", sizes, bagged),
        )
        means = np.array([rows.mean(0) for rows in (one, several, bagged)])
        # Above the curves is where the legend goes.
        axes |= {"y_scale": "log", "y_limits": (0.8 * means.min(), 6 * means.max()), "legend": "upper right"}
        panels.append(Panel(titles[0], y_label="risk (squared error)", curves=averages, **axes))
        notes.append(f"{kind}: d = {leaves['dimension']}, n = {leaves['num_train']}")
        counts.add(f"{len(one)}")
    note = f"{'; '.join(notes)}; {' and '.join(sorted(counts))} redraws; not shown, near 0: noise, noise × init"
    return draw_panels(panels, note=note)
