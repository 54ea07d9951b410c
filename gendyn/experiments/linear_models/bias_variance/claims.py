"""Sums, closed form, what makes the peak, and what averages leave: random features, then the network."""

import math

import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding, largest, mean, peak_centre
from gendyn.experiments.linear_models.bias_variance.program import PARTS
from gendyn.experiments.linear_models.bias_variance.tables import closed_form, table
from gendyn.types import Dataset, Finding

TOLERANCE = 0.06
"""Relative, of the risk against the closed form: corrections to the limit are of order ``1 / d``."""
OFF_PEAK = 0.25
"""``|N / n - 1|`` from which on means without a ridge are compared."""
ENSEMBLE_TOLERANCE = 0.10
"""Relative, of the absolute error of an ensemble's mean risk against its prediction, on average over places: single
places scatter by as much, since a redraw has eight cells."""
DISTINCT = 1 - math.exp(-1)
"""Share of a sample's examples that a bootstrap resample has."""
PLACE_TOLERANCE = 0.1
"""Of the place of the bagged peak: it is between two numbers of features that are as far apart."""
HALF = 0.5
ROUNDING = 1e-5
"""Relative, of sums of parts stored in float64 whose predictions may be float32."""
CROSSED = ("init:sample", "noise:init:sample")
"""The interactions of sample and initialisation."""


def verdict(ds: Dataset) -> list[Finding]:
    """Ten claims."""
    members, (ratios, features) = config_of(ds)["members"], table(ds, "random_features")
    widths, network = table(ds, "mlp")
    exact, risk, ridge = closed_form(ds, ratios), features["risk"], "Random features, smallest ridge"
    away, at = np.abs(ratios - 1) >= OFF_PEAK, int(np.argmin(np.abs(ratios - 1)))
    usable, everywhere = (np.ones(found["risk"].shape[1:], bool) for found in (features, network))
    usable[0] = away
    errors = [np.abs((found["squared_bias"] + found["variance"]) / found["risk"] - 1) for found in (features, network)]
    worst = bootstrap(lambda *tables: np.max([largest(rows) for rows in tables], axis=0), *errors)
    sums = "Bias and the seven components sum to the risk, in every redraw of both learners."
    law = f"Random features: the sum is the closed form within {TOLERANCE:.0%}, with a ridge everywhere, without one "
    found = [
        finding(sums, worst, high=ROUNDING, unit="largest |sum / risk - 1|"),
        agreement(
            f"{law}away from the peak.",
            np.concatenate([risk[:, 0, away], risk[:, 1:].reshape(len(risk), -1)], axis=1),
            np.concatenate([exact[0, away], exact[1:].ravel()]),
            tolerance=TOLERANCE,
        ),
        _rise(ridge, ratios, features, 1, at),
        _rise("Network, trained longest", widths, network, -1, None),
        _prediction("Random features", features, usable, members),
        _prediction("Network", network, everywhere, members),
    ]
    averages = {"ensemble_risk": f"{members} initialisations", "bagged_risk": f"{members} bootstrap resamples"}
    for name, what in averages.items():
        claim = f"{ridge}: averages over {what} have less than half of the peak of one fit."
        ratio = bootstrap(lambda a, b: mean(a).max(-1) / mean(b).max(-1), features[name][:, 1], risk[:, 1])
        found.append(finding(claim, ratio, high=HALF, unit="largest mean risk of the averages / of one fit"))
    moved = finding(
        f"{ridge}: bagging moves the peak to the examples that a resample has, 0.63 n.",
        bootstrap(lambda rows: peak_centre(ratios, mean(rows)), features["bagged_risk"][:, 1]),
        low=(1 - PLACE_TOLERANCE) * DISTINCT,
        high=(1 + PLACE_TOLERANCE) * DISTINCT,
        unit="N / n at the centre of the peak",
        detail="A bootstrap resample has n (1 - 1 / e) different examples.",
    )
    by_init = np.sum([network[name][:, -1] for name in PARTS if "init" in name], axis=0)
    fall = bootstrap(lambda rows: mean(rows)[:, -1] / mean(rows).max(axis=-1), by_init)
    claim = "Network: the variance that initialisation has a part in falls with width to less than half of its top."
    return [*found, moved, finding(claim, fall, high=HALF, unit="at the largest width / at its largest")]


def _rise(label: str, sizes: np.ndarray, found: dict[str, np.ndarray], level: int, peak: int | None) -> Finding:
    """Share of interactions of sample and initialisation in the rise of the variance from the largest size to a peak.

    Without a place the peak is where the mean variance is largest.
    """

    def share(variance: np.ndarray, interactions: np.ndarray) -> np.ndarray:
        total, part, rows = mean(variance), mean(interactions), np.arange(len(variance))
        places = np.argmax(total, axis=-1) if peak is None else peak
        with np.errstate(invalid="ignore", divide="ignore"):
            rise = total[rows, places] - total[:, -1]
            return np.asarray(np.where(rise > 0, (part[rows, places] - part[:, -1]) / rise, np.nan))

    variance, interactions = found["variance"][:, level], np.sum([found[name][:, level] for name in CROSSED], axis=0)
    where = sizes[int(np.argmax(variance.mean(0))) if peak is None else peak]
    return finding(
        f"{label}: most of the variance's rise to its peak is interaction of sample and initialisation.",
        bootstrap(share, variance, interactions),
        low=HALF,
        unit="share of the rise",
        detail=f"From size {sizes[-1]:g} to {where:g}; means over redraws.",
    )


def _prediction(label: str, found: dict[str, np.ndarray], places: np.ndarray, members: int) -> Finding:
    """Whether ensembles have the risk that the parts predict, on average over places ``[L, P]``."""
    measured, predicted = found["ensemble_risk"][:, places], found["predicted"][:, places]
    one, other = measured.mean(0), predicted.mean(0)
    # A mean over redraws that has a standard error s and nothing else is off by s sqrt(2 / pi) on average.
    errors = np.std(measured / one - predicted / other, axis=0) / math.sqrt(max(1, len(measured) - 1))
    claim = f"{label}: averages of {members} initialisations have the risk that the parts predict,"
    null, signed = np.mean(errors) * math.sqrt(2 / math.pi), np.mean(one / other - 1)
    return finding(
        f"{claim} within {ENSEMBLE_TOLERANCE:.0%}.",
        bootstrap(lambda a, b: np.mean(np.abs(mean(a) / mean(b) - 1), axis=-1), measured, predicted),
        high=ENSEMBLE_TOLERANCE,
        unit="mean over places of |measured / predicted mean risk - 1|",
        detail=f"{places.sum()} places; without a ridge those away from the peak. Sampling alone would make "
        f"{null:.1%}, which biases the interval against the claim; the mean of signed errors is {signed:+.1%}.",
    )
