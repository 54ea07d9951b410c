"""Sums, closed form, what makes the peak, and what averages leave: random features, then the network."""

import math

import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding, largest, mean, peak_centre
from gendyn.experiments.linear_models.bias_variance.tables import Table, closed_form, table
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
    members, features, network = config_of(ds)["members"], table(ds, "random_features"), table(ds, "mlp")
    exact, risk = closed_form(ds, features.sizes), features.values["risk"]
    away = np.abs(features.sizes - 1) >= OFF_PEAK
    at = int(np.argmin(np.abs(features.sizes - 1)))
    errors = [np.abs(found.predicted() / found.values["risk"] - 1) for found in (features, network)]
    sums = finding(
        "Bias and the seven components sum to the risk, in every redraw of both learners.",
        bootstrap(lambda *tables: np.max([largest(rows) for rows in tables], axis=0), *errors),
        high=ROUNDING,
        unit="largest |sum / risk - 1|",
    )
    law = agreement(
        f"Random features: the sum is the closed form within {TOLERANCE:.0%}, with a ridge everywhere, without one "
        "away from the peak.",
        np.concatenate([risk[:, 0, away], risk[:, 1:].reshape(len(risk), -1)], axis=1),
        np.concatenate([exact[0, away], exact[1:].ravel()]),
        tolerance=TOLERANCE,
    )
    usable, everywhere = (np.ones(found.values["risk"].shape[1:], bool) for found in (features, network))
    usable[0] = away
    left = [
        finding(
            f"Random features, smallest ridge: averages over {what} have less than half of the peak of one fit.",
            bootstrap(
                lambda several, one: mean(several).max(-1) / mean(one).max(-1), features.values[name][:, 1], risk[:, 1]
            ),
            high=HALF,
            unit="largest mean risk of the averages / of one fit",
        )
        for name, what in (
            ("ensemble_risk", f"{members} initialisations"),
            ("bagged_risk", f"{members} bootstrap resamples"),
        )
    ]
    moved = finding(
        "Random features, smallest ridge: bagging moves the peak to the examples that a resample has, 0.63 n.",
        bootstrap(lambda rows: peak_centre(features.sizes, mean(rows)), features.values["bagged_risk"][:, 1]),
        low=(1 - PLACE_TOLERANCE) * DISTINCT,
        high=(1 + PLACE_TOLERANCE) * DISTINCT,
        unit="N / n at the centre of the peak",
        detail="A bootstrap resample has n (1 - 1 / e) different examples.",
    )
    by_init = np.sum([value[:, -1] for name, value in network.parts.items() if "init" in name], axis=0)
    falls = finding(
        "Network: the variance that initialisation has a part in falls with width to less than half of its top.",
        bootstrap(lambda rows: mean(rows)[:, -1] / mean(rows).max(axis=-1), by_init),
        high=HALF,
        unit="at the largest width / at its largest",
    )
    return [
        sums,
        law,
        _rise("Random features, smallest ridge", features, 1, at),
        _rise("Network, trained longest", network, -1, None),
        _prediction("Random features", features, usable, members),
        _prediction("Network", network, everywhere, members),
        *left,
        moved,
        falls,
    ]


def _rise(label: str, found: Table, level: int, peak: int | None) -> Finding:
    """Share of interactions of sample and initialisation in the rise of the variance from the largest size to a peak.

    Without a place the peak is where the mean variance is largest.
    """

    def share(variance: np.ndarray, interactions: np.ndarray) -> np.ndarray:
        total, part = mean(variance), mean(interactions)
        places = np.argmax(total, axis=-1) if peak is None else np.full(len(total), peak)
        rows = np.arange(len(total))
        with np.errstate(invalid="ignore", divide="ignore"):
            rise = total[rows, places] - total[:, -1]
            return np.asarray(np.where(rise > 0, (part[rows, places] - part[:, -1]) / rise, np.nan))

    interactions, variance = np.sum([found.parts[name][:, level] for name in CROSSED], axis=0), found.variance[:, level]
    where = found.sizes[int(np.argmax(variance.mean(0))) if peak is None else peak]
    return finding(
        f"{label}: most of the variance's rise to its peak is interaction of sample and initialisation.",
        bootstrap(share, variance, interactions),
        low=HALF,
        unit="share of the rise",
        detail=f"From size {found.sizes[-1]:g} to {where:g}; means over redraws.",
    )


def _prediction(label: str, found: Table, places: np.ndarray, members: int) -> Finding:
    """Whether ensembles have the risk that the parts predict, on average over places ``[L, P]``."""
    measured, predicted = found.values["ensemble_risk"][:, places], found.predicted(init=members)[:, places]
    one, other = measured.mean(0), predicted.mean(0)
    # A mean over redraws that has a standard error s and nothing else is off by s sqrt(2 / pi) on average.
    errors = np.std(measured / one - predicted / other, axis=0) / math.sqrt(max(1, len(measured) - 1))
    null, signed = np.mean(errors) * math.sqrt(2 / math.pi), np.mean(one / other - 1)
    return finding(
        f"{label}: averages of {members} initialisations have the risk that the parts predict, within "
        f"{ENSEMBLE_TOLERANCE:.0%}.",
        bootstrap(lambda a, b: np.mean(np.abs(mean(a) / mean(b) - 1), axis=-1), measured, predicted),
        high=ENSEMBLE_TOLERANCE,
        unit="mean over places of |measured / predicted mean risk - 1|",
        detail=f"{places.sum()} places; without a ridge those away from the peak. Sampling alone would make "
        f"{null:.1%}, which biases the interval against the claim; the mean of signed errors is {signed:+.1%}.",
    )
