"""Model-wise double descent: does a larger network first get worse, and then better again?

Claim: On data with label noise, the test loss of fully trained networks falls with the width, rises to a peak where
the network becomes just large enough to fit its training set, and falls a second time beyond.

Refuted if: the loss at the peak is no higher than at the valley before it or at the minimum after it, or the peak
lies more than a factor 2 (in parameters) from the interpolation threshold: the equations n K, and the measured size at
which the median run reaches zero training error. The sweep at zero label noise is the control, reported by the same
statistics: the peak is expected to shrink or vanish there.

Reference: Belkin, Hsu, Ma & Mandal (2019), Reconciling modern machine-learning practice and the classical bias-variance
trade-off, figure 3; Nakkiran et al. (2020), Deep Double Descent, figures 1 and 4.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from gendyn import analysis
from gendyn.analysis import bootstrap, config_of, finding, interpolation_threshold, median_over_seeds
from gendyn.core import ConfigError, lookup
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Axes, Dataset, Figure, Finding, Task

FACTOR = 2.0
"""How far from the threshold, in parameters, a peak still counts as being at it."""
AXES = ("data.label_noise", "model.width", "seed")
"""Label noise may be a plain leaf of the config."""
VARIABLES = ("train_loss", "test_loss", "train_error", "test_error")


def num_outputs(ds: Dataset) -> int:
    """``K``. The task is loaded again where the results do not say."""
    return int(ds.attrs["num_outputs"]) if "num_outputs" in ds.attrs else _task(ds).num_outputs


def num_equations(ds: Dataset) -> int:
    """``n K``: the equations that a network with ``K`` outputs must solve to fit ``n`` examples.

    The task is loaded again where the results do not say ``n``: ``data.num_train`` is 0 (all) and none is stored.
    """
    num_train = int(analysis.axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    return (num_train or len(_task(ds).y_train)) * num_outputs(ds)


def constant_loss(ds: Dataset) -> float:
    """The loss of the predictor that ignores its input and gives each of ``K`` classes the share ``1 / K``.

    ``1 - 1 / K`` for the squared error and ``log K`` for a cross-entropy, whatever the test labels are. The best
    constant is that of the shares ``q`` of the classes, with loss ``1 - sum q^2``: less, by 0.0001 for the digits.
    """
    count = num_outputs(ds)
    return 1.0 - 1.0 / count if config_of(ds).get("loss") == "squared_error" else math.log(count)


def _task(ds: Dataset) -> Task:
    arguments = dict(config_of(ds)["task"])
    return cast(Task, lookup("tasks", arguments.pop("name"))(**arguments))


def verdict(ds: Dataset) -> list[Finding]:
    """Findings for each level of label noise, highest first, so that the control (0) comes last."""
    runs, equations, constant, found = analysis.laid_out(ds, AXES), num_equations(ds), constant_loss(ds), []
    parameters = analysis.parameter_counts(ds, runs.layout, "model.width")
    losses, errors, noises = runs.final("test_loss"), runs.final("train_error"), runs.axes["data.label_noise"]
    for i in np.argsort(-noises):
        # Levels are judged one by one: a seed that lacks a run at another level stays.
        here = runs.seeds.at(i)
        tables = losses[i].T[here.complete], errors[i].T[here.complete]
        found += _findings(float(noises[i]), *tables, parameters, equations, constant, here.sentence)
    return found


def _findings(
    noise: float,
    loss: np.ndarray,
    error: np.ndarray,
    parameters: np.ndarray,
    equations: int,
    constant: float,
    left_out: str,
) -> list[Finding]:
    """Of one level of label noise: test losses, ``inf`` of a run that diverged, and training errors, ``[S, W]``."""
    at = f"at {noise:.0%} label noise" if noise > 0 else "without label noise (control)"
    held_out = "Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
    few = np.full(len(loss), np.nan)
    depth = analysis.held_out_first_valley(loss, level=constant) if len(loss) >= 2 else few
    left, right = analysis.held_out_ratios(loss) if len(loss) >= 2 else (few, few)
    valley = finding(
        f"Test loss first falls to a valley {at}: below the smallest network, a constant predictor and the peak.",
        median_over_seeds(depth),
        low=1.0,
        unit="lowest of the three / first valley",
        detail=f"A constant predictor has loss {constant:.3g}. {held_out}{left_out}",
    )
    claim, unit = f"Test loss has an interior peak {at}.", "peak / higher of its two valleys"
    height = median_over_seeds(np.minimum(left, right))
    exists = finding(claim, height, low=1.0, unit=unit, detail=held_out, given=(valley,))
    shape = valley, exists
    claim, unit = f"Test loss descends a second time beyond the peak {at}.", "peak / lowest loss after it"
    second = finding(claim, median_over_seeds(right), low=1.0, unit=unit, detail=held_out, given=shape)
    claim, unit = f"The second descent goes below the first valley {at}.", "lowest loss after the peak / first valley"
    ratio = median_over_seeds(left / right)
    below = finding(claim, ratio, high=1.0, unit=unit, detail=held_out, given=(*shape, second))

    def measured(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The median run reaches zero training error between the two, ``[B]`` each."""
        threshold = interpolation_threshold(parameters, analysis.median(errors))
        return np.where(threshold.reached, threshold.previous, np.nan), threshold.value

    thresholds: dict[str, Callable[[np.ndarray], tuple[Any, Any]]] = {
        "the measured threshold": measured,
        f"n K = {equations:,}": lambda _: (float(equations), float(equations)),
    }
    places = [
        finding(
            f"Test loss peaks within a factor {FACTOR:g} of {name} {at}.",
            _place(parameters, loss, error, threshold),
            low=1.0 / FACTOR,
            high=FACTOR,
            unit="parameters at peak / at threshold",
            detail="The place of the peak is the centre of the interval above half its height, on the geometric mean "
            "over seeds. The bootstrap resamples seeds; the threshold adds its grid step.",
            given=shape,
        )
        for name, threshold in thresholds.items()
        if noise > 0
    ]
    return [valley, exists, second, below, *places]


def _place(
    parameters: np.ndarray, loss: np.ndarray, error: np.ndarray, threshold: Callable[[np.ndarray], tuple[Any, Any]]
) -> analysis.Interval:
    """Parameters at the peak over parameters at the threshold, as far apart and as close as seeds and grid allow."""

    def ratio(losses: np.ndarray, errors: np.ndarray, end: int) -> np.ndarray:
        # The geometric mean, not the median: the place depends on the whole curve, and on log-normal scatter the median
        # curve is the noisier one (tests/analysis/test_peaks.py).
        centre = analysis.peak_centre(parameters, analysis.geometric_mean(losses))
        return np.asarray(centre / threshold(errors)[end])

    return analysis.spanning(*(bootstrap(functools.partial(ratio, end=end), loss, error) for end in (1, 0)))


def figure(ds: Dataset) -> Figure:
    """Final losses and errors against the number of parameters, a column for each level of label noise.

    Lines are medians over seeds, bands their exact 90 % intervals; over few seeds the caption gives the level they can
    have. The dashed line is the number of equations ``n K`` (training examples times outputs), the dotted one the
    measured threshold: the smallest width whose median run has no training error. A point appears as soon as one of
    its seeds is finished, so a running sweep can be drawn.

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
    for kind, label, headroom in (("loss", "loss", 1.3), ("error", "error (fraction wrong)", 1.1)):
        # From 0 to above the medians, with room for the lines' names: one wild seed cannot flatten the rest.
        shown, top = np.stack([medians[f"{part}_{kind}"] for part in look]), kind == "loss"
        limits = (0.0, headroom * np.max(shown, where=np.isfinite(shown), initial=0.0) or 1.0)
        for column, noise in enumerate(noises):
            curves = (curve._replace(redraws=tables[f"{part}_{kind}"][column]) for part, curve in look.items())
            title = "no label noise (control)" if noise == 0 else f"{noise:.0%} label noise"
            threshold = interpolation_threshold(parameters, medians["train_error"][column]).value

            def draw(ax: Axes, top: bool = top, column: int = column, threshold: float = float(threshold)) -> None:
                dashes = {"color": style.THEORY, "linestyle": (0, (5, 3)), "linewidth": 1.6}
                dots = {"color": style.MEASURED, "linestyle": (0, (1, 1.5)), "linewidth": 2.2}
                known = f"n·K = {style.number(equations)}"
                lines = [(float(equations), known, dashes), (threshold, "train error\nreaches 0", dots)]
                style.named_lines(ax, lines, named=top)
                # Columns share the axis of losses or errors, rows that of parameters.
                ax.tick_params(labelleft=column == 0, labelbottom=not top)
                if top:
                    style.axis_on_top(ax, parameters, widths, "width")

            panel = Panel(title * top, "number of parameters" * (not top), label * (column == 0), tuple(curves), "log")
            legend = "upper right" * (not top and column == len(noises) - 1)
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
