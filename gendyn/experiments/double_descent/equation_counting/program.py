"""All redraws: features of every kind and networks of every length of training, with either labels."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression, tasks
from gendyn.core import ConfigError, seeded_normals, stream
from gendyn.core.rules import ascending, each, integer, length, number, positive
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import ArrayLike, Config

AXES = ("model", "labels", "num_train", "num_classes", "num_steps", "seed")
LINEAR, FOURIER, RELU, NETWORK = "linear", "fourier", "relu", "network"
FEATURES = (LINEAR, FOURIER, RELU)
TRUE, RANDOM = LABELS = "true", "random"
NUM_PIXELS = 16
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


LEAVES = {
    "problems": Leaf(
        ((48, 5), (32, 10), (48, 10), (64, 10), (96, 10)),
        rule=each(_problem, least=2),
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
        rule=each(number(0), length(2, "two shares, one below and one above 1")),
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
    """Problems that differ in their number of equations, with enough widths around each."""
    (low, high), problems = config.parameters_over_equations, config.problems
    if not low < 1 < high:
        raise ConfigError(f"config.parameters_over_equations = {(low, high)} must lie around 1: below and above.")
    if len({n * k for n, k in problems}) < len(problems):
        raise ConfigError(
            f"config.problems = {problems} must have different products n K: parameters are compared with them."
        )
    for n, k in problems:
        if len(_widths(config, n, k)) < 3:
            raise ConfigError(
                f"config.widths = {config.widths} has fewer than three with {low:g} to {high:g} x {n * k} parameters; "
                "add some there."
            )


def _sizes(num_train: int) -> tuple[int, ...]:
    return tuple(sorted({*(max(1, round(f * num_train)) for f in FRACTIONS), *(num_train + o for o in AROUND)}))


def _widths(config: Config, num_train: int, num_classes: int) -> dict[int, int]:
    """Width -> parameters, of the widths with a number of parameters near that of the equations."""
    low, high = (share * num_train * num_classes for share in config.parameters_over_equations)
    counts = {width: regression.relu_network_parameters(width, NUM_PIXELS, num_classes) for width in config.widths}
    return {width: count for width, count in counts.items() if low <= count <= high}


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

    def recorded(
        parameters: list[int], drawn: list[tasks.CentredLabels], residual: np.ndarray, outputs: np.ndarray
    ) -> dict[str, ArrayLike]:
        errors = [sample.error(each) for sample, each in zip(drawn, outputs, strict=True)]
        arrays, padding = (np.tile(parameters, (len(drawn), 1)), residual, errors), longest - len(parameters)
        padded = (np.pad(np.asarray(a, float), ((0, 0), (0, padding)), constant_values=np.nan) for a in arrays)
        return dict(zip(measured, padded, strict=True))

    def features(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        n, k = points[0]["num_train"], points[0]["num_classes"]
        drawn = [sample_of(point) for point in points]
        fits = [fit_features(point, sample) for point, sample in zip(points, drawn, strict=True)]
        return recorded([size * k for size in _sizes(n)], drawn, *map(np.stack, zip(*fits, strict=True)))

    def networks(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        n, k, steps = (points[0][axis] for axis in ("num_train", "num_classes", "num_steps"))
        counts, drawn = _widths(config, n, k), [sample_of(point) for point in points]
        widths, parameters = list(counts), list(counts.values())
        x, y = np.stack([sample.x for sample in drawn]), np.stack([sample.targets for sample in drawn])
        units = seeded_normals([point["seed"] for point in points], "units", (max(widths), NUM_PIXELS + k))
        rate = config.learning_rate
        fits = regression.fit_relu_networks(units, x, y, widths, num_steps=steps, learning_rate=rate)
        return recorded(parameters, drawn, *fits)

    def group(compute: Callable[..., Any], model: str, problem: tuple[int, int], steps: int, redraws: int) -> Group:
        places = [(model, labels, *problem, steps, seed) for labels in LABELS for seed in range(redraws)]
        return Group(points=tuple(dict(zip(AXES, place, strict=True)) for place in places), compute=compute)

    trained = [(pair, steps) for pair in config.problems for steps in config.steps]
    groups = [group(features, model, pair, 0, config.num_redraws) for model in FEATURES for pair in config.problems]
    groups += [group(networks, NETWORK, pair, steps, config.num_networks) for pair, steps in trained]
    return Simulation(tuple(groups), measured, runs_at_once=config.runs_at_once)


@functools.cache
def pooled_digits() -> tuple[np.ndarray, np.ndarray]:
    """1,500 digits averaged to 4 x 4 pixels ``[1500, 16]``, and their classes."""
    task = tasks.digits(num_test=297)
    return tasks.coarse_pixels(task.x_train, 2), task.y_train


def sample_of(point: Mapping[str, Any]) -> tasks.CentredLabels:
    """The examples of one redraw, which its seed alone decides."""
    key, n, k = jax.random.key(point["seed"]), point["num_train"], point["num_classes"]
    uniform = point["labels"] == RANDOM
    if point["model"] == LINEAR:
        return tasks.labelled_gaussians(key, n, max(_sizes(n)), k, uniform=uniform)
    return tasks.labelled_images(key, *pooled_digits(), n, k, uniform=uniform)


def fit_features(point: Mapping[str, Any], sample: tasks.CentredLabels) -> regression.PrefixFits:
    """Minimum-norm least squares on the first features, for every number of them, in float64."""
    key, sizes = stream(jax.random.key(point["seed"]), "features"), _sizes(len(sample.x))
    with jax.enable_x64(True):
        x = jnp.asarray(sample.x)
        if point["model"] == FOURIER:
            x = regression.random_fourier_features(key, x, max(sizes), lengthscale=LENGTHSCALE)
        elif point["model"] == RELU:
            x = regression.random_relu_features(key, x, max(sizes))
        return regression.prefix_fits(x, jnp.asarray(sample.targets), sizes)
