"""Test and train loss and error against the number of parameters, one column for each level of label noise."""

from typing import Any

import numpy as np

from gendyn.analysis import (
    DIVERGED,
    UNFINISHED,
    axis_values,
    config_of,
    final_values,
    interpolation_threshold,
    median_interval,
    record_steps,
    run_status,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.experiments.double_descent.model_wise_double_descent.tables import layout_of, num_equations, parameters_of
from gendyn.plots import style
from gendyn.types import Dataset, Figure

ROWS = (("loss", "loss"), ("error", "error (fraction wrong)"))


def figure(ds: Dataset) -> Figure:
    """Draws the final losses and errors of a sweep over width, seed and label noise.

    Lines are medians over seeds, bands their exact 90 % intervals; over few seeds the caption gives the level they can
    have. The dashed line is the number of equations ``n K`` (training examples times outputs), the dotted one the
    measured threshold: the smallest width whose median run has no training error. A point appears as soon as one of
    its seeds is finished, so a running sweep can be drawn.

    Raises:
        ConfigError: other axes than these three vary, or no run is finished.

    Reference: Belkin et al. (2019), figure 3; Nakkiran et al. (2020), figure 4.
    """
    layout, parameters, equations = layout_of(ds), parameters_of(ds), num_equations(ds)
    noises, widths, seeds = layout.axes.values()
    if np.all(run_status(ds) == UNFINISHED):
        raise ConfigError("no run has reached its last record yet; draw learning curves, or wait.")
    made, axes = style.figure(2, len(noises))
    level = 1.0
    for row, (kind, label) in enumerate(ROWS):
        tables = {name: tabulate(layout, final_values(ds, f"{name}_{kind}")) for name in ("train", "test")}
        for column in range(len(noises)):
            ax = axes[row, column]
            for name, colour, marker in (("train", style.TRAIN, "s"), ("test", style.TEST, "o")):
                centre, low, high, reached = _bands(tables[name][column])
                level = min(level, reached)
                style.band(ax, parameters, centre, low, high, color=colour, marker=marker, markersize=4.5, label=name)
            ax.axvline(equations, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6)
            ax.set_xscale("log")
        axes[row, 0].set_ylabel(label, fontsize=style.SIZES["label"])
        _limit(axes[row, 0], [tables["test"], tables["train"]], headroom=1.3 if row == 0 else 1.1)
    errors = tabulate(layout, final_values(ds, "train_error"))
    for column, noise in enumerate(noises):
        measured = interpolation_threshold(parameters, _median(errors[column]))
        for ax in axes[:, column]:
            if measured.reached:
                ax.axvline(float(measured.value), color=style.MEASURED, linestyle=(0, (1, 1.5)), linewidth=2.2)
        _name_lines(axes[0, column], equations, float(measured.value))
        _width_axis(axes[0, column], parameters, widths)
        title = "no label noise (control)" if noise == 0 else f"{noise:.0%} label noise"
        axes[0, column].set_title(title, fontsize=style.SIZES["title"], pad=10)
        axes[1, column].set_xlabel("number of parameters", fontsize=style.SIZES["label"])
    axes[1, -1].legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper right", reverse=True)
    style.caption(made, _caption(ds, len(seeds), level))
    return made


def _median(table: np.ndarray) -> np.ndarray:
    """Median over the last axis of the runs that are there; 1 point per width, NaN where none is."""
    return np.array([np.median(row[~np.isnan(row)]) if np.any(~np.isnan(row)) else np.nan for row in table])


def _bands(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Median and interval over the seeds that are there, for each width of ``table [W, S]``; and the lowest level."""
    found = [median_interval(row[~np.isnan(row)]) if np.any(~np.isnan(row)) else None for row in table]
    centre, low, high = (
        np.array([np.nan if b is None else getattr(b, part) for b in found]) for part in ("centre", "low", "high")
    )
    return (
        centre,
        low,
        np.where(np.isinf(high), np.nan, high),
        min((b.level for b in found if b is not None), default=1.0),
    )


def _limit(ax: Any, tables: list[np.ndarray], headroom: float) -> None:
    """From 0 to above the medians, with room for the lines' names on top: one wild seed cannot flatten the rest."""
    medians = np.array([_median(rows) for table in tables for rows in table])
    top = np.max(medians, where=np.isfinite(medians), initial=0.0)
    ax.set_ylim(0.0, headroom * top or 1.0)


def _name_lines(ax: Any, equations: float, measured: float) -> None:
    """Names beside the two vertical lines, one on each side so that they never cover each other."""
    lines = [(equations, f"n·K = {style.number(equations)}", style.THEORY)]
    if np.isfinite(measured):
        lines.append((measured, "train error\nreaches 0", style.MEASURED))
    lines.sort(key=lambda line: line[0])
    for position, (x, text, colour) in enumerate(lines):
        left = position == 0
        ax.annotate(
            text,
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if left else 4, -2),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            color=colour,
            fontsize=style.SIZES["note"],
        )


def _width_axis(ax: Any, parameters: np.ndarray, widths: np.ndarray) -> None:
    """A second axis on top with the widths themselves, thinned out where their labels would touch."""
    from matplotlib.ticker import NullLocator

    top = ax.secondary_xaxis("top")
    span = np.log(parameters[-1] / parameters[0]) or 1.0
    shown: list[int] = []
    for i in range(len(widths)):
        if not shown or np.log(parameters[i] / parameters[shown[-1]]) > 0.1 * span:
            shown.append(i)
    top.set_xticks(parameters[shown], [style.number(widths[i]) for i in shown])
    top.xaxis.set_minor_locator(NullLocator())
    top.tick_params(labelsize=style.SIZES["note"], colors=style.GREY)
    top.set_xlabel("width", fontsize=style.SIZES["note"], color=style.GREY)
    ax.spines["top"].set_visible(False)


def _caption(ds: Dataset, num_seeds: int, level: float) -> str:
    config = config_of(ds)
    status = run_status(ds)
    num_train = style.number(int(axis_values(ds, "data.num_train")[0]))
    parts = [
        f"{config.get('task', {}).get('name', '')} n = {'all' if num_train == '0' else num_train}".strip(),
        f"step {int(np.nanmax(record_steps(ds))):,}",
        f"median of {num_seeds} seeds, band: {level:.0%} interval" if num_seeds > 1 else "one seed, no interval",
    ]
    running, diverged = int(np.sum(status == UNFINISHED)), int(np.sum(status == DIVERGED))
    parts += [f"{running} of {len(status)} runs still running"] * bool(running)
    parts += [f"{diverged} of {len(status)} runs diverged"] * bool(diverged)
    return "   ·   ".join(parts)
