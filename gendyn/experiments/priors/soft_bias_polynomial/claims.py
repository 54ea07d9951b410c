"""Claims of ``soft_bias_polynomial``: every law and basis; low bias and low variance at once; the closed form."""

import functools

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.soft_bias_polynomial.program import (
    AXES,
    ENSEMBLE,
    FEW_STEPS,
    LAWS,
    MANY_STEPS,
    MEMBERS,
    MODELS,
    TARGET_NAMES,
)
from gendyn.types import Dataset, Finding

MARGIN = 1.1
"""Ratio of medians up to which one is at least as good as another."""
TOLERANCE = 0.1
"""Relative error of the mean squared error over redraws that still counts as its expectation."""
NUM_RESAMPLES = 500
"""Each takes a median of every model, target and size."""
LITERAL = "monomial"
"""The basis in which the source writes its polynomials."""
BIAS, VARIANCE = 0, 1


def worst_ratio(table: np.ndarray) -> analysis.Interval:
    """The regularised polynomial's largest ratio to the better plain one, over targets and sizes.

    Args:
        table: ``[S, models, targets, sizes]``.
    """

    def ratios(medians: np.ndarray) -> np.ndarray:
        return analysis.ratio_to_best_other(medians, axis=1)[:, 2]

    return analysis.worst_place(ratios, table, of="medians", num_resamples=NUM_RESAMPLES)


def regret(table: np.ndarray) -> np.ndarray:
    """The regularised polynomial's largest ratio / the smaller of those of the plain ones: to ``[B]``."""
    worst = analysis.ratio_to_best_other(analysis.median(table), axis=1).max(axis=(2, 3))
    return np.asarray(worst[:, 2] / worst[:, :2].min(axis=1))


def verdict(ds: Dataset) -> list[Finding]:
    """For each law and basis the claim and its weaker sense; low bias with low variance; then the closed form."""
    config, bases = analysis.config_of(ds), [str(basis) for basis in np.unique(ds["basis"])]
    errors, expected, parts = analysis.finished_tables(ds, AXES, "test_rmse", "expected_rmse", "parts")
    found = []
    for row, b in np.ndindex(len(LAWS), len(bases)):
        name = f"{LAWS[row]} inputs, {bases[b]} basis: the regularised polynomial"
        role = "primary" if bases[b] == LITERAL else "exploratory"
        found += _compared(name, errors[:, row, b], config["sizes"], role)
    for row, law in enumerate(LAWS):
        found += _low_at_once(law, bases, parts[:, row] / config["noise"] ** 2, f"At n = {config['judged']}.")
    squares = ((errors / expected) ** 2).mean(axis=(4, 5))
    exact = "The mean squared error is bias^2 + variance given the inputs."
    detail = "Ratios to the expectation, averaged over targets and sizes; a place is a law, basis and model."
    return analysis.family([*found, analysis.agreement(exact, squares, 1.0, tolerance=TOLERANCE, detail=detail)])


def _compared(regularised: str, table: np.ndarray, sizes: list[int], role: str) -> list[analysis.Hypothesis]:
    measured = analysis.ratio_to_best_other(analysis.median(table[None])[0], axis=0)
    target, size = np.unravel_index(measured[2].argmax(), measured[2].shape)
    place = f"{TARGET_NAMES[target]} at n = {sizes[size]}"
    held = f"below {MARGIN:g} at {np.sum(measured[2] < MARGIN)} of {measured[2].size} places"
    worst = ", ".join(f"{m}: {r:.3g}" for m, r in zip(MODELS, measured.max(axis=(1, 2)), strict=True))
    good = analysis.finding(
        f"{regularised} is at least as good as both plain ones.",
        worst_ratio(table),
        high=MARGIN,
        unit="largest ratio of medians to the better plain one, over targets and sizes",
        detail=f"Largest for the target {place}; {held}.",
        role=role,
    )
    insures = analysis.finding(
        f"{regularised} has the best worst case of all three.",
        analysis.bootstrap(regret, table, num_resamples=NUM_RESAMPLES),
        high=1.0,
        unit="its largest ratio to the better of the others / the smaller one of the plain polynomials",
        detail=f"Largest ratios: {worst}.",
        role="exploratory",
    )
    return [good, insures]


def _low_at_once(law: str, bases: list[str], shares: np.ndarray, detail: str) -> list[analysis.Hypothesis]:
    """Bias and variance of polynomials and of step functions, each with its two contrasts.

    Args:
        law: of the inputs.
        bases: of the tables.
        shares: ``[S, bases, 2, models, targets]``, squared bias and variance in units of a label's noise variance.
        detail: of each finding.
    """
    worst = functools.partial(analysis.worst_place, None, of="medians")
    low, high, soft, few, many, mean = range(len(MODELS) + len(ENSEMBLE))
    unit = "in units of a label's noise variance: the largest median over targets"

    def fails(claim: str, model: int, part: int) -> analysis.Hypothesis:
        what = ("squared bias", "variance")[part]
        # Plain fits are the same in every basis, and step functions have none.
        share, of = worst(shares[:, 0, part, model]), f"{what}, {unit}"
        name = f"{law} inputs: {claim}."
        return analysis.finding(name, share, low=1.0, unit=of, detail=detail, role="exploratory")

    def both(claim: str, of: np.ndarray, given: tuple[analysis.Hypothesis, ...], role: str) -> analysis.Hypothesis:
        bias, variance = np.median(of, axis=0).max(axis=1)
        return analysis.finding(
            f"{law} inputs{claim} has low bias and low variance.",
            worst(of),
            high=1.0,
            unit=f"the larger of squared bias and variance, {unit}",
            detail=f"{detail} Squared bias {bias:.3g}, variance {variance:.3g}.",
            given=given,
            role=role,
        )

    plain = (
        fails("the plain polynomial of order 2 has a high bias", low, BIAS),
        fails("the plain polynomial of order 15 has a high variance", high, VARIANCE),
    )
    single = (
        fails(f"a function of {FEW_STEPS} random steps has a high bias", few, BIAS),
        fails(f"a function of {MANY_STEPS} random steps has a high variance", many, VARIANCE),
    )
    polynomials = [
        both(
            f", {basis} basis: the regularised polynomial",
            shares[:, b, :, soft],
            plain,
            "primary" if basis == LITERAL else "exploratory",
        )
        for b, basis in enumerate(bases)
    ]
    averaged = f": the mean of {MEMBERS} functions of {MANY_STEPS} random steps"
    return [*plain, *polynomials, *single, both(averaged, shares[:, 0, :, mean], single, "primary")]
