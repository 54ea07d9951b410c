"""The claims: features, networks with either labels, growth with the equations, inequalities, training time."""

from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.experiments.double_descent.equation_counting.program import FEATURES, FOURIER, NETWORK, RANDOM, TRUE
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
NAMES = {TRUE: "true", RANDOM: "uniform"}


def verdict(ds: Dataset) -> list[Finding]:
    """Nine findings, in the order of the docstring."""
    config, problems = analysis.config_of(ds), problems_of(ds)
    equations = np.array([n * k for n, k in problems], float)
    listed = "n x K = " + ", ".join(f"{n} x {k}" for n, k in problems)

    def judged(
        claim: str, ratios: np.ndarray, interval: analysis.Interval, unit: str, then: str = "; ", **region: Any
    ) -> analysis.Hypothesis:
        detail = f"{len(ratios)} redraws, {listed}: {_told(ratios, then)}"
        return analysis.finding(claim, interval, unit=unit, detail=detail, **region)

    exact = np.concatenate([needed(ds, model, labels) for model in FEATURES for labels in NAMES], axis=1)
    claim = "Features interpolate exactly from n on, of every kind and with either labels."
    kinds = f"{len(FEATURES)} kinds, {len(NAMES)} kinds of labels, {len(problems)} problems."
    found = [analysis.agreement(claim, exact, np.ones(exact.shape[1]), tolerance=EXACT_TOLERANCE, detail=kinds)]
    unit = "median parameters / equations"
    for labels in (RANDOM, TRUE):
        claim = f"A network fits {NAMES[labels]} labels with as many parameters as equations."
        of = f"{unit}, of the problem furthest from 1"
        ratios = needed(ds, NETWORK, labels)
        off = analysis.worst_place(None, ratios, of="medians", which="furthest", centre=1.0, by_ratio=True)
        found.append(judged(claim, ratios, off, of, low=COUNT[0], high=COUNT[1]))
    uniform = needed(ds, NETWORK, RANDOM)
    claim = "The parameters that a network needs for uniform labels grow in proportion to the equations."
    growth = analysis.of_medians(lambda medians: analysis.power(equations, medians * equations), uniform)
    law: Any = {"unit": "power of the number of equations", "detail": "Least squares on log medians."}
    found.append(analysis.finding(claim, growth, low=POWER[0], high=POWER[1], **law))
    for learner, model in (("Fourier features", FOURIER), ("Networks", NETWORK)):
        for labels, kind in NAMES.items():
            ratios, then = needed(ds, model, labels, to_classify=True), "; no interpolation between sizes; "
            claim = f"{learner} with {kind} labels classify all training examples with fewer parameters than equations."
            most = analysis.worst_place(None, ratios, of="medians")
            found.append(judged(claim, ratios, most, f"largest {unit} over problems", then, high=FEWER))
    short, long = min(config["steps"]), max(config["steps"])
    brief, claim = needed(ds, NETWORK, RANDOM, short), "Shorter training needs more parameters."
    more = analysis.worst_place(analysis.ratio_of_medians, brief, uniform, of="rows", which="smallest")
    unit = "median parameters after short / after long training, smallest over problems"
    after = f"after the short training {_told(brief, ' of the equations; ')}"
    spent = f"{short:,} and {long:,} steps, uniform labels; {after}"
    return analysis.family([*found, analysis.finding(claim, more, low=MORE, unit=unit, detail=spent)])


def _told(ratios: np.ndarray, then: str) -> str:
    """The medians, and how many redraws are beyond the sizes tried."""
    medians = ", ".join(f"{value:.2f}" for value in analysis.median(ratios[None])[0])
    beyond, below = np.isinf(ratios).sum(), (ratios == 0).sum()
    return f"{medians}{then}{beyond} of {ratios.size} beyond the largest size, {below} below."
