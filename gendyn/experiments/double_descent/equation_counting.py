"""Equation counting: are as many parameters as equations what it takes to interpolate?

Claim: To fit ``n`` examples of ``K`` outputs exactly is to solve ``n K`` equations. A linear model on linear, random
Fourier or random ReLU features needs exactly ``n`` features for it, that is ``n K`` parameters, whatever the labels. A
network with one hidden layer, trained on the squared loss, needs a number of parameters within 0.8 to 1.25 of ``n K``,
for uniformly drawn labels and for true ones, growing as its power 0.9 to 1.1. Classifying every training example is a
matter of inequalities and takes fewer: below 0.9 of the equations, for features and for networks. Shorter training
needs more parameters, so the count belongs to model and training together (effective model complexity).

Refuted if: an interval lies outside of these.

Setting: images of the first ``K`` digits, averaged to 4 x 4 pixels (linear features: Gaussian inputs, true labels those
of a linear teacher). Targets are centred one-hot labels, so a residual is a share of their variance. Features are
solved by minimum-norm least squares in float64, and solve the equations if 1e-9 is left. Networks: 16 - width - K
ReLU units, all biases, full-batch Adam from a learning rate that falls to 0 by a cosine, float32; they fit if at most
``tolerance`` is left, a stated choice: gradient descent does not reach zero. Crossings of networks are placed between
the widths tried, in log residual and log parameters; a redraw in which no width fits counts as infinite and one in
which the smallest does as 0, so that medians are honest as long as most redraws cross.

Known when the thresholds were written down: a trial of ten redraws of features, and of two of networks at n = 64 and
96, whose uniform labels were fitted at 0.95 to 1.05 of the equations and whose true ones at 0.7 to 1.

Cost: the default, 3,160 runs, took 126 s of CPU time and 361 s of wall time on two x86-64 cores shared with several
times their load. Found there: features exactly ``n`` in each of 3,000 redraws; networks 0.97 to 1.07 of the equations
for uniform labels (1.36 to 1.44 after 2,000 steps in place of 8,000) and 0.50 to 0.98 for true ones, which refutes the
count for them; training errors of Fourier features vanish at 0.6 (true) and at most 0.9 (uniform). That networks
classify uniform labels with fewer than 0.9 is refuted by the two smallest problems, where widths are few, one image is
2 to 3 % of the error, and the loss is not one of classification.

Reference: Belkin, Hsu, Ma & Mandal (2019), section 3 (``n K`` for networks); Nakkiran et al. (2020), definition 1;
Zhang et al. (2017), random labels; Cover (1965), inequalities.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding
from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.experiments.double_descent._equation_counting_figure import figure
from gendyn.experiments.double_descent._equation_counting_programs import (
    FEATURES,
    LINEAR,
    NETWORK,
    RANDOM,
    TRUE,
    Fit,
    fit_features,
    image_problem,
    linear_problem,
    num_parameters,
    pooled_digits,
    train_networks,
)
from gendyn.experiments.double_descent._equation_counting_results import (
    ROUNDING,
    curves,
    error_thresholds,
    problems_of,
    thresholds,
)
from gendyn.sweep import Group, Measured, simulate
from gendyn.types import ArrayLike, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray

__all__ = ["figure", "run", "verdict"]

LEVEL = 0.9
"""Of every interval."""
EXACT_TOLERANCE = 0.01
"""Of features over examples: below one feature in every problem of the default."""
COUNT = (0.8, 1.25)
"""Parameters of a network over equations that still count as equal: a factor 5 / 4 either way, about one width of the
grid."""
POWER = (0.9, 1.1)
FEWER = 0.9
"""Parameters over equations below which inequalities are easier than equations."""
MORE = 1.1
"""Parameters needed after short over those after long training that count as more."""
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25)
AROUND = (-2, -1, 0, 1, 2)
"""Numbers of features tried: fractions of ``n``, and all near ``n``."""
AXES = ("model", "labels", "num_train", "num_classes", "num_steps", "seed")


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Fits every redraw, or those that ``workdir`` lacks.

    Returns:
        One record a run; ``parameters``, ``residual`` and ``error`` ``[run, 1, size]``, NaN past the last size of a
        problem. ``num_steps`` is 0 for features.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    _check(config)
    pool = pooled_digits()
    problems = [(int(n), int(k)) for n, k in config.problems]
    longest = max(max(len(_sizes(n)), len(_widths(config, n, k))) for n, k in problems)
    measured = {
        "parameters": Measured("trained parameters", (longest,)),
        "residual": Measured("share of the targets' variance left", (longest,), "float64"),
        "error": Measured("share of training examples misclassified", (longest,)),
    }

    def filled(parameters: list[int], fit: Fit) -> dict[str, ArrayLike]:
        rows = len(fit.residual)
        arrays = {"parameters": np.tile(parameters, (rows, 1)), "residual": fit.residual, "error": fit.error}
        padding = ((0, 0), (0, longest - len(parameters)))
        return {
            name: np.pad(np.asarray(array, float), padding, constant_values=np.nan) for name, array in arrays.items()
        }

    def compute_features(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        model, n, k = (points[0][axis] for axis in ("model", "num_train", "num_classes"))
        sizes = _sizes(n)
        drawn = [
            linear_problem(point["seed"], point["labels"], n, k, max(sizes))
            if model == LINEAR
            else image_problem(point["seed"], point["labels"], n, k, pool)
            for point in points
        ]
        fit = fit_features(model, [point["seed"] for point in points], drawn, k, sizes)
        return filled([size * k for size in sizes], fit)

    def compute_networks(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        n, k, steps = (points[0][axis] for axis in ("num_train", "num_classes", "num_steps"))
        widths = _widths(config, n, k)
        fit = train_networks(
            [point["seed"] for point in points],
            [image_problem(point["seed"], point["labels"], n, k, pool) for point in points],
            k,
            widths,
            num_steps=steps,
            learning_rate=config.learning_rate,
        )
        return filled([num_parameters(width, k) for width in widths], fit)

    def group(compute: Callable[..., Any], model: str, problem: tuple[int, int], steps: int, redraws: int) -> Group:
        places = [(model, labels, *problem, steps, seed) for labels in (TRUE, RANDOM) for seed in range(redraws)]
        return Group(points=tuple(dict(zip(AXES, place, strict=True)) for place in places), compute=compute)

    groups = [
        group(compute_features, model, problem, 0, config.num_redraws) for model in FEATURES for problem in problems
    ]
    groups += [
        group(compute_networks, NETWORK, problem, int(steps), config.num_networks)
        for problem in problems
        for steps in config.steps
    ]
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Features, networks with either labels, growth with the equations, inequalities, training time."""
    config = config_of(ds)
    problems = problems_of(ds)
    equations = np.array([n * k for n, k in problems], float)
    shortest = min(config["steps"])

    def table(model: str, labels: str, of: Callable[[Any], np.ndarray], num_steps: int = 0) -> np.ndarray:
        """``[S, problems]``, over equations."""
        rows = [of(curves(ds, model, labels, problem, num_steps)) for problem in problems]
        return np.stack([row[: min(map(len, rows))] for row in rows], axis=1)

    def solved(found: Any) -> np.ndarray:
        return thresholds(found, ROUNDING, interpolate=False)

    def fitted(found: Any) -> np.ndarray:
        return thresholds(found, config["tolerance"], interpolate=True)

    exact = np.concatenate([table(model, labels, solved) for model in FEATURES for labels in (TRUE, RANDOM)], axis=1)
    networks = {labels: table(NETWORK, labels, fitted) for labels in (RANDOM, TRUE)}
    brief = table(NETWORK, RANDOM, fitted, shortest)
    found = [
        agreement(
            "Features interpolate exactly from n on, of every kind and with either labels.",
            exact,
            np.ones(exact.shape[1]),
            tolerance=EXACT_TOLERANCE,
            level=LEVEL,
            detail=f"{len(FEATURES)} kinds, 2 kinds of labels, {len(problems)} problems.",
        )
    ]
    for labels, name in ((RANDOM, "uniform"), (TRUE, "true")):
        medians = np.median(networks[labels], axis=0)
        found.append(
            finding(
                f"A network fits {name} labels with as many parameters as equations.",
                bootstrap(_furthest_median, networks[labels], level=LEVEL),
                low=COUNT[0],
                high=COUNT[1],
                unit="median parameters / equations, of the problem furthest from 1",
                detail=f"{len(networks[labels])} redraws, {_problems(problems)}: {_listed(medians)}; "
                f"{_censored(networks[labels])}.",
            )
        )
    found.append(
        finding(
            "The parameters that a network needs for uniform labels grow in proportion to the equations.",
            bootstrap(lambda rows: _slope(equations, np.median(rows, axis=1)), networks[RANDOM], level=LEVEL),
            low=POWER[0],
            high=POWER[1],
            unit="power of the number of equations",
            detail="Least squares on log medians.",
        )
    )
    for model, labels, name in (
        ("fourier", TRUE, "Fourier features with true"),
        ("fourier", RANDOM, "Fourier features with uniform"),
        (NETWORK, TRUE, "Networks with true"),
        (NETWORK, RANDOM, "Networks with uniform"),
    ):
        ratios = table(model, labels, error_thresholds)
        found.append(
            finding(
                f"{name} labels classify all training examples with fewer parameters than equations.",
                bootstrap(lambda rows: np.max(np.median(rows, axis=1), axis=-1), ratios, level=LEVEL),
                high=FEWER,
                unit="largest median parameters / equations over problems",
                detail=f"{len(ratios)} redraws, {_problems(problems)}: {_listed(np.median(ratios, axis=0))}; no "
                f"interpolation between sizes; {_censored(ratios)}.",
            )
        )
    long = networks[RANDOM][: len(brief)]
    found.append(
        finding(
            "Shorter training needs more parameters.",
            bootstrap(_smallest_ratio, brief[: len(long)], long, level=LEVEL),
            low=MORE,
            unit="median parameters after short / after long training, smallest over problems",
            detail=f"{shortest:,} and {max(config['steps']):,} steps, uniform labels; after the short training "
            f"{_listed(np.median(brief, axis=0))} of the equations; {_censored(brief)}.",
        )
    )
    return found


def _furthest_median(rows: np.ndarray) -> np.ndarray:
    """Of ``[B, S, P]``: the median furthest from 1 as a ratio, over ``P``."""
    medians = np.median(rows, axis=1)
    with np.errstate(divide="ignore"):
        worst = np.argmax(np.abs(np.log(medians)), axis=1)
    return np.asarray(np.take_along_axis(medians, worst[:, None], axis=1)[:, 0])


def _slope(equations: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Power of the parameters ``[B]`` from ratios ``[B, P]``; NaN where one is censored."""
    x = np.log(equations) - np.log(equations).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(ratios > 0, ratios, np.nan) * equations)
    return np.asarray(np.where(np.isinf(logs), np.nan, logs) @ x / (x @ x))


def _smallest_ratio(brief: np.ndarray, long: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.min(np.median(brief, axis=1) / np.median(long, axis=1), axis=-1))


def _censored(ratios: np.ndarray) -> str:
    return f"{int(np.isinf(ratios).sum())} of {ratios.size} beyond the largest size, {int((ratios == 0).sum())} below"


def _problems(problems: list[tuple[int, int]]) -> str:
    return "n x K = " + ", ".join(f"{n} x {k}" for n, k in problems)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _sizes(num_train: int) -> tuple[int, ...]:
    return tuple(sorted({*(max(1, round(f * num_train)) for f in FRACTIONS), *(num_train + o for o in AROUND)}))


def _widths(config: "ml_collections.ConfigDict", num_train: int, num_classes: int) -> list[int]:
    """Those of the config with a number of parameters near that of the equations."""
    low, high = (share * num_train * num_classes for share in config.parameters_over_equations)
    return [int(width) for width in config.widths if low <= num_parameters(int(width), num_classes) <= high]


def _check(config: "ml_collections.ConfigDict") -> None:
    for name in ("num_redraws", "num_networks", "runs_at_once"):
        check_positive_int(f"config.{name}", config[name])
    for name in ("widths", "steps"):
        for value in config[name]:
            check_positive_int(f"config.{name}: each", value)
        if list(config[name]) != sorted(set(config[name])) or len(config[name]) < 2:
            raise ConfigError(f"config.{name} = {config[name]} must hold two or more numbers that ascend.")
    check_range("config.learning_rate", config.learning_rate, low=0, open_low=True)
    check_range("config.tolerance", config.tolerance, low=0, high=1, open_low=True, open_high=True)
    check_range("config.parameters_over_equations", config.parameters_over_equations, low=0)
    low, high = config.parameters_over_equations
    if not low < 1 < high:
        raise ConfigError(f"config.parameters_over_equations = {(low, high)} must lie around 1: below and above.")
    if len({n * k for n, k in config.problems}) < max(2, len(config.problems)):
        raise ConfigError(
            f"config.problems = {config.problems} must be two or more (n, K) with different products: the claims ask."
        )
    for n, k in config.problems:
        check_positive_int("config.problems: each n", n, low=4)
        check_positive_int("config.problems: each K", k, low=2)
        if k > 10 or n > 100 * k:
            raise ConfigError(
                f"config.problems: ({n}, {k}) asks for more than there is: 10 digits, and 100 images of each are sure."
            )
        if len(_widths(config, n, k)) < 3:
            raise ConfigError(
                f"config.widths = {config.widths} has fewer than three with {low:g} to {high:g} x {n * k} parameters; "
                "add some there."
            )
