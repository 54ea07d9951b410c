"""The figure of ``random_features``."""

from typing import Any

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.linear_models import _sphere
from gendyn.experiments.linear_models.random_features.program import DATA
from gendyn.experiments.linear_models.random_features.tables import table
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Three panels of the sphere, three of images."""
    config, tables = config_of(ds), {data: table(ds, data) for data in DATA}
    sphere, images, (ratios, values) = config["sphere"], config["images"], tables["sphere"]
    fine = np.unique(np.concatenate([np.geomspace(ratios[0], ratios[-1], 200), ratios]))
    exact = _sphere.sphere_risk(fine, sphere, sphere["label_noise"])

    def curve(data: str, label: str, name: str = "risk", noise: int = -1, ridge: int = 0) -> Curve:
        x, found = tables[data]
        shown = Curve(label, x, found[name][:, noise, ridge], statistic="median")
        known = data == "sphere" and name == "risk"
        return shown._replace(exact_x=fine, exact=exact[noise, ridge]) if known else shown

    def by_ridge(data: str, name: str = "risk") -> list[Curve]:
        labels = [f"ridge {value:g}" if value else "no ridge" for value in config[data]["ridges"]]
        return [curve(data, label, name, ridge=i) for i, label in enumerate(labels)]

    def by_noise(data: str, name: str = "risk") -> list[Curve]:
        return [curve(data, f"label noise {v:g}", name, i) for i, v in enumerate(config[data]["label_noise"])]

    def panel(title: str, y_label: str, curves: list[Curve], **options: Any) -> Panel:
        options |= {"x_scale": "log", "y_scale": "log", "marks": ((1.0, "N = n"),)}
        return Panel(title, "features / examples, N / n", y_label, tuple(curves), **options)

    noisy, errors = (f"label noise {leaves['label_noise'][-1]:g}" for leaves in (sphere, images))
    task, risk, average = images["task"], "risk (squared error)", f"average of {config['members']} draws"
    limits = (0.5 * float(exact[np.isfinite(exact)].min()), 30.0)
    draws = [curve("sphere", "one draw"), curve("sphere", average, "ensemble_risk")]
    wrong = [*by_noise("images", "test_error"), curve("images", f"{errors}, {average}", "ensemble_test_error")]
    norms = by_ridge("images", "coefficient_norm")
    panels = [
        panel(f"sphere, {noisy}", risk, by_ridge("sphere"), y_limits=limits),
        panel("sphere, no ridge", risk, by_noise("sphere"), y_limits=limits),
        panel(f"sphere, no ridge, {noisy}", risk, draws, y_limits=limits),
        panel(f"{task}, {errors}", risk, by_ridge("images")),
        panel(f"{task}, no ridge", "share of wrong test images", wrong, y_limits=(0.01, 1.0)),
        panel(f"{task}, {errors}", "norm of the coefficients", norms),
    ]
    note = (
        f"sphere: d = {sphere['dimension']}, n = {sphere['num_train']}, ReLU features, peak cut; "
        f"{task}: n = {images['num_train']}, {images['features']}, one split into pool and test\n"
        f"float64; {len(values['risk'])} redraws: medians; dashes: the closed form, of the mean"
    )
    return draw_panels(panels, note=note)
