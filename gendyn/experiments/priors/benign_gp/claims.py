"""Claims of ``benign_gp``: regression with a fixed prior, with chosen ones, and Laplace's approximation."""

import math

import numpy as np

from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
    largest_distance,
    largest_rise,
    mean,
    mean_over_seeds,
    smallest,
)
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, left_out, rates_of, redraws
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
    pilot = config_of(ds)["pilot_seed"]
    given = f"Given the priors of pilot seed {pilot}; intervals are over redraws, not over pilots."
    found = [*_fixed_findings(ds), *_chosen_findings(ds), *_laplace_findings(ds)]
    claims = [f"{each.claim.removesuffix('.')}, given this pilot's priors." for each in found]
    return [
        each._replace(claim=claim, detail=f"{given} {each.detail}") for each, claim in zip(found, claims, strict=True)
    ]


def _fixed_findings(ds: Dataset) -> list[Finding]:
    """Fit, fall, generalisation, evidence, its exact mean, chance, left-out labels."""
    (rates, half, count), (told, expected) = rates_of(ds), left_out(ds)
    found = redraws(ds, "train_accuracy", "test_accuracy", "evidence", "mean_evidence", "expected_evidence")
    train, test, evidence, averaged, exact = (table[..., FIXED] for table in found)
    kept, clean = test[ANY, :, half], test[ANY, :, 0]
    above = bootstrap(lambda at, start: mean(at - (1 - rates[half]) * start) - rates[half] / count, kept, clean)
    detail = f"Mean accuracy {kept.mean():.3f} at a corruption of {rates[half]:g}, clean {clean.mean():.3f}."
    ones, by_chance = np.ones(len(rates)), "From fully random labels it predicts at chance."
    chance = mean_over_seeds(test[ANY, :, -1] - 1.0 / count)
    gap = bootstrap(lambda *kinds: np.max([largest_distance(mean(rows)) for rows in kinds], axis=0), *(told - expected))
    as_expected = [
        agreement(f"The evidence is its exact mean over labels ({kind}).", rows, ones, tolerance=EVIDENCE_TOLERANCE)
        for kind, rows in zip(INDEPENDENT_NOISE_KINDS, averaged / exact, strict=True)
    ]
    near, unit = ACCURACY_TOLERANCE, "largest |mean difference| over levels and both kinds of corruption"
    generalises = "It generalises better from half-corrupted labels than a nearest neighbour would."
    follows = "Left-out accuracy on corrupted labels follows from that on the true ones."
    return [
        _fit("The process fits labels of every level of corruption.", train[ANY]),
        _fall("Its test accuracy falls from each level to the next.", test[ANY], "accuracy"),
        finding(generalises, above, low=0.0, unit="test accuracy above the straight line to chance", detail=detail),
        _fall("Its evidence falls from each level to the next.", evidence[ANY], NATS),
        *as_expected,
        finding(by_chance, chance, low=-near, high=near, unit="test accuracy less 1 / K"),
        finding(follows, gap, high=near, unit=unit),
    ]


def _chosen_findings(ds: Dataset) -> list[Finding]:
    half = rates_of(ds)[1]
    train, test = (table[ANY] for table in redraws(ds, "train_accuracy", "test_accuracy"))
    fitted, better = (
        mean_over_seeds(train[:, -1, CHOSEN]),
        mean_over_seeds(test[:, half, CHOSEN] - test[:, half, FIXED]),
    )
    leaves = "A prior that the evidence chooses on random labels leaves them to its noise."
    claim = "A prior that the evidence chooses on half-corrupted labels generalises better than that of clean ones."
    return [
        finding(leaves, fitted, high=MEMORISED, unit="training accuracy on fully random labels"),
        finding(claim, better, low=0.0, unit="difference of test accuracies"),
    ]


def _laplace_findings(ds: Dataset) -> list[Finding]:
    train, evidence = (table[ANY] for table in redraws(ds, "laplace_train_accuracy", "laplace_evidence"))
    below, unit = mean_over_seeds(evidence[:, -1] + math.log(2.0)), "log evidence per image + log 2 (nats)"
    return [
        _fit("Laplace's classifier fits labels of every level of corruption.", train),
        _fall("Laplace's evidence falls from each level to the next.", evidence, NATS),
        finding("On random labels Laplace's evidence is below that of tossing coins.", below, high=0.0, unit=unit),
    ]


def _fit(claim: str, accuracy: np.ndarray) -> Finding:
    interval = bootstrap(lambda rows: smallest(mean(rows)), accuracy)
    return finding(claim, interval, low=FITTED, unit="smallest mean training accuracy over levels")


def _fall(claim: str, values: np.ndarray, unit: str) -> Finding:
    interval = bootstrap(lambda rows: largest_rise(mean(rows), relative=False), values)
    return finding(claim, interval, high=0.0, unit=f"largest change of the mean between levels ({unit})")
