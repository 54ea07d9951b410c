"""Laws of risk and norm, places of the peaks, the optimal ridge over features and over examples, more data hurt."""

import numpy as np

from gendyn import analysis, theory
from gendyn.analysis import agreement, bootstrap, config_of, finding, largest_error, largest_rise, mean, peak_places
from gendyn.experiments.linear_models.linear_double_descent.tables import laws, redraws, ridge_law
from gendyn.types import Dataset, Finding

LAW_TOLERANCE = 0.05
"""Relative error of a mean that still counts as the law; set before the first run."""
NUM_ERRORS, CLOSE = 3.0, 0.02
"""A mean is consistent with the law if it is no farther than so many standard errors, or than this share of it."""
RIDGE_TOLERANCE = 0.02
"""The closed form with ridge is a limit; with the optimal penalty it leaves out up to 1 % at ``n = 40``."""
PLACE_TOLERANCE = 0.05
OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle within a few thousand redraws."""


def verdict(ds: Dataset) -> list[Finding]:
    """Over features: laws, peaks and the optimal ridge; then over examples."""
    return [*_laws(ds), *_places(ds), *_optimal_ridge(ds), *_over_examples(ds)]


def _laws(ds: Dataset) -> list[Finding]:
    config, found = config_of(ds), []
    n, sizes = config["num_examples"], np.array(config["num_features"])
    off = np.abs(sizes - n) >= OFF_PEAK * n
    allowed = f"{NUM_ERRORS:g} standard errors"
    for what, law in zip(("risk", "squared norm"), laws(ds), strict=True):
        rows = redraws(ds, what.replace(" ", "_"))
        table, truth = rows[:, :, off].reshape(len(rows), -1), law[:, off].ravel()
        where = f"Wherever |p - n| >= {OFF_PEAK:g} n the mean {what}"
        claim = f"{where} of the minimum-norm fit is the finite-sample law within {LAW_TOLERANCE:.0%}."
        close = finding(
            f"{where} is within {allowed} or {CLOSE:.0%} of the law.",
            analysis.consistency(table, truth, num_errors=NUM_ERRORS, close=CLOSE),
            high=1.0,
            unit=f"largest |mean - law| / max({allowed}, {CLOSE:.0%})",
            detail=f"{len(table):,} redraws at {len(truth)} places. The limit allows for sampling, so that the "
            "effect is a point: an interval by resampling would count sampling twice.",
        )
        found += [agreement(claim, table, truth, tolerance=LAW_TOLERANCE), close]
    return found


def _places(ds: Dataset) -> list[Finding]:
    config, tolerance = config_of(ds), PLACE_TOLERANCE
    n, sizes, some = (np.array(config[name]) for name in ("num_examples", "num_features", "ridge_features"))
    risk, norm, smallest = (np.log(redraws(ds, name)) for name in ("risk", "squared_norm", "smallest_singular_value"))
    peak = bootstrap(lambda logs: largest_error(peak_places(sizes, logs), n), risk)
    gap = bootstrap(lambda a, b: largest_error(peak_places(sizes, b), peak_places(sizes, a)), risk, norm)
    dip = bootstrap(lambda logs: largest_error(peak_places(some, logs), n), -smallest[:, 0])
    at_n, together, at_dip = (
        "The risk peaks where features and examples are equal.",
        "Risk and norm peak at the same number of features.",
        "The smallest singular value is smallest where features and examples are equal.",
    )
    unit = "largest |p at the peak / n - 1| over noise levels"
    peaks = finding(at_n, peak, high=tolerance, unit=unit, detail="Peaks of geometric means over redraws.")
    unit = "largest |p at the peak of the norm / p at the peak of the risk - 1|"
    same = finding(together, gap, high=tolerance, unit=unit, given=(peaks,))
    detail = "Dip of the geometric mean over redraws."
    return [peaks, same, finding(at_dip, dip, high=tolerance, unit="|p at the dip / n - 1|", detail=detail)]


def _never_hurts(claim: str, rows: np.ndarray, axis: str, detail: str) -> Finding:
    """That the mean risk, ``rows [S, V, P]``, falls from each place to the next at every noise level."""
    unit = f"largest relative rise of the mean risk between neighbouring {axis}"
    return finding(claim, bootstrap(lambda rows: largest_rise(mean(rows)), rows), high=0.0, unit=unit, detail=detail)


def _optimal_ridge(ds: Dataset) -> list[Finding]:
    config, noise = config_of(ds), analysis.outer_values(ds, "noise_variance")
    optimal, fixed = redraws(ds, "optimal_ridge_risk"), redraws(ds, "ridge_risk").mean(axis=0)
    some, errors = np.array(config["ridge_features"]), []
    for j, penalty in enumerate(config["penalties"]):
        law = np.array([ridge_law(ds, some, v, penalty) for v in noise])
        errors.append(f"{np.max(np.abs(fixed[:, j] / law - 1.0)):.1%} at {penalty:g}")
    near = agreement(
        "The mean risk with the optimal ridge is its closed form at every p, the peak included.",
        optimal.reshape(len(optimal), -1),
        np.concatenate([ridge_law(ds, some, v) for v in noise]),
        tolerance=RIDGE_TOLERANCE,
        detail=f"Of fixed penalties the largest error is {', '.join(errors)}.",
    )
    claim = "The optimal ridge removes the peak: more features never hurt."
    detail = f"At {', '.join(map(str, some))} features, over noise levels."
    return [near, _never_hurts(claim, optimal, "p", detail)]


def _over_examples(ds: Dataset) -> list[Finding]:
    config, noise = config_of(ds), analysis.outer_values(ds, "noise_variance")
    d, counts, noisy = config["fixed_dimension"], np.array(config["examples"]), noise > 0
    shortest, best = (redraws(ds, name)[:, noisy] for name in ("examples_risk", "examples_optimal_risk"))
    # Places are taken from the closed form and not from the data: nothing is selected.
    last = int(np.flatnonzero(counts <= d - 4)[-1])
    law = theory.min_norm_risk(counts[:last], d, dimension=d, noise_variance=noise[noisy][:, None])
    first = np.argmin(law, axis=1)
    pair = np.stack([shortest[:, np.arange(len(first)), first], shortest[:, :, last]])
    hurts = finding(
        f"More data hurt: the mean minimum-norm risk at n = {counts[last]} is above that at fewer examples, d = {d}.",
        bootstrap(lambda few, many: analysis.smallest(mean(many) / mean(few)), *pair),
        low=1.0,
        unit="smallest ratio of mean risks over noise levels",
        detail=f"Against n = {', '.join(map(str, counts[first]))} for noise "
        f"{', '.join(f'{v:g}' for v in noise[noisy])}, where the closed form is least.",
    )
    detail = f"At {', '.join(map(str, counts))} examples, over noise levels above 0."
    return [hurts, _never_hurts("With the optimal ridge more examples never hurt.", best, "n", detail)]
