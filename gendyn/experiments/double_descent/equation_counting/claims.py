"""The claims: features, networks with either labels, growth with the equations, inequalities, training time."""

from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.experiments.double_descent.equation_counting.problems import FEATURES, FOURIER, NETWORK, RANDOM, TRUE
from gendyn.experiments.double_descent.equation_counting.tables import needed, problems_of
from gendyn.types import Dataset, Finding

EXACT_TOLERANCE = 0.01
"""Of features over examples: below one feature in every problem of the default."""
COUNT = (0.8, 1.25)
"""Parameters of a network over equations that still count as equal: a factor 5 / 4 either way, about one width of the
grid."""
POWER = (0.9, 1.1)
FEWER = 0.9
"""Parameters over equations below which inequalities are easier than equations."""
MORE = 1.1
"""Parameters needed after short over those after long training that count as more."""
NAMES = {RANDOM: "uniform", TRUE: "true"}


def verdict(ds: Dataset) -> list[Finding]:
    """Nine findings, in the order of the docstring."""
    config, problems = analysis.config_of(ds), problems_of(ds)
    equations = np.array([n * k for n, k in problems], float)
    listed = "n x K = " + ", ".join(f"{n} x {k}" for n, k in problems)
    exact = np.concatenate([needed(ds, model, labels) for model in FEATURES for labels in (TRUE, RANDOM)], axis=1)
    uniform, true = (needed(ds, NETWORK, labels) for labels in (RANDOM, TRUE))
    short, long = min(config["steps"]), max(config["steps"])
    brief = needed(ds, NETWORK, RANDOM, short)

    def fits(kind: str, ratios: np.ndarray) -> Finding:
        claim = f"A network fits {kind} labels with as many parameters as equations."
        interval = analysis.bootstrap(lambda rows: analysis.furthest(analysis.median(rows), 1.0, by_ratio=True), ratios)
        unit = "median parameters / equations, of the problem furthest from 1"
        detail = f"{len(ratios)} redraws, {listed}: {_medians(ratios)}; {_censored(ratios)}."
        return analysis.finding(claim, interval, low=COUNT[0], high=COUNT[1], unit=unit, detail=detail)

    def classifies(learner: str, model: str, labels: str) -> Finding:
        ratios, subject = needed(ds, model, labels, to_classify=True), f"{learner} with {NAMES[labels]} labels"
        claim = f"{subject} classify all training examples with fewer parameters than equations."
        found = f"{_medians(ratios)}; no interpolation between sizes; {_censored(ratios)}"
        detail = f"{len(ratios)} redraws, {listed}: {found}."
        worst = analysis.bootstrap(lambda rows: analysis.largest(analysis.median(rows)), ratios)
        return analysis.finding(
            claim, worst, high=FEWER, unit="largest median parameters / equations over problems", detail=detail
        )

    features = "Features interpolate exactly from n on, of every kind and with either labels."
    kinds = f"{len(FEATURES)} kinds, 2 kinds of labels, {len(problems)} problems."
    grow = "The parameters that a network needs for uniform labels grow in proportion to the equations."
    growth = analysis.bootstrap(lambda rows: analysis.power(equations, analysis.median(rows) * equations), uniform)
    law: Any = {"unit": "power of the number of equations", "detail": "Least squares on log medians."}
    more = analysis.bootstrap(
        lambda less, full: analysis.smallest(analysis.ratio_of_medians(less, full)), brief, uniform
    )
    after = "median parameters after short / after long training, smallest over problems"
    spent = (
        f"{short:,} and {long:,} steps, uniform labels; after the short training {_medians(brief)} of the equations; "
        f"{_censored(brief)}."
    )
    return [
        analysis.agreement(features, exact, np.ones(exact.shape[1]), tolerance=EXACT_TOLERANCE, detail=kinds),
        fits("uniform", uniform),
        fits("true", true),
        analysis.finding(grow, growth, low=POWER[0], high=POWER[1], **law),
        *(classifies("Fourier features", FOURIER, labels) for labels in (TRUE, RANDOM)),
        *(classifies("Networks", NETWORK, labels) for labels in (TRUE, RANDOM)),
        analysis.finding("Shorter training needs more parameters.", more, low=MORE, unit=after, detail=spent),
    ]


def _censored(ratios: np.ndarray) -> str:
    return f"{int(np.isinf(ratios).sum())} of {ratios.size} beyond the largest size, {int((ratios == 0).sum())} below"


def _medians(ratios: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in analysis.median(ratios[None])[0])
