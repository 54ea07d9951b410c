"""Claims of ``benign_gp``: regression with a fixed prior, with chosen ones, and Laplace's approximation."""

import math

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.benign_gp.controls import FEW_MODELS
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
STRUCTURE = 0.5
"""Of all test images: by so much more are predicted where images have structure."""
NATS = "nats per image"
OWN_PRIOR = ("On few images the process predicts better than a linear model and class means.",)
"""Claims whose priors are chosen in each redraw, and not by the pilot."""


def verdict(ds: Dataset) -> list[Finding]:
    """Every claim is conditional on the priors that one pilot chose: intervals are over redraws, not over pilots."""
    pilot = analysis.config_of(ds)["pilot_seed"]
    given = f"Given the priors of pilot seed {pilot}; intervals are over redraws, not over pilots."
    said: dict[int, analysis.Hypothesis] = {}
    for each in (*_fixed_findings(ds), *_chosen_findings(ds), *_laplace_findings(ds), *_few_findings(ds)):
        claim, before = each.claim.removesuffix("."), tuple(said[id(other)] for other in each.given)
        said[id(each)] = each._replace(
            claim=f"{claim}, given this pilot's priors." if each.claim not in OWN_PRIOR else each.claim,
            detail=" ".join(filter(None, (given * (each.claim not in OWN_PRIOR), each.detail))),
            given=before,
        )
    return analysis.family(list(said.values()))


def _fixed_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    """Fit, fall, structure with its control, generalisation, evidence, its exact mean, chance, left-out labels."""
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
    fits = _fit("The process fits labels of every level of corruption.", train[:, ANY])
    return [
        fits,
        _fall("Its test accuracy falls from each level to the next.", test[:, ANY], "accuracy"),
        *_structure(ds, clean, fits),
        analysis.finding(
            generalises,
            above,
            low=0.0,
            unit="test accuracy above the straight line to chance",
            detail=detail,
            role="exploratory",
        ),
        _fall("Its evidence falls from each level to the next.", evidence[:, ANY], NATS),
        *(
            analysis.agreement(f"{mean_of} ({kind}).", ratios[:, i], 1.0, tolerance=EVIDENCE_TOLERANCE)
            for i, kind in enumerate(INDEPENDENT_NOISE_KINDS)
        ),
        analysis.finding(by_chance, chance, low=-near, high=near, unit="test accuracy less 1 / K", role="check"),
        analysis.finding(
            follows, analysis.worst_place(None, gap, which="distance"), high=near, unit=unit, role="check"
        ),
    ]


def _structure(ds: Dataset, clean: np.ndarray, fits: analysis.Hypothesis) -> list[analysis.Hypothesis]:
    """That what fits random labels generalises from true ones; the control fits as well and has no structure."""
    names = ("scrambled_train_accuracy", "scrambled_test_accuracy")
    train, test = (table[:, ANY] for table in analysis.finished_tables(ds, AXES, *names))
    control = _fit("It fits true and random labels of scrambled images too.", train, "exploratory")
    return [
        control,
        analysis.finding(
            "What fits random labels generalises from true ones, and not on scrambled images.",
            analysis.mean_over_seeds(clean - test[:, 0]),
            low=STRUCTURE,
            unit="test accuracy less that on scrambled images, both from true labels",
            detail=f"Mean accuracy {clean.mean():.3f} and {test[:, 0].mean():.3f}. The pixels of each scrambled image "
            "have an order of their own; prior, process and labels are the same.",
            given=(fits, control),
        ),
    ]


def _chosen_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    half = rates_of(ds)[1]
    train, test = (table[:, ANY] for table in analysis.finished_tables(ds, AXES, "train_accuracy", "test_accuracy"))
    fitted = analysis.mean_over_seeds(train[:, -1, CHOSEN])
    better = analysis.mean_over_seeds(test[:, half, CHOSEN] - test[:, half, FIXED])
    fixed = _fit("Random labels are fitted under the prior of clean ones.", train[:, [-1], FIXED], "exploratory")
    leaves = "A prior that the evidence chooses on random labels leaves them to its noise."
    claim = "A prior that the evidence chooses on half-corrupted labels generalises better than that of clean ones."
    return [
        fixed,
        analysis.finding(
            leaves, fitted, high=MEMORISED, unit="training accuracy on fully random labels", given=(fixed,)
        ),
        analysis.finding(claim, better, low=0.0, unit="difference of test accuracies", role="exploratory"),
    ]


def _laplace_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    names = ("laplace_train_accuracy", "laplace_evidence")
    train, evidence = (table[:, ANY] for table in analysis.finished_tables(ds, AXES, *names))
    below, unit = analysis.mean_over_seeds(evidence[:, -1] + math.log(2.0)), "log evidence per image + log 2 (nats)"
    coins = "On random labels Laplace's evidence is below that of tossing coins."
    return [
        _fit("Laplace's classifier fits labels of every level of corruption.", train, "exploratory"),
        _fall("Laplace's evidence falls from each level to the next.", evidence, NATS, "exploratory"),
        analysis.finding(coins, below, high=0.0, unit=unit, role="exploratory"),
    ]


def _few_findings(ds: Dataset) -> list[analysis.Hypothesis]:
    """The process against two simpler models, each as good as a few images let it be."""
    few = analysis.finished_tables(ds, AXES, "few_accuracy")[0][:, ANY]
    sizes, means = analysis.config_of(ds)["few"], few.mean(axis=0)
    listed = "; ".join(
        f"{size}: {', '.join(f'{value:.3f}' for value in row)}" for size, row in zip(sizes, means, strict=True)
    )
    return [
        analysis.finding(
            OWN_PRIOR[0],
            analysis.worst_place(None, few[..., :1] - few[..., 1:], which="smallest"),
            low=0.0,
            unit="test accuracy less that of a simpler model, the smallest over numbers of images and models",
            detail=f"Mean accuracies of {', '.join(FEW_MODELS)} at {listed}. Hyperparameters maximise the evidence "
            "on the same few images.",
        )
    ]


def _fit(claim: str, accuracy: np.ndarray, role: str = "primary") -> analysis.Hypothesis:
    interval, unit = analysis.worst_place(None, accuracy, which="smallest"), "smallest mean training accuracy"
    detail = "No redraw misses a label." if np.all(accuracy == 1.0) else ""
    return analysis.finding(claim, interval, low=FITTED, unit=unit, detail=detail, role=role)


def _fall(claim: str, values: np.ndarray, unit: str, role: str = "primary") -> analysis.Hypothesis:
    interval, unit = analysis.worst_place(None, np.diff(values, axis=-1)), f"largest change of the mean ({unit})"
    return analysis.finding(claim, interval, high=0.0, unit=f"{unit} between levels", role=role)
