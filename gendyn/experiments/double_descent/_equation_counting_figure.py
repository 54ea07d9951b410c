"""The figure of the equation-counting experiment."""

from typing import TYPE_CHECKING

import numpy as np

from gendyn.analysis import config_of, median_interval
from gendyn.experiments.double_descent._equation_counting_programs import FOURIER, LINEAR, NETWORK, RANDOM, RELU, TRUE
from gendyn.experiments.double_descent._equation_counting_results import (
    ROUNDING,
    curves,
    model_complexity,
    problems_of,
    thresholds,
)
from gendyn.plots.style import GREY, MEASURED, TEST, TRAIN
from gendyn.plots.theory_panels import Curve, Panel, theory_panels

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

_LABELS = {TRUE: "true labels", RANDOM: "uniform labels"}
_COLOURS = {TRUE: TEST, RANDOM: TRAIN}


def figure(ds: "xarray.Dataset") -> "Figure":
    """Residual and errors against size for features and networks; parameters against equations; what a size fits."""
    config = config_of(ds)
    problems = problems_of(ds)
    shown = problems[len(problems) // 2]
    n, k = shown
    at_count = ((1.0, "parameters = equations"),)
    across = "parameters / equations"
    features = [("Fourier, true labels", FOURIER, TRUE, TEST), ("Fourier, uniform labels", FOURIER, RANDOM, TRAIN)]
    features += [("ReLU, uniform labels", RELU, RANDOM, MEASURED), ("linear, uniform labels", LINEAR, RANDOM, GREY)]
    line = np.linspace(0.0, 1.25, 60)
    residuals, errors = [], []
    for name, model, labels, colour in features:
        found = curves(ds, model, labels, shown)
        x = found.parameters / found.equations
        residuals.append(Curve(name, x, found.residual, colour=colour))
        errors.append(Curve(name, x, found.error, colour=colour))
    residuals.append(
        Curve("", exact_x=line, exact=np.maximum(0.0, 1.0 - line), exact_label="1 - p / n", colour="#333333")
    )
    fits, misses = [], []
    for labels in (TRUE, RANDOM):
        found = curves(ds, NETWORK, labels, shown)
        x = found.parameters / found.equations
        # Rounding is the floor of float32: what lies below says nothing.
        fits.append(
            Curve(_LABELS[labels], x, np.maximum(found.residual, 1e-8), colour=_COLOURS[labels], statistic="median")
        )
        misses.append(Curve(_LABELS[labels], x, found.error, colour=_COLOURS[labels]))
    fits.append(
        Curve(
            "",
            exact_x=x,
            exact=np.full(len(x), config["tolerance"]),
            exact_label=f"fitted: {config['tolerance']:g}",
            colour="#333333",
        )
    )
    equations = np.array([n * k for n, k in problems], float)

    def needed(model: str, labels: str, steps: int = 0) -> np.ndarray:
        tolerance = config["tolerance"] if model == NETWORK else ROUNDING
        rows = [
            thresholds(curves(ds, model, labels, problem, steps), tolerance, interpolate=model == NETWORK)
            for problem in problems
        ]
        return np.stack([row[: min(map(len, rows))] for row in rows], axis=1) * equations

    longest, shortest = max(config["steps"]), min(config["steps"])
    counts = (
        Curve(
            "Fourier features",
            equations,
            needed(FOURIER, RANDOM),
            equations,
            equations,
            GREY,
            statistic="median",
            exact_label="parameters = equations",
        ),
        Curve("network, true", equations, needed(NETWORK, TRUE), colour=TEST, statistic="median"),
        Curve("network, uniform", equations, needed(NETWORK, RANDOM), colour=TRAIN, statistic="median"),
        Curve(
            f"the same, {shortest:,} steps",
            equations,
            needed(NETWORK, RANDOM, shortest),
            colour=MEASURED,
            statistic="median",
        ),
    )
    classes = max(k for _, k in problems)
    complexity = []
    for labels in (TRUE, RANDOM):
        sizes, largest = model_complexity(ds, labels, classes)
        # Where the interval touches an end of the numbers tried, the answer is not known.
        known_low, known_high = median_interval(largest)[1:3]
        inside = (known_low > 0) & np.isfinite(known_high)
        complexity.append(
            Curve(_LABELS[labels], sizes[inside], largest[:, inside], colour=_COLOURS[labels], statistic="median")
        )
    known = np.concatenate([curve.x for curve in complexity])
    complexity = [curve for curve in complexity if len(curve.x)]
    ends = np.array([known.min(), known.max()]) if len(known) else equations[[0, -1]]
    complexity.append(Curve("", exact_x=ends, exact=ends / classes, exact_label="parameters / K", colour="#333333"))
    note = (
        f"n = {n}, K = {k} except in the last two panels; {config['num_redraws']} redraws of features (float64), "
        f"{config['num_networks']} of networks (16 - width - K, full-batch Adam,\n{longest:,} steps, float32), which "
        f"fit if {config['tolerance']:.1%} of the labels' variance is left"
    )
    return theory_panels(
        [
            Panel(
                "Features: what is left",
                across,
                "share of variance",
                tuple(residuals),
                marks=((1.0, ""),),
                y_limits=(-0.03, 1.7),
            ),
            Panel("Features: misclassified", across, "share of examples", tuple(errors), marks=((1.0, ""),)),
            Panel("Network: what is left", across, "share of variance", tuple(fits), y_scale="log", marks=((1.0, ""),)),
            Panel("Network: misclassified", across, "share of examples", tuple(misses), marks=at_count),
            Panel(
                "Needed to interpolate",
                "equations n K",
                "parameters",
                counts,
                y_limits=(0.0, 2.4 * equations[-1]),
                legend="upper left",
            ),
            Panel(f"Largest n that is fitted, K = {classes}", "parameters", "examples n", tuple(complexity)),
        ],
        note=note,
    )
