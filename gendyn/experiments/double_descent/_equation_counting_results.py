"""Tables of the equation-counting experiment's results: curves against size, thresholds, what a size can fit."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import config_of, interpolation_threshold
from gendyn.core import ConfigError
from gendyn.experiments._redraws import finished_runs
from gendyn.experiments.double_descent._equation_counting_programs import NETWORK, num_parameters

if TYPE_CHECKING:
    import xarray

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


def problems_of(ds: "xarray.Dataset") -> list[tuple[int, int]]:
    """``(n, K)``, by the number of equations ``n K``."""
    return sorted(((int(n), int(k)) for n, k in config_of(ds)["problems"]), key=lambda problem: problem[0] * problem[1])


def curves(ds: "xarray.Dataset", model: str, labels: str, problem: tuple[int, int], num_steps: int = 0) -> Curves:
    """Of the runs that are finished; ``num_steps`` 0: the longest training, which for features is none.

    Raises:
        ConfigError: no such run is finished, or a network diverged.
    """
    steps = (num_steps or max(config_of(ds)["steps"])) if model == NETWORK else 0
    wanted = {"model": model, "labels": labels, "num_train": problem[0], "num_classes": problem[1], "num_steps": steps}
    rows = finished_runs(ds, wanted)
    parameters, residual, error = (
        np.asarray(ds[name].isel(run=rows, record=0).values, float) for name in ("parameters", "residual", "error")
    )
    real = np.isfinite(parameters[0])
    if not np.isfinite(residual[:, real]).all():
        raise ConfigError(f"residual is not finite at {wanted}; lower config.learning_rate.")
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
    return _over_equations(found, scale, level, interpolate=interpolate)


def error_thresholds(found: Curves) -> np.ndarray:
    """The same for the fewest parameters that classify every training example correctly; no interpolation."""
    return _over_equations(found, found.error, 0.0, interpolate=False)


def _over_equations(found: Curves, errors: np.ndarray, level: float, *, interpolate: bool) -> np.ndarray:
    place = interpolation_threshold(found.parameters, errors, tolerance=level, interpolate=interpolate)
    value = np.where(np.isnan(place.previous), 0.0, place.value)
    return np.where(place.reached, value, np.inf) / found.equations


def model_complexity(ds: "xarray.Dataset", labels: str, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Effective model complexity of networks: parameters ``[W]`` and the largest ``n`` that each fits ``[S, W]``.

    Between the numbers of examples that were tried, ``n`` is interpolated in its logarithm and that of the residual.
    ``inf``: the largest is still fitted. 0: the smallest is not. A width that was not tried on a problem is far from
    its threshold: it is taken to fit where it has more parameters than those tried, and not to where it has fewer.

    Reference: Nakkiran et al. (2020), Deep Double Descent, definition 1, with a residual in place of the error.
    """
    config = config_of(ds)
    problems = [problem for problem in problems_of(ds) if problem[1] == num_classes]
    tables = [curves(ds, NETWORK, labels, problem) for problem in problems]
    redraws = min(len(table.residual) for table in tables)
    sizes = np.array([num_parameters(width, num_classes) for width in config["widths"]], float)
    scale = np.empty((len(tables), redraws, len(sizes)))
    for row, table in enumerate(tables):
        tried, level = decades(table.residual[:redraws], config["tolerance"])
        scale[row] = np.where(sizes > table.parameters[-1], 0.0, 1.0)
        scale[row][:, np.isin(sizes, table.parameters)] = tried
    # The largest n first: its reciprocal ascends, and the first that is fitted is the answer.
    reciprocals = 1.0 / np.array([n for n, _ in problems], float)[::-1]
    place = interpolation_threshold(
        reciprocals, np.moveaxis(scale, 0, -1)[..., ::-1], tolerance=level, interpolate=True
    )
    largest = np.where(np.isnan(place.previous), np.inf, 1.0 / place.value)
    return sizes, np.where(place.reached, largest, 0.0)
