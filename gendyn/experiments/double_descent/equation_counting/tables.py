"""Curves against size, the fewest parameters that fit or classify, and the most examples that a size fits."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis import censored_threshold, common_seeds, config_of, interpolation_threshold, redraws_at
from gendyn.core import ConfigError
from gendyn.experiments.double_descent.equation_counting.fits import FEATURES, NETWORK, RANDOM, TRUE, num_parameters
from gendyn.types import Dataset

ROUNDING = 1e-9
"""Share of the variance that least squares in float64 may leave and still solve its equations: with one feature too few
about ``1 / n`` is left, with enough 1e-28."""
_DECADES = 16.0
"""Residuals are compared on a scale of decades, from 1 to rounding, so that crossings are interpolated on it."""


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


def _place(model: str, labels: str, problem: tuple[int, int], steps: int) -> dict[str, str | int]:
    n, k = problem
    return {"model": model, "labels": labels, "num_train": n, "num_classes": k, "num_steps": steps}


def _paired_seeds(ds: Dataset, model: str) -> np.ndarray:
    """The redraws that are finished at every place of all features, or of all networks."""
    models, steps = ((NETWORK,), config_of(ds)["steps"]) if model == NETWORK else (FEATURES, (0,))
    kinds = [(each, labels, count) for each in models for labels in (TRUE, RANDOM) for count in steps]
    return common_seeds(
        ds, [_place(each, labels, problem, count) for each, labels, count in kinds for problem in problems_of(ds)]
    )


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
    steps = (num_steps or max(config_of(ds)["steps"])) if model == NETWORK else 0
    place = _place(model, labels, problem, steps)
    names = ("parameters", "residual", "error")
    parameters, residual, error = redraws_at(ds, place, names, seeds=seeds).values()
    real = np.isfinite(parameters[0])
    if not np.isfinite(residual[:, real]).all():
        raise ConfigError(f"residual is not finite at {place}; lower config.learning_rate.")
    return Curves(parameters[0, real], residual[:, real], error[:, real], problem[0] * problem[1])


def decades(residual: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """A residual and its tolerance on a scale from 0 (rounding) to 1, linear in the logarithm."""
    with np.errstate(divide="ignore"):
        scale = np.clip(1.0 + np.log10(residual) / _DECADES, 0.0, 1.0)
    return scale, 1.0 + float(np.log10(tolerance)) / _DECADES


def thresholds(found: Curves, tolerance: float, *, interpolate: bool) -> np.ndarray:
    """``[S]``: the fewest parameters that leave at most ``tolerance``, over the number of equations.

    ``inf``: none of the sizes does (right-censored). 0: the smallest already does (left-censored).
    """
    scale, level = decades(found.residual, tolerance)
    place = interpolation_threshold(found.parameters, scale, tolerance=level, interpolate=interpolate)
    return censored_threshold(place) / found.equations


def needed(ds: Dataset, model: str, labels: str, num_steps: int = 0) -> np.ndarray:
    """``[S, problems]``: :func:`thresholds` of paired redraws; of networks between the widths tried."""
    network = model == NETWORK
    tolerance, seeds = config_of(ds)["tolerance"] if network else ROUNDING, _paired_seeds(ds, model)
    found = [curves(ds, model, labels, problem, num_steps, seeds=seeds) for problem in problems_of(ds)]
    return np.stack([thresholds(each, tolerance, interpolate=network) for each in found], axis=1)


def needed_to_classify(ds: Dataset, model: str, labels: str) -> np.ndarray:
    """The same for the fewest parameters that classify every training example correctly; no interpolation."""
    seeds = _paired_seeds(ds, model)
    found = [curves(ds, model, labels, problem, seeds=seeds) for problem in problems_of(ds)]
    rows = [censored_threshold(interpolation_threshold(each.parameters, each.error)) / each.equations for each in found]
    return np.stack(rows, axis=1)


def model_complexity(ds: Dataset, labels: str, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Effective model complexity of networks: parameters ``[W]`` and the largest ``n`` that each fits ``[S, W]``.

    Between the numbers of examples that were tried, ``n`` is interpolated in its logarithm and that of the residual.
    ``inf``: the largest is still fitted. 0: the smallest is not. A width that was not tried on a problem is far from
    its threshold: it is taken to fit where it has more parameters than those tried, and not to where it has fewer.

    Reference: Nakkiran et al. (2020), Deep Double Descent, definition 1, with a residual in place of the error.
    """
    config, seeds = config_of(ds), _paired_seeds(ds, NETWORK)
    # The largest n first: its reciprocal ascends, and the first that is fitted is the answer.
    problems = [problem for problem in problems_of(ds) if problem[1] == num_classes][::-1]
    sizes = np.array([num_parameters(width, num_classes) for width in config["widths"]], float)
    scale = np.empty((len(seeds), len(sizes), len(problems)))
    for i, problem in enumerate(problems):
        found = curves(ds, NETWORK, labels, problem, seeds=seeds)
        tried, level = decades(found.residual, config["tolerance"])
        scale[..., i] = np.where(sizes > found.parameters[-1], 0.0, 1.0)
        scale[:, np.isin(sizes, found.parameters), i] = tried
    reciprocals = 1.0 / np.array([n for n, _ in problems], float)
    place = interpolation_threshold(reciprocals, scale, tolerance=level, interpolate=True)
    with np.errstate(divide="ignore"):
        return sizes, 1.0 / censored_threshold(place)
