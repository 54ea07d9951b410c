"""Agreement on the sphere, and on both kinds of data: place, label noise, ridge, ensembles."""

import numpy as np

from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
    interior_peak,
    median,
    median_over_seeds,
    peak_centre,
)
from gendyn.experiments.linear_models.random_features.program import DATA
from gendyn.experiments.linear_models.random_features.tables import closed_form, table
from gendyn.types import Dataset, Finding

TOLERANCE = 0.06
"""Relative, of a mean on the sphere: corrections to the limit are of order ``1 / d``."""
OFF_PEAK = 0.25
"""``|N / n - 1|`` from which on the ridgeless risk is compared: nearer to the peak its mean over redraws is erratic."""
PLACE_TOLERANCE = 0.05
"""Of the place of a peak."""
NO_PEAK = 1.1
"""Peak over the higher of its valleys below which there is none."""
TWICE = 2.0
"""What label noise adds to the risk at ``N = n``, over what it adds at the ends of the sweep."""
HALF = 0.5
"""Share of the risk at ``N = n`` that an ensemble may leave."""


def verdict(ds: Dataset) -> list[Finding]:
    """The closed form, then five claims on the sphere and the same on images."""
    sphere = table(ds, "sphere")
    exact, risk = closed_form(ds, sphere.ratios), sphere.values["risk"]
    away = np.abs(sphere.ratios - 1) >= OFF_PEAK
    found = [
        agreement(
            f"On the sphere, without a ridge, the risk away from the peak is the closed form's within {TOLERANCE:.0%}.",
            risk[:, :, 0, away].reshape(len(risk), -1),
            exact[:, 0, away].ravel(),
            tolerance=TOLERANCE,
        ),
        agreement(
            f"On the sphere, with a ridge, the risk is the closed form's within {TOLERANCE:.0%} everywhere.",
            risk[:, :, 1:].reshape(len(risk), -1),
            exact[:, 1:].ravel(),
            tolerance=TOLERANCE,
        ),
    ]
    return [*found, *(each for data in DATA for each in _peak_findings(ds, data))]


def _peak_findings(ds: Dataset, data: str) -> list[Finding]:
    ratios, values = table(ds, data)
    at = int(np.argmin(np.abs(ratios - 1)))
    risk, ensemble = values["risk"], values["ensemble_risk"]

    def added(rows: np.ndarray) -> np.ndarray:
        medians = median(rows)
        return np.asarray(medians[:, at] / np.maximum(medians[:, 0], medians[:, -1]))

    places = [
        finding(
            f"{data}: without a ridge the {what} peaks at as many features as examples.",
            bootstrap(lambda rows: peak_centre(ratios, median(rows)), values[name][:, -1, 0]),
            low=1 - PLACE_TOLERANCE,
            high=1 + PLACE_TOLERANCE,
            unit="N / n at the centre of the peak",
            detail="Centre, in log N, of the interval above half height of the median over redraws.",
        )
        for name, what in (("risk", "test risk"), ("coefficient_norm", "norm of the coefficients"))
    ]
    noise = finding(
        f"{data}: label noise adds more than twice as much risk at N = n as at either end of the sweep.",
        bootstrap(added, risk[:, -1, 0] - risk[:, 0, 0]),
        low=TWICE,
        unit="risk added at N = n / the larger of those added at the ends",
        detail="The most label noise against the least, on the same sample; medians over redraws.",
    )
    removed = finding(
        f"{data}: the largest ridge removes the peak, at the most label noise too.",
        bootstrap(lambda rows: interior_peak(median(rows)).prominence, risk[:, -1, -1]),
        high=NO_PEAK,
        unit="prominence",
        detail="1 or less: monotone.",
    )
    averaged = finding(
        f"{data}: the average over {config_of(ds)['members']} feature draws has less than half of the risk of one at "
        "N = n.",
        median_over_seeds(ensemble[:, -1, 0, at] / risk[:, -1, 0, at]),
        high=HALF,
        unit="risk of the average / mean risk of its members, at N = n",
        detail="Median over redraws.",
    )
    return [*places, noise, removed, averaged]
