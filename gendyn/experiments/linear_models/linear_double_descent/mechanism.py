"""What makes the peak: the smallest singular value, and where it is; and minimum norms that descend once."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.analysis import Hypothesis, agreement, finding, of_means, peak_places, worst_place

INVERSE = (-1.2, -0.8)
"""Power of the norm in the smallest singular value that counts as one over it."""
WORST_SHARE = 0.25
"""Of the designs at ``p = n``, by their smallest singular value: in them it dominates the others."""
ORTHOGONAL_TOLERANCE = 0.02
PLACE_TOLERANCE = 0.05


def findings(
    config: Mapping[str, Any], noise: np.ndarray, found: Mapping[str, np.ndarray], peak: Hypothesis
) -> list[Hypothesis]:
    """Norm and singular value, more data, and two minimum norms without a second descent. All are exploratory."""
    return [*_norm(config, found, peak), *_more_data(config, found, peak), *_no_descent(config, noise, found)]


def _norm(config: Mapping[str, Any], found: Mapping[str, np.ndarray], peak: Hypothesis) -> list[Hypothesis]:
    n, some, sizes = config["num_examples"], np.array(config["ridge_features"]), np.array(config["num_features"])
    smallest = np.log(found["smallest_singular_value"][:, 0])
    norms = np.log(found["squared_norm"][:, :, np.isin(sizes, some)]) / 2
    towards, at = (some >= n / 2) & (some <= n), int(np.flatnonzero(some == n)[0])
    worst: Any = {"which": "furthest", "centre": -1.0}

    def over_sizes(of_norm: np.ndarray, of_smallest: np.ndarray) -> np.ndarray:
        x = of_smallest - of_smallest.mean(axis=-1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sum(of_norm * x[:, None], axis=-1) / np.sum(x**2, axis=-1)[:, None])

    claim = f"From p = {some[towards][0]} to p = n the norm grows as one over the smallest singular value."
    unit = "power of the norm in the smallest singular value, the furthest from -1 over noise levels"
    law = worst_place(over_sizes, norms[:, :, towards], smallest[:, towards], **worst)
    detail = f"Least squares on geometric means at p = {', '.join(map(str, some[towards]))}."
    region: Any = {"low": INVERSE[0], "high": INVERSE[1], "unit": unit, "given": (peak,), "role": "exploratory"}
    bad = smallest[:, at] <= np.quantile(smallest[:, at], WORST_SHARE)
    x, y = smallest[bad, at, None], norms[bad, :, at]

    def over_designs(xy: np.ndarray, xx: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((xy - x * y) / (xx - x**2))

    steep = worst_place(over_designs, x * y, x * x, x, y, **worst)
    single = f"At p = n, in the {WORST_SHARE:.0%} of designs with the smallest one, the norm is one over it."
    chosen = f"Least squares over {bad.sum():,} redraws."
    return [finding(claim, law, detail=detail, **region), finding(single, steep, detail=chosen, **region)]


def _more_data(config: Mapping[str, Any], found: Mapping[str, np.ndarray], peak: Hypothesis) -> list[Hypothesis]:
    n, more, sizes = config["num_examples"], config["more_examples"], np.array(config["more_features"])
    counts, d = np.array(config["examples"]), config["fixed_dimension"]
    place = worst_place(
        lambda logs: peak_places(sizes, logs) / more,
        np.log(found["more_risk"]),
        of="rows",
        which="distance",
        centre=1.0,
    )
    moved = f"With {more} examples in place of {n} the risk peaks at p = {more}: the threshold moves with the data."
    unit = f"largest |p at the peak / {more} - 1| over noise levels"
    about: Any = {"role": "exploratory", "unit": "{} change of its mean logarithm between neighbouring n"}
    smallest, changes = np.log(found["examples_smallest_singular_value"][:, 0]), list[Hypothesis]()
    sides: tuple[tuple[str, np.ndarray, str, dict[str, Any]], ...] = (
        (f"Beyond n = d = {d} more data raise the smallest singular value.", counts >= d, "smallest", {"low": 0.0}),
        (
            f"Up to n = d = {d} more data lower it: a fixed model comes to its threshold.",
            counts <= d,
            "largest",
            {"high": 0.0},
        ),
    )
    for claim, part, which, region in sides:
        if part.sum() > 1:
            change = worst_place(None, np.diff(smallest[:, part], axis=1), which=which)
            about["unit"] = f"{which} change of its mean logarithm between neighbouring n"
            detail = f"Of X / sqrt(n), at n = {', '.join(map(str, counts[part]))}."
            changes.append(finding(claim, change, detail=detail, **about, **region))
    return [
        finding(moved, place, high=PLACE_TOLERANCE, unit=unit, given=(peak,), role="exploratory"),
        *changes,
    ]


def _no_descent(config: Mapping[str, Any], noise: np.ndarray, found: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    n, sizes, k = config["num_examples"], np.array(config["ridge_features"]), config["num_aligned"]
    at, some = int(np.flatnonzero(sizes == n)[0]), noise > 0
    gaussian, orthogonal = found["aligned_gaussian_risk"], found["aligned_orthogonal_risk"]
    unit, target = f"risk at p = n / at p = {sizes[-1]}", f"A target in the first {k} features"
    law = np.where(sizes <= n, noise[:, None] * sizes / n, 1.0 - n / sizes + noise[:, None] * n / sizes)
    exact = f"{target}: with equal singular values the mean risk is its closed form, at every p."
    known = agreement(exact, orthogonal[:, some], law[some], tolerance=ORTHOGONAL_TOLERANCE)
    noisy = finding(
        f"{target}, noisy labels: the risk falls again beyond p = n (the contrast of the two below).",
        worst_place(
            lambda a, b: analysis.median(a) / analysis.median(b),
            gaussian[:, some, at],
            gaussian[:, some, -1],
            of="rows",
            which="smallest",
        ),
        low=1.0,
        unit=f"{unit}, medians, the smallest over noise levels above 0",
        role="exploratory",
    )
    # With as much noise as signal the risk is level beyond p = n by the law: less is asked about.
    quiet = (noise > 0) & (noise < 1.0)
    made = [known, noisy]
    if (~some).any():
        claim = f"{target}, exact labels: the minimum norm interpolates, and its risk does not fall beyond p = n."
        ratio = of_means(lambda a, b: a / b, gaussian[:, ~some, at][:, 0], gaussian[:, ~some, -1][:, 0])
        made.append(finding(claim, ratio, high=1.0, unit=unit, given=(noisy,), role="exploratory"))
    if quiet.any():
        claim = f"{target}, noisy labels, equal singular values: the minimum norm's risk does not fall beyond p = n."
        worst = worst_place(lambda a, b: a / b, orthogonal[:, quiet, at], orthogonal[:, quiet, -1])
        levels = f"At noise {', '.join(f'{v:g}' for v in noise[quiet])}, below the signal."
        most = f"{unit}, of means, the largest over noise levels"
        made.append(finding(claim, worst, high=1.0, unit=most, detail=levels, given=(noisy,), role="exploratory"))
    return made
