"""Decay of each frequency against the prediction of its tangent kernel."""

import numpy as np

from gendyn.analysis import (
    config_of,
)
from gendyn.experiments.curvature.spectral_bias_ntk.tables import Decay, decay
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Axes, Dataset, Figure

MAX_LINES = 6


def figure(ds: Dataset) -> Figure:
    """A column without bias and one with: decay above, rates below.

    Above: medians over seeds with exact intervals for at most 6 frequencies, and the predicted power dashed. Below:
    mean rates with their intervals on open rings at the predicted ones; a rate at or near 0 is drawn on a linear strip
    below the logarithmic scale.
    """
    config = config_of(ds)
    both = [decay(ds, use_bias=use_bias) for use_bias in (False, True)]
    predicted = np.concatenate([found.predicted for found in both])
    highest = float(np.max(predicted))
    threshold = float(np.min(predicted[predicted > 0], initial=highest)) / 3.0

    def residuals(found: Decay) -> Panel:
        count, last = len(found.frequencies), found.steps.max()
        fine = np.unique(np.concatenate([found.steps, np.linspace(0, last, 400)]))
        curves = []
        for mode in np.unique(np.linspace(0, count - 1, min(MAX_LINES, count)).round().astype(int)):
            exact = np.abs(1.0 - config["learning_rate"] * found.predicted[mode]) ** fine
            label, table = style.number(float(found.frequencies[mode])), found.residuals[:, :, mode]
            curves.append(Curve(label, found.steps, table, fine, exact, statistic="median"))
        panel = Panel("", "training step", "", tuple(curves), "symlog", legend="", legend_title="frequency")
        return panel._replace(x_limits=(0, last), y_limits=(-0.03, 1.12))

    def strip(ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.set_yscale("symlog", linthresh=threshold, linscale=0.6)
        ax.set_ylim(-threshold / 2, 2.0 * max(highest, threshold))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    def rates(found: Decay) -> Panel:
        k, finite = found.frequencies, np.where(np.isfinite(found.rates), found.rates, np.nan)
        curve = Curve("measured", k, finite, k, found.predicted, style.MEASURED, line="none")
        limits = k.min() - 0.7, k.max() + 0.7
        return Panel("", "frequency", "", (curve,), legend="", x_limits=limits, levels=((0.0, ""),), draw=strip)

    left, right = map(residuals, both)
    below, last = map(rates, both)
    shown = (
        left._replace(title="without bias", y_label="residual / start"),
        right._replace(title="with bias", legend="outside"),
        below._replace(y_label="decay rate"),
        last._replace(legend="outside"),
    )
    setting = f"{config['num_units']:,} units, {config['num_points']} points, learning rate {config['learning_rate']:g}"
    moved = f"weights moved by at most {np.nanmax(ds['weight_movement'].values):.1%}"
    seeds = f"{len(both[0].residuals)} seeds" if len(both[0].residuals) > 1 else "one seed, no interval"
    return draw_panels(shown, num_columns=2, note=f"{setting}   ·   {moved}\n{seeds}", over="seeds")
