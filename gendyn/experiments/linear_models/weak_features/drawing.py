"""Errors and effective dimensions against the number of features, on top of their closed forms."""

from typing import Any

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of
from gendyn.experiments.linear_models.weak_features.tables import redraws, sizes_of
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Published errors, exact errors, effective dimension and its complement."""
    penalties, (n, sizes, laws) = config_of(ds)["penalties"], sizes_of(ds)
    risk, train = theory.weak_features_risk(n, sizes), theory.weak_features_train_error(n, sizes)
    train = np.where(train > 0, train, np.nan)
    tables = {str(name): redraws(ds, str(name)) for name in ds.data_vars}

    def panel(title: str, y_label: str, curves: list[Curve], **options: Any) -> Panel:
        return Panel(title, "features d", y_label, tuple(curves), marks=((float(n), "d = n"),), **options)

    def errors(test_name: str, test: np.ndarray, train_name: str, train: np.ndarray) -> list[Curve]:
        return [
            Curve("test", sizes, tables[test_name], sizes, test, style.TEST),
            Curve("training", sizes, tables[train_name], sizes, train, style.TRAIN),
        ]

    def dimensions(name: str, which: int) -> list[Curve]:
        return [
            Curve(f"penalty {penalty:g}", sizes, tables[name][:, i], sizes, law[which], colour)
            for i, (penalty, law, colour) in enumerate(
                zip(penalties, laws, style.sequence(len(laws) + 1)[1:], strict=True)
            )
        ]

    published = errors("test_root_error", np.sqrt(risk), "train_root_error", np.sqrt(train))
    exact = errors("risk", risk, "train_squared_error", train)
    dimension, complement = dimensions("effective_dimension", 0), dimensions("complement", 1)
    panels = [
        panel("As published: root relative error", "|X w - y| / |y|", published, y_limits=(0.0, 1.5)),
        panel("Mean squared error", "squared error", exact, y_scale="log", y_limits=(1e-4, 10.0)),
        panel("Effective dimension", "effective dimension", dimension),
        panel("Complement (as published)", "min(n, d) - eff. dimension", complement, y_scale="log"),
    ]
    return draw_panels(panels, num_columns=2, note=f"n = {n}, {len(tables['risk']):,} redraws, float64")
