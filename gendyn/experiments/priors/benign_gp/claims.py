"""Claims of ``benign_gp``: regression with a fixed prior, with chosen ones, and Laplace's approximation."""

import math

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.benign_gp.program import AXES
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, left_out, rates_of
from gendyn.tasks import INDEPENDENT_NOISE_KINDS
from gendyn.types import Dataset, Finding

FITTED = 0.99
"""Training accuracy that counts as fitting."""
EVIDENCE_TOLERANCE = 0.02
ACCURACY_TOLERANCE = 0.01
"""Of identities in the mean: a hundred redraws of a few hundred images have a standard error of some 0.003."""
MEMORISED = 0.5
"""A prior that fits fewer random labels than this has left most of them to its noise."""
NATS = "nats per image"


def verdict(ds: Dataset) -> list[Finding]:
    """Every claim is conditional on the priors that one pilot chose: intervals are over redraws, not over pilots."""
    pilot = analysis.config_of(ds)["pilot_seed"]
    given = f"Given the priors of pilot seed {pilot}; intervals are over redraws, not over pilots."
    found = [*_fixed_findings(ds), *_chosen_findings(ds), *_laplace_findings(ds)]
    claims = [f"{each.claim.removesuffix('.')}, given this pilot's priors." for each in found]
    pairs = zip(found, claims, strict=True)
    return analysis.family([each._replace(claim=claim, detail=f"{given} {each.detail}") for each, claim in pairs])


def _fixed_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    """Fit, fall, generalisation, evidence, its exact mean, chance, left-out labels."""
    (rates, half, count), (told, expected) = rates_of(ds), left_out(ds)
    names = ("train_accuracy", "test_accuracy", "evidence", "mean_evidence", "expected_evidence")
    train, test, evidence, averaged, exact = (table[..., FIXED] for table in analysis.finished_tables(ds, AXES, *names))
    kept, clean = test[:, ANY, half], test[:, ANY, 0]
    above = analysis.mean_over_seeds(kept - (1 - rates[half]) * clean - rates[half] / count)
    detail = f"Mean accuracy {kept.mean():.3f} at a corruption of {rates[half]:g}, clean {clean.mean():.3f}."
    near, unit = ACCURACY_TOLERANCE, "largest |mean difference| over levels and both kinds of corruption"
    generalises = "It generalises better from half-corrupted labels than a nearest neighbour would."
    follows = "Left-out accuracy on corrupted labels follows from that on the true ones."
    by_chance = "From fully random labels it predicts at chance."
    chance, gap = analysis.mean_over_seeds(test[:, ANY, -1] - 1.0 / count), told - expected
    ratios, mean_of = averaged / exact, "The evidence is its exact mean over labels"
    return [
        _fit("The process fits labels of every level of corruption.", train[:, ANY]),
        _fall("Its test accuracy falls from each level to the next.", test[:, ANY], "accuracy"),
        analysis.finding(
            generalises, above, low=0.0, unit="test accuracy above the straight line to chance", detail=detail
        ),
        _fall("Its evidence falls from each level to the next.", evidence[:, ANY], NATS),
        *(
            analysis.agreement(f"{mean_of} ({kind}).", ratios[:, i], 1.0, tolerance=EVIDENCE_TOLERANCE)
            for i, kind in enumerate(INDEPENDENT_NOISE_KINDS)
        ),
        analysis.finding(by_chance, chance, low=-near, high=near, unit="test accuracy less 1 / K"),
        analysis.finding(follows, analysis.worst_place(None, gap, which="distance"), high=near, unit=unit),
    ]


def _chosen_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    half = rates_of(ds)[1]
    train, test = (table[:, ANY] for table in analysis.finished_tables(ds, AXES, "train_accuracy", "test_accuracy"))
    fitted = analysis.mean_over_seeds(train[:, -1, CHOSEN])
    better = analysis.mean_over_seeds(test[:, half, CHOSEN] - test[:, half, FIXED])
    leaves = "A prior that the evidence chooses on random labels leaves them to its noise."
    claim = "A prior that the evidence chooses on half-corrupted labels generalises better than that of clean ones."
    return [
        analysis.finding(leaves, fitted, high=MEMORISED, unit="training accuracy on fully random labels"),
        analysis.finding(claim, better, low=0.0, unit="difference of test accuracies"),
    ]


def _laplace_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    names = ("laplace_train_accuracy", "laplace_evidence")
    train, evidence = (table[:, ANY] for table in analysis.finished_tables(ds, AXES, *names))
    below, unit = analysis.mean_over_seeds(evidence[:, -1] + math.log(2.0)), "log evidence per image + log 2 (nats)"
    coins = "On random labels Laplace's evidence is below that of tossing coins."
    return [
        _fit("Laplace's classifier fits labels of every level of corruption.", train),
        _fall("Laplace's evidence falls from each level to the next.", evidence, NATS),
        analysis.finding(coins, below, high=0.0, unit=unit),
    ]


def _fit(claim: str, accuracy: np.ndarray) -> analysis.Hypothesis:
    unit = "smallest mean training accuracy over levels"
    return analysis.finding(claim, analysis.worst_place(None, accuracy, which="smallest"), low=FITTED, unit=unit)


def _fall(claim: str, values: np.ndarray, unit: str) -> analysis.Hypothesis:
    interval = analysis.worst_place(None, np.diff(values, axis=-1))
    return analysis.finding(claim, interval, high=0.0, unit=f"largest change of the mean between levels ({unit})")
