"""On the sphere: ridges, label noise, ensembles on the closed form; on images: the same, and norms."""

from collections.abc import Iterable, Iterator

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.linear_models.random_features.tables import closed_form, table
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Three panels of the sphere, three of images."""
    config, found = config_of(ds), {data: table(ds, data) for data in ("sphere", "images")}
    ratios = found["sphere"].ratios
    fine = np.unique(np.concatenate([np.geomspace(ratios[0], ratios[-1], 200), ratios]))
    exact, empty, task = closed_form(ds, fine), np.empty(0), config["images"]["task"]

    def curve(data: str, label: str, name: str = "risk", noise: int = -1, level: int = 0) -> Curve:
        ratios, values = found[data]
        x, law = (fine, exact[noise, level]) if data == "sphere" and name == "risk" else (empty, empty)
        return Curve(label, ratios, values[name][:, noise, level], x, law, statistic="median")

    def by_ridge(data: str, name: str = "risk") -> Iterator[Curve]:
        for i, value in enumerate(config[data]["ridges"]):
            yield curve(data, f"ridge {value:g}" if value else "no ridge", name, level=i)

    def by_noise(data: str, name: str = "risk") -> Iterator[Curve]:
        for i, value in enumerate(config[data]["label_noise"]):
            yield curve(data, f"label noise {value:g}", name, i)

    def panel(title: str, y_label: str, curves: Iterable[Curve], limits: tuple[float, float] | None = None) -> Panel:
        mark = ((1.0, "N = n"),)
        return Panel(title, "features / examples, N / n", y_label, tuple(curves), "log", "log", mark, limits)

    noisy, errors = (f"label noise {config[data]['label_noise'][-1]:g}" for data in ("sphere", "images"))
    risk, average = "risk (squared error)", f"average of {config['members']} draws"
    limits = (0.5 * float(exact[np.isfinite(exact)].min()), 30.0)
    draws = [curve("sphere", "one draw"), curve("sphere", average, "ensemble_risk")]
    averaged = curve("images", f"{errors}, {average}", "ensemble_test_error")
    wrong, norm = "share of wrong test images", "norm of the coefficients"
    panels = [
        panel(f"sphere, {noisy}", risk, by_ridge("sphere"), limits),
        panel("sphere, no ridge", risk, by_noise("sphere"), limits),
        panel(f"sphere, no ridge, {noisy}", risk, draws, limits),
        panel(f"{task}, {errors}", risk, by_ridge("images")),
        panel(f"{task}, no ridge", wrong, [*by_noise("images", "test_error"), averaged], (0.01, 1.0)),
        panel(f"{task}, {errors}", norm, by_ridge("images", "coefficient_norm")),
    ]
    note = (
        f"sphere: d = {config['sphere']['dimension']}, n = {config['sphere']['num_train']}, ReLU features, peak cut; "
        f"{task}: n = {config['images']['num_train']}, {config['images']['features']}; "
        f"float64; {len(found['sphere'].values['risk'])} redraws"
    )
    return draw_panels(panels, note=note)
