"""The claims: features, networks with either labels, growth with the equations, inequalities, training time."""

import numpy as np

from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
    furthest,
    largest,
    median,
    power,
    ratio_of_medians,
    smallest,
)
from gendyn.experiments.double_descent.equation_counting.fits import FEATURES, FOURIER, NETWORK, RANDOM, TRUE
from gendyn.experiments.double_descent.equation_counting.tables import needed, needed_to_classify, problems_of
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
    config, problems = config_of(ds), problems_of(ds)
    equations = np.array([n * k for n, k in problems], float)
    listed = "n x K = " + ", ".join(f"{n} x {k}" for n, k in problems)
    exact = np.concatenate([needed(ds, model, labels) for model in FEATURES for labels in (TRUE, RANDOM)], axis=1)
    networks = {labels: needed(ds, NETWORK, labels) for labels in (RANDOM, TRUE)}
    brief = needed(ds, NETWORK, RANDOM, min(config["steps"]))
    found = [
        agreement(
            "Features interpolate exactly from n on, of every kind and with either labels.",
            exact,
            np.ones(exact.shape[1]),
            tolerance=EXACT_TOLERANCE,
            detail=f"{len(FEATURES)} kinds, 2 kinds of labels, {len(problems)} problems.",
        )
    ]
    for labels, ratios in networks.items():
        found.append(
            finding(
                f"A network fits {NAMES[labels]} labels with as many parameters as equations.",
                bootstrap(lambda rows: furthest(median(rows), 1.0, by_ratio=True), ratios),
                low=COUNT[0],
                high=COUNT[1],
                unit="median parameters / equations, of the problem furthest from 1",
                detail=f"{len(ratios)} redraws, {listed}: {_medians(ratios)}; {_censored(ratios)}.",
            )
        )
    found.append(
        finding(
            "The parameters that a network needs for uniform labels grow in proportion to the equations.",
            bootstrap(lambda rows: power(equations, median(rows) * equations), networks[RANDOM]),
            low=POWER[0],
            high=POWER[1],
            unit="power of the number of equations",
            detail="Least squares on log medians.",
        )
    )
    for model, learner in ((FOURIER, "Fourier features"), (NETWORK, "Networks")):
        for labels in (TRUE, RANDOM):
            ratios = needed_to_classify(ds, model, labels)
            found.append(
                finding(
                    f"{learner} with {NAMES[labels]} labels classify all training examples with fewer parameters than "
                    "equations.",
                    bootstrap(lambda rows: largest(median(rows)), ratios),
                    high=FEWER,
                    unit="largest median parameters / equations over problems",
                    detail=f"{len(ratios)} redraws, {listed}: {_medians(ratios)}; no interpolation between sizes; "
                    f"{_censored(ratios)}.",
                )
            )
    found.append(
        finding(
            "Shorter training needs more parameters.",
            bootstrap(lambda short, long: smallest(ratio_of_medians(short, long)), brief, networks[RANDOM]),
            low=MORE,
            unit="median parameters after short / after long training, smallest over problems",
            detail=f"{min(config['steps']):,} and {max(config['steps']):,} steps, uniform labels; after the short "
            f"training {_medians(brief)} of the equations; {_censored(brief)}.",
        )
    )
    return found


def _censored(ratios: np.ndarray) -> str:
    return f"{int(np.isinf(ratios).sum())} of {ratios.size} beyond the largest size, {int((ratios == 0).sum())} below"


def _medians(ratios: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in median(ratios[None])[0])
