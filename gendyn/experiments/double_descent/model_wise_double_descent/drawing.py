"""The figure: losses and errors against the number of parameters."""

from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.analysis import config_of, interpolation_threshold
from gendyn.core import ConfigError
from gendyn.experiments.double_descent.model_wise_double_descent.claims import (
    AXES,
    constant_loss,
    num_equations,
    num_outputs,
    shape_of,
)
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Axes, Dataset, Figure

VARIABLES = ("train_loss", "test_loss", "train_error", "test_error")


def figure(ds: Dataset) -> Figure:
    """Final losses and errors against the number of parameters, a column for each level of label noise.

    Lines are medians over seeds, bands their exact 90 % intervals; over few seeds the caption gives the level they can
    have. The dashed line is the number of equations ``n K`` (training examples times outputs), the dotted one the
    measured threshold: the smallest width whose median run has no training error. The level is a constant predictor.
    Valley, peak and second descent are named where the findings support both of the first two. A point appears as soon
    as one of its seeds is finished, so a running sweep can be drawn.

    Raises:
        ConfigError: other axes than these three vary, or no run is finished.

    Reference: Belkin et al. (2019), figure 3; Nakkiran et al. (2020), figure 4.
    """
    runs, equations, status = analysis.laid_out(ds, AXES), num_equations(ds), analysis.run_status(ds)
    parameters = analysis.parameter_counts(ds, runs.layout, "model.width")
    noises, widths, seeds = runs.axes.values()
    if np.all(status == analysis.UNFINISHED):
        raise ConfigError("no run has reached its last record yet; draw learning curves, or wait.")
    look = {
        part: Curve(part, parameters, colour=colour, statistic="median of known", marker=marker)
        for part, colour, marker in (("train", style.TRAIN, "s"), ("test", style.TEST, "o"))
    }
    tables = {name: np.moveaxis(runs.final(name), -1, 1) for name in VARIABLES}
    medians = {name: np.array([analysis.known_medians(rows).centre for rows in tables[name]]) for name in VARIABLES}
    panels = []
    level = constant_loss(ds)
    rows = (("loss", "loss", 1.3, level), ("error", "error (fraction wrong)", 1.1, 1.0 - 1.0 / num_outputs(ds)))
    for kind, label, headroom, constant in rows:
        # From 0 to above the medians, with room for the lines' names: one wild seed cannot flatten the rest.
        shown, top = np.stack([medians[f"{part}_{kind}"] for part in look]), kind == "loss"
        highest = np.max(shown, where=np.isfinite(shown), initial=constant * top)
        limits = (0.0, headroom * highest or 1.0)
        for column, noise in enumerate(noises):
            curves = (curve._replace(redraws=tables[f"{part}_{kind}"][column]) for part, curve in look.items())
            title = "no label noise (control)" if noise == 0 else f"{noise:.0%} label noise"
            threshold = interpolation_threshold(parameters, medians["train_error"][column]).value

            def draw(
                ax: Axes,
                top: bool = top,
                column: int = column,
                threshold: float = float(threshold),
                constant: float = constant,
            ) -> None:
                dashes = {"color": style.THEORY, "linestyle": (0, (5, 3)), "linewidth": 1.6}
                dots = {"color": style.MEASURED, "linestyle": (0, (1, 1.5)), "linewidth": 2.2}
                known = f"n·K = {style.number(equations)}"
                lines = [(float(equations), known, dashes), (threshold, "train error\nreaches 0", dots)]
                style.named_lines(ax, lines, named=top)
                _level(ax, constant, named=top)
                # Columns share the axis of losses or errors, rows that of parameters.
                ax.tick_params(labelleft=column == 0, labelbottom=not top)
                if top:
                    style.axis_on_top(ax, parameters, widths, "width")
                    complete = runs.seeds.at(column).complete
                    named = shape_of(tables["test_loss"][column][complete], level, "")
                    if all(each.verdict == "supported" for each in analysis.family(named)):
                        _name_parts(ax, parameters, medians["test_loss"][column])

            panel = Panel(title * top, "number of parameters" * (not top), label * (column == 0), tuple(curves), "log")
            legend = "center right" * (not top and column == len(noises) - 1)
            panels.append(panel._replace(y_limits=limits, legend=legend, draw=draw))
    num_train, task = int(analysis.axis_values(ds, "data.num_train")[0]), config_of(ds).get("task", {}).get("name", "")
    running, diverged = (int(np.sum(status == name)) for name in (analysis.UNFINISHED, analysis.DIVERGED))
    note = [
        f"{task} n = {style.number(num_train) if num_train else 'all'}".strip(),
        f"step {int(np.nanmax(analysis.record_steps(ds))):,}",
        f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed, no interval",
        f"{running} of {len(status)} runs still running" * bool(running),
        f"{diverged} of {len(status)} runs diverged" * bool(diverged),
    ]
    return draw_panels(panels, num_columns=len(noises), note="   ·   ".join(filter(None, note)), over="seeds")


def _level(ax: Axes, constant: float, *, named: bool) -> None:
    """A constant predictor, named above the line where the curves have left it."""
    ax.axhline(constant, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    if not named:
        return
    look: dict[str, Any] = {"color": style.GREY, "fontsize": style.SIZES["note"], "textcoords": "offset points"}
    ax.annotate("constant predictor", (0.1, constant), xytext=(0, 3), xycoords=ax.get_yaxis_transform(), **look)


def _name_parts(ax: Axes, parameters: np.ndarray, curve: np.ndarray) -> None:
    """Writes what the parts of the median curve are."""
    peak = analysis.interior_peak(curve)
    parts = (
        (peak.left_index, "first valley", (3, -9), "left", "top"),
        (peak.peak_index, "peak", (4, 4), "left", "bottom"),
        (peak.right_index, "second descent", (4, -9), "right", "top"),
    )
    for index, name, shift, side, edge in parts:
        look: dict[str, Any] = {"color": style.TEST, "fontsize": style.SIZES["note"], "ha": side, "va": edge}
        ax.annotate(name, (parameters[index], curve[index]), xytext=shift, textcoords="offset points", **look)
