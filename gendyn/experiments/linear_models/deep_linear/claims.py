"""Claims of ``deep_linear``: first order in the step, order and place of the modes, ranks, completion."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
    furthest,
    largest,
    largest_distance,
    mean,
    median,
    ratio_of_medians,
    smallest,
)
from gendyn.experiments.linear_models.deep_linear.program import GAUSSIAN, ORTHOGONAL
from gendyn.experiments.linear_models.deep_linear.tables import (
    completion_tables,
    exact_half_times,
    exact_ranks,
    half_times,
    rank_table,
    step_errors,
    untouched_error,
)
from gendyn.types import Dataset, Finding

DECADE = (9.5, 10.5)
"""Error ratio for ten times the learning rate that still counts as first order."""
ORDERED = 0.9
"""Share of redraws whose modes must be learned in the order of their strength: the closed form's order, with some room
for directions that happen to favour a weak mode."""
UNALIGNED_TOLERANCE = 0.25
"""Relative error of a half-time from random directions: in the closed form neighbouring modes, such as 4 and 3, are
about 27 % apart at depth 2, so a larger error would take one mode for the next."""
RANK_TOLERANCE = 0.02
START_TOLERANCE = 0.02
"""Depth 1 is exact; this is for the mean over redraws."""
BETTER, MUCH_BETTER = 0.8, 0.5
"""Ratio of unobserved errors that counts as an effect: of depth 3 to depth 2, and of the smallest to the largest
start."""
TRUTH_TOLERANCE = 0.25


def verdict(ds: Dataset) -> list[Finding]:
    """First order in the step, order and place of the modes, ranks of products, completion."""
    return [*_mode_findings(ds), *_rank_findings(ds), *_completion_findings(ds)]


def _mode_findings(ds: Dataset) -> list[Finding]:
    depths = config_of(ds)["depths"]
    errors = step_errors(ds, depths)
    ratios = np.stack([error[:, -2] / error[:, -1] for error in errors], axis=1)
    deep = [depth for depth in depths if depth > 1]
    halves = dict(zip(deep, half_times(ds, deep), strict=True))
    late = {depth: halves[depth] / exact_half_times(ds, depth) for depth in deep}
    # Two modes that are both beyond the horizon are not known to be in order, and count as out of it.
    ordered = np.stack([np.all(halves[d][:, 1:] > halves[d][:, :-1], axis=1) for d in deep], axis=1).astype(float)
    return [
        finding(
            "From an aligned start gradient descent differs from the closed form by first order in the learning rate.",
            bootstrap(lambda rows: furthest(mean(rows), 10.0), ratios),
            low=DECADE[0],
            high=DECADE[1],
            unit="error ratio of the last decade, at the depth furthest from 10",
            detail=f"Depths {_listed(depths)}; ratios {_listed(ratios.mean(axis=0).round(3))}, errors at the smallest "
            f"rate {_listed(f'{error[:, -1].mean():.1e}' for error in errors)}.",
        ),
        finding(
            "From random directions stronger modes are learned first, at every depth from 2 on.",
            bootstrap(lambda rows: smallest(mean(rows)), ordered),
            low=ORDERED,
            unit="smallest share of redraws in order, over depths",
            detail=f"Depths {_listed(deep)}: {_listed(ordered.mean(axis=0).round(3))} of {len(ordered)} redraws.",
        ),
        *(
            finding(
                f"From random directions the half-times are those of the aligned closed form, at depth{name}.",
                bootstrap(_worst_median, np.concatenate([late[depth] for depth in chosen], axis=1)),
                high=UNALIGNED_TOLERANCE,
                unit="largest |median half-time / closed form - 1| over modes",
                detail="Medians, since some modes are not learned by the end: "
                + "; ".join(f"depth {d}: {_listed(np.median(late[d], axis=0).round(2))}" for d in chosen)
                + ".",
            )
            for name, chosen in ((" 2", [2]), (f"s {_listed(deep)}", deep))
        ),
    ]


def _rank_findings(ds: Dataset) -> list[Finding]:
    exact, size = exact_ranks(ds), config_of(ds)["product_size"]
    falls = "The effective rank of a product of Gaussian matrices falls with depth as in the closed form."
    keeps = "A product of orthogonal matrices keeps its rank (control)."
    return [
        agreement(claim, rank_table(ds, case), truth, tolerance=RANK_TOLERANCE, detail=f"{size} x {size}.")
        for claim, case, truth in ((falls, GAUSSIAN, exact), (keeps, ORTHOGONAL, np.full(len(exact), float(size))))
    ]


def _completion_findings(ds: Dataset) -> list[Finding]:
    scales = sorted(config_of(ds)["scales"])
    untouched, two, three = completion_tables(ds, "unobserved_error", (1, 2, 3))
    truth, rank = (completion_tables(ds, name, (3,))[0][:, 0] for name in ("truth_rank", "effective_rank"))
    small, large = (np.stack([two[:, end], three[:, end]], axis=1) for end in (0, -1))
    return [
        agreement(
            "At depth 1 nothing is completed: unobserved entries keep their start.",
            untouched**2,
            untouched_error(ds, np.array(scales)) ** 2,
            tolerance=START_TOLERANCE,
            detail="Squared errors.",
        ),
        finding(
            "From the smallest start depth 3 completes better than depth 2.",
            bootstrap(ratio_of_medians, three[:, 0], two[:, 0]),
            high=BETTER,
            unit="median error of depth 3 / of depth 2",
            detail=f"Start {scales[0]:g}, {len(truth)} redraws; median errors {np.median(three[:, 0]):.3f} and "
            f"{np.median(two[:, 0]):.3f}.",
        ),
        finding(
            "At depths 2 and 3 the smallest start completes far better than the largest.",
            bootstrap(lambda a, b: largest(ratio_of_medians(a, b)), small, large),
            high=MUCH_BETTER,
            unit="median error from the smallest / from the largest start, the larger of two depths",
            detail=f"Starts {scales[0]:g} and {scales[-1]:g}.",
        ),
        finding(
            "From the smallest start the product of three has the effective rank of the truth.",
            bootstrap(_worst_median, (rank / truth)[:, None]),
            high=TRUTH_TOLERANCE,
            unit="|median effective rank / truth - 1|",
            detail=f"Start {scales[0]:g}; median rank of the truth {np.median(truth):.2f}.",
        ),
    ]


def _worst_median(rows: np.ndarray) -> np.ndarray:
    return largest_distance(median(rows), 1.0)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
