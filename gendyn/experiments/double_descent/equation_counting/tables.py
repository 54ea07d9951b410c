"""Curves against size, the fewest parameters that fit or classify, and the most examples that a size fits."""

import itertools
from typing import NamedTuple

import numpy as np

from gendyn.analysis import (
    censored_threshold,
    common_seeds,
    config_of,
    decades,
    interpolation_threshold,
    model_complexity,
    redraws_at,
)
from gendyn.core import ConfigError
from gendyn.experiments.double_descent.equation_counting.problems import FEATURES, NETWORK, NUM_PIXELS, RANDOM, TRUE
from gendyn.regression import relu_network_parameters
from gendyn.types import Dataset

ROUNDING = 1e-9
"""Share of the variance that least squares in float64 may leave and still solve its equations: with one feature too few
about ``1 / n`` is left, with enough 1e-28."""


class Curves(NamedTuple):
    """Fits of one model on one kind of problem, over redraws."""

    parameters: np.ndarray
    """``[W]``, ascending: trained parameters of each size."""
    residual: np.ndarray
    """``[S, W]``: share of the targets' variance left."""
    error: np.ndarray
    """``[S, W]``: share of training examples misclassified."""
    equations: int
    """``n K``."""


def problems_of(ds: Dataset) -> list[tuple[int, int]]:
    """``(n, K)``, by the number of equations ``n K``."""
    return sorted(((int(n), int(k)) for n, k in config_of(ds)["problems"]), key=lambda problem: problem[0] * problem[1])


def _paired_seeds(ds: Dataset, model: str) -> np.ndarray:
    """The redraws that are finished at every place of all features, or of all networks."""
    models, steps = ((NETWORK,), config_of(ds)["steps"]) if model == NETWORK else (FEATURES, (0,))
    kinds = itertools.product(models, (TRUE, RANDOM), problems_of(ds), steps)
    return common_seeds(ds, [_place(each, labels, problem, count) for each, labels, problem, count in kinds])


def _place(model: str, labels: str, problem: tuple[int, int], steps: int) -> dict[str, str | int]:
    return {"model": model, "labels": labels, "num_train": problem[0], "num_classes": problem[1], "num_steps": steps}


def curves(
    ds: Dataset,
    model: str,
    labels: str,
    problem: tuple[int, int],
    num_steps: int = 0,
    *,
    seeds: np.ndarray | None = None,
) -> Curves:
    """Of the runs that are finished; ``num_steps`` 0: the longest training, which for features is none.

    Raises:
        ConfigError: no such run is finished, or a network diverged.
    """
    place = _place(model, labels, problem, (num_steps or max(config_of(ds)["steps"])) if model == NETWORK else 0)
    parameters, residual, error = redraws_at(ds, place, ("parameters", "residual", "error"), seeds=seeds).values()
    real = np.isfinite(parameters[0])
    if not np.isfinite(residual[:, real]).all():
        raise ConfigError(f"residual is not finite at {place}; lower config.learning_rate.")
    return Curves(parameters[0, real], residual[:, real], error[:, real], problem[0] * problem[1])


def thresholds(found: Curves, tolerance: float, *, interpolate: bool) -> np.ndarray:
    """``[S]``: the fewest parameters that leave at most ``tolerance``, over the number of equations.

    ``inf``: none of the sizes does (right-censored). 0: the smallest already does (left-censored).
    """
    scale, level = decades(found.residual, tolerance)
    place = interpolation_threshold(found.parameters, scale, tolerance=level, interpolate=interpolate)
    return censored_threshold(place) / found.equations


def needed(ds: Dataset, model: str, labels: str, num_steps: int = 0, *, to_classify: bool = False) -> np.ndarray:
    """``[S, problems]``: :func:`thresholds` of paired redraws; of networks between the widths tried.

    ``to_classify``: the fewest parameters that classify every training example correctly; no interpolation.
    """
    network, seeds = model == NETWORK, _paired_seeds(ds, model)
    tolerance = config_of(ds)["tolerance"] if network else ROUNDING
    found = [curves(ds, model, labels, problem, num_steps, seeds=seeds) for problem in problems_of(ds)]
    if to_classify:
        places = [censored_threshold(interpolation_threshold(each.parameters, each.error)) for each in found]
        return np.stack([place / each.equations for place, each in zip(places, found, strict=True)], axis=1)
    return np.stack([thresholds(each, tolerance, interpolate=network) for each in found], axis=1)


def largest_fitted(ds: Dataset, labels: str, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters ``[W]`` of networks and the largest ``n`` that each fits, ``[S, W]``: the effective model complexity.

    A width that was not tried on a problem is far from its threshold: it is taken to fit where it has more parameters
    than those tried, and not to where it has fewer.
    """
    config, seeds = config_of(ds), _paired_seeds(ds, NETWORK)
    problems = [problem for problem in problems_of(ds) if problem[1] == num_classes]
    sizes = np.array([relu_network_parameters(width, NUM_PIXELS, num_classes) for width in config["widths"]], float)
    residual = np.empty((len(seeds), len(sizes), len(problems)))
    for i, problem in enumerate(problems):
        found = curves(ds, NETWORK, labels, problem, seeds=seeds)
        residual[..., i] = np.where(sizes > found.parameters[-1], 0.0, 1.0)
        residual[:, np.isin(sizes, found.parameters), i] = found.residual
    return sizes, model_complexity(np.array([n for n, _ in problems]), residual, config["tolerance"])
