"""The figure of ``evidence_vs_order``."""

import functools

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.evidence_vs_order.program import AXES, PRIORS
from gendyn.plots import Panel, curve_family, draw_panels
from gendyn.types import Dataset, Figure

_NAMES = {"fourier": "Fourier, period 2", "fourier_wide": "Fourier, period 4"}


def figure(ds: Dataset) -> Figure:
    """A row for each basis: evidence per point against order for both priors, and the error of both."""
    config, noises = analysis.config_of(ds), np.unique(ds["noise"])
    evidence, expected, rmse = analysis.finished_tables(ds, AXES, "log_evidence", "expected_log_evidence", "test_rmse")
    # Of an even number of noise levels the lower one of the two in the middle.
    n, low, middle = config["num_points"], config["teacher_order"], (len(noises) - 1) // 2
    orders, exact = np.arange(config["max_order"] + 1), analysis.mean(expected[None])[0] / n
    levels = [f"noise {noise:g}" for noise in noises]
    panels: list[Panel] = []
    for b, basis in enumerate(np.unique(ds["basis"])):
        name = _NAMES.get(str(basis), str(basis))
        marks = () if basis in _NAMES else ((low, "order of the target"),)
        panel = functools.partial(Panel, x_label="functions beyond the constant", marks=marks)
        # Both priors on one scale, cut below what a model that cannot represent the target gets.
        seen = exact[b, ..., len(orders) // 2 if basis in _NAMES else low :]
        limits = (float(seen.min() - 0.6 * np.ptp(seen)), float(seen.max() + 0.1 * np.ptp(seen)))
        for p, prior in enumerate(PRIORS.values()):
            curves = curve_family(levels, orders, evidence[:, b, p] / n, orders, exact[b, p])
            made = panel(f"{name}: {prior}", y_label="evidence per point (nats)", curves=curves, y_limits=limits)
            panels.append(made._replace(legend="lower right" if len(panels) == 1 else ""))
        curves = curve_family(list(PRIORS.values()), orders, rmse[:, b, :, middle], statistic="median")
        made = panel(f"{name}: error at noise {noises[middle]:g}", y_label="test RMSE", curves=curves, y_scale="log")
        panels.append(made._replace(legend=""))
    panels[-1] = panels[-1]._replace(legend="upper right")
    points = f"n = {n} points, uniform on [-1, 1]   ·   target: order {low}   ·   {len(evidence)} redraws, float64"
    note = f"{points}\nlog evidence; closed form: expectation over label noise   ·   evidence axes cut below"
    return draw_panels(panels, note=note, height=3.5)
