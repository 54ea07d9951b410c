"""All redraws: features of every kind and networks of every length of training, with either labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, seeded_normals, stream
from gendyn.core.rules import ascending, each, integer, length, number, positive
from gendyn.experiments.double_descent.equation_counting.problems import (
    FEATURES,
    FOURIER,
    LINEAR,
    NETWORK,
    NUM_PIXELS,
    RANDOM,
    RELU,
    TRUE,
    Problem,
    image_problem,
    linear_problem,
)
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import ArrayLike, Config

AXES = ("model", "labels", "num_train", "num_classes", "num_steps", "seed")
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25)
AROUND = (-2, -1, 0, 1, 2)
"""Numbers of features tried: fractions of ``n``, and all near ``n``."""
LENGTHSCALE = 2.0
"""Of the Fourier features, in units of standardised pixels: short enough for designs of full rank in float64."""


def _problem(name: str, value: Any) -> None:
    length(2, "a pair, (examples n, classes K)")(name, value)
    n, k = value
    integer(4)(f"{name} n", n)
    integer(2)(f"{name} K", k)
    if k > 10 or n > 100 * k:
        raise ConfigError(f"{name} = ({n}, {k}) asks for more than there is: 10 digits, and 100 images of each.")


def _different_products(name: str, values: Sequence[tuple[int, int]]) -> None:
    if len({n * k for n, k in values}) < len(values):
        raise ConfigError(f"{name} = {values} must have different products n K: parameters are compared with them.")


def _around_one(name: str, values: Sequence[float]) -> None:
    if not values[0] < 1 < values[1]:
        raise ConfigError(f"{name} = {tuple(values)} must lie around 1: below and above.")


LEAVES = {
    "problems": Leaf(
        ((48, 5), (32, 10), (48, 10), (64, 10), (96, 10)),
        rule=each(_problem, _different_products, least=2),
        meaning="(examples n, classes K) of each problem",
    ),
    "num_redraws": Leaf(100, rule=integer(), meaning="redraws of features"),
    "num_networks": Leaf(8, rule=integer(), meaning="redraws of networks"),
    "widths": Leaf(
        (4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57),
        rule=each(integer(), ascending("each is padded to a wider one"), least=2),
        meaning="hidden units of networks",
    ),
    "parameters_over_equations": Leaf(
        (0.3, 1.75),
        rule=each(number(0), length(2, "two shares, one below and one above 1"), _around_one),
        meaning="widths outside are not tried",
    ),
    "steps": Leaf(
        (2000, 8000),
        rule=each(integer(), ascending("the last is the longest training"), least=2),
        meaning="lengths of training",
    ),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of Adam, at the start"),
    "tolerance": Leaf(
        1e-3, rule=number(0, 1, open_low=True, open_high=True), meaning="share of the variance that a fit may leave"
    ),
    "runs_at_once": Leaf(200, "execution", integer(), meaning="runs of a chunk"),
}


def check(config: Config) -> None:
    """Every problem has enough widths around its number of equations."""
    low, high = config.parameters_over_equations
    for n, k in config.problems:
        if len(_widths(config, n, k)) < 3:
            raise ConfigError(
                f"config.widths = {config.widths} has fewer than three with {low:g} to {high:g} x {n * k} parameters; "
                "add some there."
            )


def _sizes(num_train: int) -> tuple[int, ...]:
    return tuple(sorted({*(max(1, round(f * num_train)) for f in FRACTIONS), *(num_train + o for o in AROUND)}))


def _widths(config: Config, num_train: int, num_classes: int) -> list[int]:
    """Those of the config with a number of parameters near that of the equations."""
    low, high = (share * num_train * num_classes for share in config.parameters_over_equations)
    return [
        width
        for width in config.widths
        if low <= regression.relu_network_parameters(width, NUM_PIXELS, num_classes) <= high
    ]


def program(config: Config) -> Simulation:
    """A group for each problem, kind of features and length of training (0 for features).

    Recorded of each size: trained parameters, residual and error; NaN past the last size of a problem.
    """
    longest = max(max(len(_sizes(n)), len(_widths(config, n, k))) for n, k in config.problems)
    measured = {
        "parameters": Measured("trained parameters", (longest,)),
        "residual": Measured("share of the targets' variance left", (longest,), "float64"),
        "error": Measured("share of training examples misclassified", (longest,)),
    }

    def filled(parameters: list[int], residual: np.ndarray, error: np.ndarray) -> dict[str, ArrayLike]:
        arrays, padding = (np.tile(parameters, (len(residual), 1)), residual, error), longest - len(parameters)
        padded = (np.pad(np.asarray(a, float), ((0, 0), (0, padding)), constant_values=np.nan) for a in arrays)
        return dict(zip(measured, padded, strict=True))

    def features(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        model, n, k = (points[0][axis] for axis in ("model", "num_train", "num_classes"))
        sizes = _sizes(n)
        drawn = [
            linear_problem(point["seed"], point["labels"], n, k, max(sizes))
            if model == LINEAR
            else image_problem(point["seed"], point["labels"], n, k)
            for point in points
        ]
        fits = [fit_features(model, point["seed"], each, sizes) for point, each in zip(points, drawn, strict=True)]
        return filled([size * k for size in sizes], *map(np.array, zip(*fits, strict=True)))

    def networks(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        n, k, steps = (points[0][axis] for axis in ("num_train", "num_classes", "num_steps"))
        widths, seeds = _widths(config, n, k), [point["seed"] for point in points]
        drawn = [image_problem(point["seed"], point["labels"], n, k) for point in points]
        x, y = np.stack([each.inputs for each in drawn]), np.stack([each.targets for each in drawn])
        units = seeded_normals(seeds, "units", (max(widths), NUM_PIXELS + k))
        found = regression.fit_relu_networks(units, x, y, widths, num_steps=steps, learning_rate=config.learning_rate)
        errors = np.stack([each.error(outputs) for each, outputs in zip(drawn, found.outputs, strict=True)])
        return filled(
            [regression.relu_network_parameters(width, NUM_PIXELS, k) for width in widths], found.residual, errors
        )

    def group(compute: Callable[..., Any], model: str, problem: tuple[int, int], steps: int, redraws: int) -> Group:
        places = [(model, labels, *problem, steps, seed) for labels in (TRUE, RANDOM) for seed in range(redraws)]
        return Group(points=tuple(dict(zip(AXES, place, strict=True)) for place in places), compute=compute)

    trained = [(pair, steps) for pair in config.problems for steps in config.steps]
    groups = [group(features, model, pair, 0, config.num_redraws) for model in FEATURES for pair in config.problems]
    groups += [group(networks, NETWORK, pair, steps, config.num_networks) for pair, steps in trained]
    return Simulation(tuple(groups), measured, runs_at_once=config.runs_at_once)


def fit_features(model: str, seed: int, problem: Problem, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Residual and error, ``[sizes]``, of minimum-norm least squares on the first ``p`` features, in float64."""
    key = stream(jax.random.key(seed), "features")
    with jax.enable_x64(True):
        x = jnp.asarray(problem.inputs)
        if model == FOURIER:
            x = regression.random_fourier_features(key, x, max(sizes), lengthscale=LENGTHSCALE)
        elif model == RELU:
            x = regression.random_relu_features(key, x, max(sizes))
        outputs = np.asarray(x) @ np.asarray(
            regression.prefix_least_squares(x, jnp.asarray(problem.targets), sizes).coefficients
        )
    residual = np.sum((outputs - problem.targets) ** 2, axis=(1, 2)) / np.sum(problem.targets**2)
    return residual, problem.error(outputs)
