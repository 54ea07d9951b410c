"""Curves against size, the fewest parameters that fit or classify, and the most examples that a size fits."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.experiments.double_descent.equation_counting.program import AXES, FEATURES, LABELS, NETWORK, NUM_PIXELS
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


def problems_of(ds: Dataset) -> list[tuple[int, int]]:
    """``(n, K)``, by the number of equations ``n K``."""
    problems = ((int(n), int(k)) for n, k in analysis.config_of(ds)["problems"])
    return sorted(problems, key=lambda problem: problem[0] * problem[1])


def curves(ds: Dataset, model: str, labels: str, problem: tuple[int, int], num_steps: int = 0) -> Curves:
    """Of the redraws that are finished at every place of all features, or of all networks: rows are paired.

    ``num_steps`` 0: the longest training, which for features is none.

    Raises:
        ConfigError: no such redraw is finished, or a network diverged, at one size or at all.
    """
    lengths = analysis.config_of(ds)["steps"] if model == NETWORK else (0,)
    models, steps = (NETWORK,) if model == NETWORK else FEATURES, num_steps or max(lengths)
    places = itertools.product(models, LABELS, problems_of(ds), lengths)
    seeds = analysis.common_seeds(ds, itertools.starmap(_place, places))
    place = _place(model, labels, problem, steps)
    found = Curves(**analysis.redraws_at(ds, place, Curves._fields, seeds=seeds))
    real = np.isfinite(found.parameters[0])
    if not real.any():
        raise ConfigError(f"no size has finite results at {place}; lower config.learning_rate.")
    found = Curves(found.parameters[0, real], found.residual[:, real], found.error[:, real])
    if not np.isfinite(found.residual).all():
        raise ConfigError(f"residual is not finite at {place}; lower config.learning_rate.")
    return found


def _place(model: str, labels: str, problem: tuple[int, int], steps: int) -> dict[str, Any]:
    return dict(zip(AXES, (model, labels, *problem, steps), strict=False))


def needed(ds: Dataset, model: str, labels: str, num_steps: int = 0, *, to_classify: bool = False) -> np.ndarray:
    """``[S, problems]``: the fewest parameters that fit, over the number of equations, of paired redraws.

    Of networks between the widths tried. ``inf``: none of the sizes fits (right-censored). 0: the smallest already does
    (left-censored).

    Args:
        to_classify: the fewest that classify every training example correctly; no interpolation.
    """
    tolerance, ratios = analysis.config_of(ds)["tolerance"], []
    for n, k in problems_of(ds):
        parameters, residual, error = curves(ds, model, labels, (n, k), num_steps)
        if model == NETWORK and not to_classify:
            place = analysis.crossing_in_decades(parameters, residual, tolerance)
        else:
            left, most = (error, 0.0) if to_classify else (residual, ROUNDING)
            place = analysis.censored_threshold(analysis.interpolation_threshold(parameters, left, tolerance=most))
        ratios.append(place / (n * k))
    return np.stack(ratios, axis=1)


def largest_fitted(ds: Dataset, labels: str, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters ``[W]`` of networks and the largest ``n`` that each fits, ``[S, W]``: the effective model complexity.

    A width that was not tried on a problem is far from its threshold: it is taken to fit where it has more parameters
    than those tried, and not to where it has fewer.
    """
    config, residuals = analysis.config_of(ds), []
    sizes = np.array([relu_network_parameters(width, NUM_PIXELS, num_classes) for width in config["widths"]], float)
    numbers = [n for n, k in problems_of(ds) if k == num_classes]
    for n in numbers:
        parameters, residual, _ = curves(ds, NETWORK, labels, (n, num_classes))
        beyond = np.sum(sizes < parameters[0]), np.sum(sizes > parameters[-1])
        residuals.append(np.pad(residual, ((0, 0), beyond), constant_values=((0.0, 0.0), (1.0, 0.0))))
    return sizes, analysis.model_complexity(np.array(numbers), np.stack(residuals, axis=2), config["tolerance"])
