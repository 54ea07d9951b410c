"""Residual and errors against size for features and networks; parameters against equations; what a size fits."""

import numpy as np

from gendyn.analysis import config_of, median_interval
from gendyn.experiments.double_descent.equation_counting.program import FOURIER, LINEAR, NETWORK, RANDOM, RELU, TRUE
from gendyn.experiments.double_descent.equation_counting.tables import curves, largest_fitted, needed, problems_of
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.plots.style import GREY, MEASURED, TEST, THEORY, TRAIN
from gendyn.types import Dataset, Figure

SHOWN = (
    ("Fourier, true labels", FOURIER, TRUE, TEST),
    ("Fourier, uniform labels", FOURIER, RANDOM, TRAIN),
    ("ReLU, uniform labels", RELU, RANDOM, MEASURED),
    ("linear, uniform labels", LINEAR, RANDOM, GREY),
)
NETWORKS = (("true labels", NETWORK, TRUE, TEST), ("uniform labels", NETWORK, RANDOM, TRAIN))


def figure(ds: Dataset) -> Figure:
    """Six panels; the first four of the problem in the middle."""
    config, problems = config_of(ds), problems_of(ds)
    n, k = problems[len(problems) // 2]
    classes, equations = max(k for _, k in problems), np.array([n * k for n, k in problems], float)
    tolerance, shortest, longest = config["tolerance"], min(config["steps"]), max(config["steps"])

    def law(x: np.ndarray, y: np.ndarray, label: str) -> Curve:
        return Curve("", exact_x=x, exact=y, exact_label=label, colour=THEORY)

    def fit(name: str, model: str, labels: str, colour: str) -> tuple[Curve, Curve]:
        found, statistic = curves(ds, model, labels, (n, k)), "median" if model == NETWORK else "mean"
        x = found.parameters / (n * k)
        # Rounding is the floor of float32: what lies below says nothing.
        left = Curve(name, x, np.maximum(found.residual, 1e-8), colour=colour, statistic=statistic)
        return left, Curve(name, x, found.error, colour=colour)

    residuals, errors = zip(*(fit(*learner) for learner in SHOWN), strict=True)
    fits, misses = zip(*(fit(*learner) for learner in NETWORKS), strict=True)
    line, x = np.linspace(0.0, 1.25, 60), fits[0].x
    complexity = []
    for name, _, labels, colour in NETWORKS:
        sizes, largest = largest_fitted(ds, labels, classes)
        # Where the interval touches an end of the numbers tried, the answer is not known.
        _, low, high, _ = median_interval(largest)
        inside = (low > 0) & np.isfinite(high)
        if inside.any():
            complexity.append(Curve(name, sizes[inside], largest[:, inside], colour=colour, statistic="median"))
    known = np.concatenate([curve.x for curve in complexity] or [equations])
    ends = np.array([known.min(), known.max()])
    learners = (
        ("Fourier features", FOURIER, RANDOM, 0, GREY),
        ("network, true", NETWORK, TRUE, 0, TEST),
        ("network, uniform", NETWORK, RANDOM, 0, TRAIN),
        (f"the same, {shortest:,} steps", NETWORK, RANDOM, shortest, MEASURED),
    )
    counts = [law(equations, equations, "parameters = equations")]
    for name, model, labels, steps, colour in learners:
        parameters = needed(ds, model, labels, steps) * equations
        counts.append(Curve(name, equations, parameters, colour=colour, statistic="median"))
    note = (
        f"n = {n}, K = {k} except in the last two panels; {config['num_redraws']} redraws of features (float64), "
        f"{config['num_networks']} of networks (16 - width - K, full-batch Adam,\n{longest:,} steps, float32), which "
        f"fit if {tolerance:.1%} of the labels' variance is left"
    )
    across, share, bare = "parameters / equations", ("share of variance", "share of examples"), ((1.0, ""),)
    residuals += (law(line, np.maximum(0.0, 1.0 - line), "1 - p / n"),)
    fits += (law(x, np.full(len(x), tolerance), f"fitted: {tolerance:g}"),)
    complexity.append(law(ends, ends / classes, "parameters / K"))
    at_count, top = ((1.0, "parameters = equations"),), (0.0, 2.4 * equations[-1])
    panels = (
        Panel("Features: what is left", across, share[0], residuals, marks=bare, y_limits=(-0.03, 1.7)),
        Panel("Features: misclassified", across, share[1], errors, marks=bare),
        Panel("Network: what is left", across, share[0], fits, y_scale="log", marks=bare),
        Panel("Network: misclassified", across, share[1], misses, marks=at_count),
        Panel("Needed to interpolate", "equations n K", "parameters", tuple(counts), y_limits=top, legend="upper left"),
        Panel(f"Largest n that is fitted, K = {classes}", "parameters", "examples n", tuple(complexity)),
    )
    return draw_panels(panels, note=note)
