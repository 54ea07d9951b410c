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
        shares = parts[:, row] / config["noise"] ** 2
        for b, basis in enumerate(bases):
            found += _of_polynomials(f"{law} inputs, {basis} basis", shares[:, b], basis == LITERAL, config["judged"])
        # Step functions are those of the inputs, whatever the basis.
        found += _of_ensembles(f"{law} inputs", shares[:, 0], config["judged"])
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


def _of_polynomials(where: str, shares: np.ndarray, literal: bool, count: int) -> list[analysis.Hypothesis]:
    """``shares [S, 2, models, targets]``: squared bias and variance in units of a label's noise variance."""
    low, high, soft = MODELS
    return _both_low(
        where,
        shares[:, :, : len(MODELS)],
        ("the plain polynomial of " + low, "the plain polynomial of " + high, "the " + soft.replace(" ", " order-")),
        "primary" if literal else "exploratory",
        f"At n = {count}.",
    )


def _of_ensembles(where: str, shares: np.ndarray, count: int) -> list[analysis.Hypothesis]:
    names = (f"one function of {FEW_STEPS} random steps", f"one of {MANY_STEPS}", f"the mean of {MEMBERS} such")
    return _both_low(where, shares[:, :, -len(ENSEMBLE) :], names, "primary", f"At n = {count}; 'such': {names[1]}.")


def _both_low(
    where: str, shares: np.ndarray, names: tuple[str, str, str], role: str, detail: str
) -> list[analysis.Hypothesis]:
    """The stiff one fails by its bias, the flexible one by its variance, and the third by neither."""
    worst = functools.partial(analysis.worst_place, None, of="medians")
    unit = "in units of a label's noise variance: the largest median over targets"

    def fails(model: int, part: int, what: str) -> analysis.Hypothesis:
        return analysis.finding(
            f"{where}: {names[model]} has no low {what}.",
            worst(shares[:, part, model]),
            low=1.0,
            unit=f"{what}, {unit}",
            detail=detail,
            role="exploratory",
        )

    contrasts = fails(0, BIAS, "squared bias"), fails(1, VARIANCE, "variance")
    bias, variance = np.median(shares[:, :, 2], axis=0).max(axis=1)
    both = analysis.finding(
        f"{where}: {names[2]} has low bias and low variance.",
        worst(shares[:, :, 2]),
        high=1.0,
        unit=f"the larger of squared bias and variance, {unit}",
        detail=f"{detail} Squared bias {bias:.3g}, variance {variance:.3g}.",
        given=contrasts,
        role=role,
    )
    return [*contrasts, both]
