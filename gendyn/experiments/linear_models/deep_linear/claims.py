"""Claims of ``deep_linear``: first order in the step, order and place of the modes, ranks, completion."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gendyn import analysis, theory
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, COMPLETION, GAUSSIAN, ORTHOGONAL, RANDOM
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


def times(ds: Dataset) -> np.ndarray:
    """Learning rate times step of every record of ``modes``."""
    config = analysis.config_of(ds)
    return np.linspace(0.0, config["horizon"], config["num_times"])


def exact_modes(ds: Dataset, depth: int) -> np.ndarray:
    """The closed form of ``modes`` from aligned starts, ``[T, K]``."""
    config = analysis.config_of(ds)
    return theory.deep_linear_trajectory(times(ds), config["singular_values"], depth=depth, initial=config["initial"])


def step_errors(ds: Dataset) -> np.ndarray:
    """Largest distance from the closed form over times and modes, from aligned starts: ``[S, depths, rates]``."""
    depths, rates = analysis.config_of(ds)["depths"], analysis.config_of(ds)["learning_rates"]
    modes = analysis.paired_table(ds, "modes", {"case": ALIGNED}, {"depth": depths, "learning_rate": rates})
    exact = np.stack([exact_modes(ds, depth) for depth in depths])
    return np.asarray(np.max(np.abs(modes - exact[:, None]), axis=(3, 4)))


def half_times(ds: Dataset, depths: Sequence[int]) -> np.ndarray:
    """When each mode passes half of its strength from random directions, ``[S, depths, K]``; ``inf``: never."""
    modes = analysis.paired_table(ds, "modes", {"case": RANDOM}, {"depth": depths})
    shares = np.moveaxis(modes / np.array(analysis.config_of(ds)["singular_values"]), 2, 3)
    passed = analysis.time_to_threshold(times(ds), shares.reshape(-1, shares.shape[-1]), 0.5, interpolate=True)
    return analysis.arrival_times(passed).reshape(shares.shape[:-1])


def exact_half_times(ds: Dataset, depth: int, strengths: Any = None) -> np.ndarray:
    """The closed form's, of the modes or of other strengths."""
    config = analysis.config_of(ds)
    chosen = config["singular_values"] if strengths is None else strengths
    return np.array([theory.deep_linear_time(s / 2, float(s), depth=depth, initial=config["initial"]) for s in chosen])


def rank_table(ds: Dataset, case: str) -> np.ndarray:
    """Effective ranks ``[S, depths]`` of one kind of product."""
    return analysis.paired_table(
        ds, "effective_rank", {"case": case}, {"depth": analysis.config_of(ds)["product_depths"]}
    )


def exact_ranks(ds: Dataset) -> np.ndarray:
    """The closed form's effective ranks of products of Gaussian matrices, ``[depths]``."""
    shares = [theory.gaussian_product_effective_rank(depth) for depth in analysis.config_of(ds)["product_depths"]]
    return analysis.config_of(ds)["product_size"] * np.array(shares)


def completion_table(ds: Dataset, name: str, depths: Sequence[int]) -> np.ndarray:
    """``[S, depths, scales]``, scales ascending."""
    axes = {"depth": depths, "scale": sorted(analysis.config_of(ds)["scales"])}
    return analysis.paired_table(ds, name, {"case": COMPLETION}, axes)


def untouched_error(ds: Dataset, scales: np.ndarray) -> np.ndarray:
    """Root of the expected squared relative error of entries that keep their start: ``sqrt(1 + size scale^2 / rank)``.

    Exact for the ratio of expectations over all entries; which are unobserved is drawn apart from their values.
    """
    config = analysis.config_of(ds)
    return np.sqrt(1.0 + config["completion_size"] * scales**2 / config["completion_rank"])


def verdict(ds: Dataset) -> list[Finding]:
    """First order in the step, order and place of the modes, ranks of products, completion."""
    return analysis.family([*_mode_findings(ds), *_rank_findings(ds), *_completion_findings(ds)])


def _mode_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    depths = analysis.config_of(ds)["depths"]
    errors, deep = step_errors(ds), [depth for depth in depths if depth > 1]
    ratios = errors[:, :, -2] / errors[:, :, -1]
    order = "From an aligned start gradient descent differs from the closed form by first order in the learning rate."
    off = analysis.worst_place(None, ratios, which="furthest", centre=10.0)
    decade = "error ratio of the last decade, at the depth furthest from 10"
    smallest_rate = _listed(f"{error:.1e}" for error in errors[:, :, -1].mean(axis=0))
    found = f"ratios {_listed(ratios.mean(axis=0).round(3))}, errors at the smallest rate {smallest_rate}"
    halves = half_times(ds, deep)
    # Two modes that are both beyond the horizon are not known to be in order, and count as out of it.
    ordered = np.all(halves[..., 1:] > halves[..., :-1], axis=2)
    stronger = "From random directions stronger modes are learned first, at every depth from 2 on."
    share = analysis.worst_place(None, ordered, of="shares", which="smallest")
    least = "smallest share of redraws in order, over depths"
    counts = f"Depths {_listed(deep)}: {_listed(ordered.mean(axis=0).round(3))} of {len(ordered)} redraws."
    late = halves / np.array([exact_half_times(ds, depth) for depth in deep])

    def placed(name: str, chosen: list[int]) -> analysis.Hypothesis:
        at = [deep.index(depth) for depth in chosen]
        medians = "; ".join(f"depth {deep[i]}: {_listed(np.median(late[:, i], axis=0).round(2))}" for i in at)
        return analysis.finding(
            f"From random directions the half-times are those of the aligned closed form, at depth{name}.",
            analysis.worst_place(None, late[:, at], of="medians", which="distance", centre=1.0),
            high=UNALIGNED_TOLERANCE,
            unit="largest |median half-time / closed form - 1| over modes",
            detail=f"Medians, since some modes are not learned by the end: {medians}.",
        )

    return [
        analysis.finding(
            order, off, low=DECADE[0], high=DECADE[1], unit=decade, detail=f"Depths {_listed(depths)}; {found}."
        ),
        analysis.finding(stronger, share, low=ORDERED, unit=least, detail=counts),
        placed(" 2", [2]),
        placed(f"s {_listed(deep)}", deep),
    ]


def _rank_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    exact, size = exact_ranks(ds), analysis.config_of(ds)["product_size"]
    falls = "The effective rank of a product of Gaussian matrices falls with depth as in the closed form."
    keeps = "A product of orthogonal matrices keeps its rank (control)."
    return [
        analysis.agreement(claim, rank_table(ds, case), truth, tolerance=RANK_TOLERANCE, detail=f"{size} x {size}.")
        for claim, case, truth in ((falls, GAUSSIAN, exact), (keeps, ORTHOGONAL, size))
    ]


def _completion_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    scales = np.array(sorted(analysis.config_of(ds)["scales"]))
    small, large = scales[0], scales[-1]
    errors = completion_table(ds, "unobserved_error", (1, 2, 3))
    two, three = errors[:, 1, 0], errors[:, 2, 0]
    truth, rank = (completion_table(ds, name, (3,))[:, 0, 0] for name in ("truth_rank", "effective_rank"))
    squares, exact = errors[:, 0] ** 2, untouched_error(ds, scales) ** 2
    kept = "At depth 1 nothing is completed: unobserved entries keep their start."
    deeper = "From the smallest start depth 3 completes better than depth 2."
    fewer = analysis.bootstrap(analysis.ratio_of_medians, three, two)
    medians = f"median errors {np.median(three):.3f} and {np.median(two):.3f}"
    starts = "At depths 2 and 3 the smallest start completes far better than the largest."
    better = analysis.worst_place(analysis.ratio_of_medians, errors[:, 1:, 0], errors[:, 1:, -1], of="rows")
    ends = "median error from the smallest / from the largest start, the larger of two depths"
    same = "From the smallest start the product of three has the effective rank of the truth."
    near, unit = (
        analysis.worst_place(None, (rank / truth)[:, None], of="medians", which="distance", centre=1.0),
        "|median effective rank / truth - 1|",
    )
    true = f"Start {small:g}; median rank of the truth {np.median(truth):.2f}."
    redraws = f"Start {small:g}, {len(truth)} redraws; {medians}."
    return [
        analysis.agreement(kept, squares, exact, tolerance=START_TOLERANCE, detail="Squared errors."),
        analysis.finding(deeper, fewer, high=BETTER, unit="median error of depth 3 / of depth 2", detail=redraws),
        analysis.finding(starts, better, high=MUCH_BETTER, unit=ends, detail=f"Starts {small:g} and {large:g}."),
        analysis.finding(same, near, high=TRUTH_TOLERANCE, unit=unit, detail=true),
    ]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
