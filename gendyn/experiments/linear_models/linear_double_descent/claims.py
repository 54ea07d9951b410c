"""Laws of risk and norm, places of the peaks, the optimal ridge over features and over examples, more data hurt."""

import numpy as np

from gendyn import analysis, theory
from gendyn.analysis import agreement, bootstrap, config_of, finding, largest_error, largest_rise, mean, peak_places
from gendyn.experiments.linear_models.linear_double_descent import tables
from gendyn.experiments.linear_models.linear_double_descent.tables import redraws
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
    n, (sizes, *exact) = config_of(ds)["num_examples"], tables.laws(ds)
    off = np.abs(sizes - n) >= OFF_PEAK * n
    found = []
    for what, law in zip(("risk", "squared norm"), exact, strict=True):
        rows = redraws(ds, what.replace(" ", "_"))
        table, truth = rows[:, :, off].reshape(len(rows), -1), law[:, off].ravel()
        where = f"Wherever |p - n| >= {OFF_PEAK:g} n the mean {what}"
        claim = f"{where} of the minimum-norm fit is the finite-sample law within {LAW_TOLERANCE:.0%}."
        found += [
            agreement(claim, table, truth, tolerance=LAW_TOLERANCE),
            finding(
                f"{where} is within {NUM_ERRORS:g} standard errors or {CLOSE:.0%} of the law.",
                analysis.consistency(table, truth, num_errors=NUM_ERRORS, close=CLOSE),
                high=1.0,
                unit=f"largest |mean - law| / max({NUM_ERRORS:g} standard errors, {CLOSE:.0%})",
                detail=f"{len(table):,} redraws at {len(truth)} places. The limit allows for sampling, so that the "
                "effect is a point: an interval by resampling would count sampling twice.",
            ),
        ]
    return found


def _places(ds: Dataset) -> list[Finding]:
    config = config_of(ds)
    n, sizes, some = (np.array(config[name]) for name in ("num_examples", "num_features", "ridge_features"))
    risk, norm, smallest = (np.log(redraws(ds, name)) for name in ("risk", "squared_norm", "smallest_singular_value"))
    at_n = finding(
        "The risk peaks where features and examples are equal.",
        bootstrap(lambda logs: largest_error(peak_places(sizes, logs), n), risk),
        high=PLACE_TOLERANCE,
        unit="largest |p at the peak / n - 1| over noise levels",
        detail="Peaks of geometric means over redraws.",
    )
    together = finding(
        "Risk and norm peak at the same number of features.",
        bootstrap(lambda a, b: largest_error(peak_places(sizes, b), peak_places(sizes, a)), risk, norm),
        high=PLACE_TOLERANCE,
        unit="largest |p at the peak of the norm / p at the peak of the risk - 1|",
        given=(at_n,),
    )
    dip = finding(
        "The smallest singular value is smallest where features and examples are equal.",
        bootstrap(lambda logs: largest_error(peak_places(some, logs), n), -smallest[:, 0]),
        high=PLACE_TOLERANCE,
        unit="|p at the dip / n - 1|",
        detail="Dip of the geometric mean over redraws.",
    )
    return [at_n, together, dip]


def _optimal_ridge(ds: Dataset) -> list[Finding]:
    config, noise, optimal = config_of(ds), tables.noise_variances(ds), redraws(ds, "optimal_ridge_risk")
    some, fixed = np.array(config["ridge_features"]), redraws(ds, "ridge_risk").mean(axis=0)
    parts = []
    for j, penalty in enumerate(config["penalties"]):
        law = np.array([tables.ridge_law(config, some, penalty, v) for v in noise])
        parts.append(f"{np.max(np.abs(fixed[:, j] / law - 1.0)):.1%} at {penalty:g}")
    near = agreement(
        "The mean risk with the optimal ridge is its closed form at every p, the peak included.",
        optimal.reshape(len(optimal), -1),
        np.concatenate([tables.optimal_ridge_law(config, some, v) for v in noise]),
        tolerance=RIDGE_TOLERANCE,
        detail=f"Of fixed penalties the largest error is {', '.join(parts)}.",
    )
    removed = finding(
        "The optimal ridge removes the peak: more features never hurt.",
        bootstrap(lambda rows: largest_rise(mean(rows)), optimal),
        high=0.0,
        unit="largest relative rise of the mean risk between neighbouring p",
        detail=f"At {', '.join(map(str, some))} features, over noise levels.",
    )
    return [near, removed]


def _over_examples(ds: Dataset) -> list[Finding]:
    config, noise = config_of(ds), tables.noise_variances(ds)
    d, counts, noisy = config["fixed_dimension"], np.array(config["examples"]), noise > 0
    shortest, best = (redraws(ds, name)[:, noisy] for name in ("examples_risk", "examples_optimal_risk"))
    # Places are taken from the closed form and not from the data: nothing is selected.
    last = int(np.flatnonzero(counts <= d - 4)[-1])
    law = theory.min_norm_risk(counts[:last], d, dimension=d, noise_variance=noise[noisy][:, None])
    first = np.argmin(law, axis=1)
    pair = np.stack([shortest[:, np.arange(len(first)), first], shortest[:, :, last]], axis=-1)

    def growth(rows: np.ndarray) -> np.ndarray:
        means = mean(rows)
        return analysis.smallest(means[..., 1] / means[..., 0])

    hurts = finding(
        f"More data hurt: the mean minimum-norm risk at n = {counts[last]} is above that at fewer examples, d = {d}.",
        bootstrap(growth, pair),
        low=1.0,
        unit="smallest ratio of mean risks over noise levels",
        detail=f"Against n = {', '.join(map(str, counts[first]))} for noise "
        f"{', '.join(f'{v:g}' for v in noise[noisy])}, where the closed form is least.",
    )
    never = finding(
        "With the optimal ridge more examples never hurt.",
        bootstrap(lambda rows: largest_rise(mean(rows)), best),
        high=0.0,
        unit="largest relative rise of the mean risk between neighbouring n",
        detail=f"At {', '.join(map(str, counts))} examples, over noise levels above 0.",
    )
    return [hurts, never]
