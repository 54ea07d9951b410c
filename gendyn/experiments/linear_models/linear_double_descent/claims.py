"""Laws of risk and norm, places of the peaks, the optimal ridge over features and over examples, more data hurt."""

import functools
from collections.abc import Mapping

import numpy as np

from gendyn import analysis, theory
from gendyn.analysis import (
    Hypothesis,
    agreement,
    config_of,
    family,
    finding,
    outer_values,
    peak_places,
    worst_place,
)
from gendyn.types import Dataset, Finding

Tables = Mapping[str, np.ndarray]
"""Name -> what was recorded of the seeds that are finished at every noise level, ``[S, V, ...]``."""
AXES = ("noise_variance", "seed")
LAW_TOLERANCE = 0.05
"""Relative error of a mean that still counts as the law; set before the first run."""
NUM_ERRORS, CLOSE = 3.0, 0.02
"""A mean is consistent with the law if it is no farther than so many standard errors, or than this share of it."""
RIDGE_TOLERANCE = 0.02
"""The closed form with ridge is a limit; with the optimal penalty it leaves out up to 1 % at ``n = 40``."""
PLACE_TOLERANCE = 0.05
OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle within a few thousand redraws."""


def laws(ds: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean risk and exact mean squared norm of the minimum norm, ``[V, P]`` each."""
    config, noise = config_of(ds), outer_values(ds, "noise_variance")[:, None]
    given = config["num_examples"], np.array(config["num_features"])
    shape = {"dimension": config["dimension"], "noise_variance": noise}
    return theory.min_norm_risk(*given, **shape), theory.min_norm_squared_norm(*given, **shape)


def ridge_law(ds: Dataset, sizes: np.ndarray, noise: float, penalty: float | None = None) -> np.ndarray:
    """Limit of the risk with a penalty, by default the optimal one, another at each size: ``[Q]``."""
    config = config_of(ds)
    dimension, optimal = config["dimension"], config["dimension"] * (noise + 1.0) - sizes
    strength = optimal if penalty is None else penalty
    shape = {"dimension": dimension, "noise_variance": noise}
    return theory.misspecified_ridge_risk(config["num_examples"], sizes, strength, **shape)


def verdict(ds: Dataset) -> list[Finding]:
    """Over features: laws, peaks and the optimal ridge; then over examples."""
    found = analysis.recorded_tables(ds, AXES)
    return family([part for claims in (_laws, _places, _optimal_ridge, _over_examples) for part in claims(ds, found)])


def _laws(ds: Dataset, found: Tables) -> list[Hypothesis]:
    config, made = config_of(ds), []
    n, sizes = config["num_examples"], np.array(config["num_features"])
    off = np.abs(sizes - n) >= OFF_PEAK * n
    allowed = f"{NUM_ERRORS:g} standard errors"
    for what, law in zip(("risk", "squared norm"), laws(ds), strict=True):
        rows, truth = found[what.replace(" ", "_")][..., off], law[:, off]
        where = f"Wherever |p - n| >= {OFF_PEAK:g} n the mean {what}"
        claim = f"{where} of the minimum-norm fit is the finite-sample law within {LAW_TOLERANCE:.0%}."
        close = finding(
            f"{where} is within {allowed} or {CLOSE:.0%} of the law.",
            analysis.consistency(rows, truth, num_errors=NUM_ERRORS, close=CLOSE),
            high=1.0,
            unit=f"largest |mean - law| / max({allowed}, {CLOSE:.0%})",
            detail=f"{len(rows):,} redraws at {truth.size} places. The limit allows for sampling, so that the "
            "effect is a point: an interval by resampling would count sampling twice.",
        )
        made += [agreement(claim, rows, truth, tolerance=LAW_TOLERANCE), close]
    return made


def _places(ds: Dataset, found: Tables) -> list[Hypothesis]:
    n, sizes, some = (np.array(config_of(ds)[name]) for name in ("num_examples", "num_features", "ridge_features"))
    risk, norm, smallest = (np.log(found[name]) for name in ("risk", "squared_norm", "smallest_singular_value"))
    off = functools.partial(worst_place, of="rows", which="distance", centre=1.0)
    peak = off(lambda logs: peak_places(sizes, logs) / n, risk)
    gap = off(lambda a, b: peak_places(sizes, b) / peak_places(sizes, a), risk, norm)
    dip = off(lambda logs: peak_places(some, logs) / n, -smallest[:, :1])
    claim, unit = "The risk peaks where features and examples are equal.", "largest |p at the peak / n - 1|"
    detail = "Peaks of geometric means over redraws."
    peaks = finding(claim, peak, high=PLACE_TOLERANCE, unit=f"{unit} over noise levels", detail=detail)
    claim = "Risk and norm peak at the same number of features."
    unit = "largest |p at the peak of the norm / p at the peak of the risk - 1|"
    same = finding(claim, gap, high=PLACE_TOLERANCE, unit=unit, given=(peaks,))
    claim = "The smallest singular value is smallest where features and examples are equal."
    unit, detail = "|p at the dip / n - 1|", "Dip of the geometric mean over redraws."
    return [peaks, same, finding(claim, dip, high=PLACE_TOLERANCE, unit=unit, detail=detail)]


def _never_hurts(claim: str, rows: np.ndarray, axis: str, detail: str) -> Hypothesis:
    """That the mean risk, ``rows [S, V, P]``, falls from each place to the next at every noise level."""
    unit = f"largest relative rise of the mean risk between neighbouring {axis}"
    rise = worst_place(lambda means: means[..., 1:] / means[..., :-1] - 1.0, rows)
    return finding(claim, rise, high=0.0, unit=unit, detail=detail)


def _optimal_ridge(ds: Dataset, found: Tables) -> list[Hypothesis]:
    config, noise = config_of(ds), outer_values(ds, "noise_variance")
    optimal, fixed = found["optimal_ridge_risk"], found["ridge_risk"].mean(axis=0)
    some, errors = np.array(config["ridge_features"]), []
    for j, penalty in enumerate(config["penalties"]):
        law = np.array([ridge_law(ds, some, v, penalty) for v in noise])
        errors.append(f"{np.max(np.abs(fixed[:, j] / law - 1.0)):.1%} at {penalty:g}")
    near = agreement(
        "The mean risk with the optimal ridge is its closed form at every p, the peak included.",
        optimal,
        np.array([ridge_law(ds, some, v) for v in noise]),
        tolerance=RIDGE_TOLERANCE,
        detail=f"Of fixed penalties the largest error is {', '.join(errors)}.",
    )
    claim = "The optimal ridge removes the peak: more features never hurt."
    detail = f"At {', '.join(map(str, some))} features, over noise levels."
    return [near, _never_hurts(claim, optimal, "p", detail)]


def _over_examples(ds: Dataset, found: Tables) -> list[Hypothesis]:
    config, noise = config_of(ds), outer_values(ds, "noise_variance")
    d, counts, noisy = config["fixed_dimension"], np.array(config["examples"]), noise > 0
    shortest, best = (found[name][:, noisy] for name in ("examples_risk", "examples_optimal_risk"))
    # Places are taken from the closed form and not from the data: nothing is selected.
    last = int(np.flatnonzero(counts <= d - 4)[-1])
    law = theory.min_norm_risk(counts[:last], d, dimension=d, noise_variance=noise[noisy][:, None])
    first = np.argmin(law, axis=1)
    pair = np.stack([shortest[:, np.arange(len(first)), first], shortest[:, :, last]])
    hurts = finding(
        f"More data hurt: the mean minimum-norm risk at n = {counts[last]} is above that at fewer examples, d = {d}.",
        worst_place(lambda few, many: many / few, *pair, which="smallest"),
        low=1.0,
        unit="smallest ratio of mean risks over noise levels",
        detail=f"Against n = {', '.join(map(str, counts[first]))} for noise "
        f"{', '.join(f'{v:g}' for v in noise[noisy])}, where the closed form is least.",
    )
    detail = f"At {', '.join(map(str, counts))} examples, over noise levels above 0."
    return [hurts, _never_hurts("With the optimal ridge more examples never hurt.", best, "n", detail)]
