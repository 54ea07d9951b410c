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
from gendyn.experiments.priors.benign_gp.learners import NOISE_KINDS
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, identity, rates_of, redraws
from gendyn.types import Dataset, Finding

FITTED = 0.99
"""Training accuracy that counts as fitting."""
EVIDENCE_TOLERANCE = 0.02
ACCURACY_TOLERANCE = 0.01
"""Of identities in the mean: a hundred redraws of a few hundred images have a standard error of some 0.003."""
MEMORISED = 0.5
"""A prior that fits fewer random labels than this has left most of them to its noise."""


def verdict(ds: Dataset) -> list[Finding]:
    """Every claim is conditional on the priors that one pilot chose: intervals are over redraws, not over pilots."""
    detail = (
        f"Given the priors of pilot seed {config_of(ds)['pilot_seed']}; intervals are over redraws, not over pilots."
    )
    return [
        each._replace(
            claim=f"{each.claim.removesuffix('.')}, given this pilot's priors.", detail=f"{detail} {each.detail}"
        )
        for each in (*_fixed_findings(ds), *_chosen_findings(ds), *_laplace_findings(ds))
    ]


def _fixed_findings(ds: Dataset) -> list[Finding]:
    """Fit, fall, generalisation, evidence, its exact mean, chance, left-out labels."""
    rates, half, count = rates_of(ds)
    train, test, evidence = (
        redraws(ds, name)[ANY, ..., FIXED] for name in ("train_accuracy", "test_accuracy", "evidence")
    )
    ratios = redraws(ds, "mean_evidence")[..., FIXED] / redraws(ds, "expected_evidence")[..., FIXED]
    gaps = redraws(ds, "left_out_told")[..., FIXED] - identity(ds)
    kept, clean = test[:, half], test[:, 0]
    return [
        _fit("The process fits labels of every level of corruption.", train),
        _fall("Its test accuracy falls from each level to the next.", test, "accuracy"),
        finding(
            "It generalises better from half-corrupted labels than a nearest neighbour would.",
            bootstrap(lambda at, start: mean(at - (1 - rates[half]) * start) - rates[half] / count, kept, clean),
            low=0.0,
            unit="test accuracy above the straight line to chance",
            detail=f"Mean accuracy {kept.mean():.3f} at a corruption of {rates[half]:g}, clean {clean.mean():.3f}.",
        ),
        _fall("Its evidence falls from each level to the next.", evidence, "nats per image"),
        *(
            agreement(
                f"The evidence is its exact mean over labels ({kind}).",
                ratio,
                np.ones(len(rates)),
                tolerance=EVIDENCE_TOLERANCE,
            )
            for kind, ratio in zip(NOISE_KINDS, ratios, strict=True)
        ),
        finding(
            "From fully random labels it predicts at chance.",
            mean_over_seeds(test[:, -1] - 1.0 / count),
            low=-ACCURACY_TOLERANCE,
            high=ACCURACY_TOLERANCE,
            unit="test accuracy less 1 / K",
        ),
        finding(
            "Left-out accuracy on corrupted labels follows from that on the true ones.",
            bootstrap(lambda *kinds: np.max([largest_distance(mean(rows)) for rows in kinds], axis=0), *gaps),
            high=ACCURACY_TOLERANCE,
            unit="largest |mean difference| over levels and both kinds of corruption",
        ),
    ]


def _chosen_findings(ds: Dataset) -> list[Finding]:
    half = rates_of(ds)[1]
    train, test = redraws(ds, "train_accuracy")[ANY, ..., CHOSEN], redraws(ds, "test_accuracy")[ANY]
    return [
        finding(
            "A prior that the evidence chooses on random labels leaves them to its noise.",
            mean_over_seeds(train[:, -1]),
            high=MEMORISED,
            unit="training accuracy on fully random labels",
        ),
        finding(
            "A prior that the evidence chooses on half-corrupted labels generalises better than that of clean ones.",
            mean_over_seeds(test[:, half, CHOSEN] - test[:, half, FIXED]),
            low=0.0,
            unit="difference of test accuracies",
        ),
    ]


def _laplace_findings(ds: Dataset) -> list[Finding]:
    train, evidence = (redraws(ds, f"laplace_{name}")[ANY] for name in ("train_accuracy", "evidence"))
    return [
        _fit("Laplace's classifier fits labels of every level of corruption.", train),
        _fall("Laplace's evidence falls from each level to the next.", evidence, "nats per image"),
        finding(
            "On random labels Laplace's evidence is below that of tossing coins.",
            mean_over_seeds(evidence[:, -1] + math.log(2.0)),
            high=0.0,
            unit="log evidence per image + log 2 (nats)",
        ),
    ]


def _fit(claim: str, accuracy: np.ndarray) -> Finding:
    interval = bootstrap(lambda rows: smallest(mean(rows)), accuracy)
    return finding(claim, interval, low=FITTED, unit="smallest mean training accuracy over levels")


def _fall(claim: str, values: np.ndarray, unit: str) -> Finding:
    interval = bootstrap(lambda rows: largest_rise(mean(rows), relative=False), values)
    return finding(claim, interval, high=0.0, unit=f"largest change of the mean between levels ({unit})")
