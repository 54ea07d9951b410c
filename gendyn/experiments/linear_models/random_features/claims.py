"""Agreement on the sphere, and on both kinds of data: place, label noise, ridge, ensembles."""

import numpy as np

from gendyn import analysis
from gendyn.analysis import agreement, bootstrap, config_of, finding, interior_peak, median, peak_centre
from gendyn.experiments.linear_models._sphere import feature_counts, sphere_risk
from gendyn.experiments.linear_models.random_features.program import DATA
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


def table(ds: Dataset, data: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``N / n [P]``, and what was measured on one kind of data in finished redraws: name -> ``[S, V, L, P]``.

    Raises:
        ConfigError: none is finished.
    """
    config = config_of(ds)
    n = config[data]["num_train"]
    return np.array(feature_counts(config["ratios"], n)) / n, analysis.redraws_at(ds, {"data": data})


def closed_form(ds: Dataset, ratios: np.ndarray) -> np.ndarray:
    """Risk on the sphere at ``N / n = ratios [Q]``: ``[V, L, Q]``."""
    sphere = config_of(ds)["sphere"]
    return sphere_risk(ratios, sphere, np.array(sphere["label_noise"]))


def verdict(ds: Dataset) -> list[Finding]:
    """The closed form, then five claims on the sphere and the same on images."""
    ratios, values = table(ds, "sphere")
    exact, risk, away = closed_form(ds, ratios), values["risk"], np.abs(ratios - 1) >= OFF_PEAK
    law, flat = f"the closed form's within {TOLERANCE:.0%}", (len(risk), -1)
    ridgeless = f"On the sphere, without a ridge, the risk away from the peak is {law}."
    ridged = f"On the sphere, with a ridge, the risk is {law} everywhere."
    return [
        agreement(ridgeless, risk[:, :, 0, away].reshape(flat), exact[:, 0, away].ravel(), tolerance=TOLERANCE),
        agreement(ridged, risk[:, :, 1:].reshape(flat), exact[:, 1:].ravel(), tolerance=TOLERANCE),
        *(found for data in DATA for found in _peak_findings(ds, data)),
    ]


def _peak_findings(ds: Dataset, data: str) -> list[Finding]:
    members, (ratios, values) = config_of(ds)["members"], table(ds, data)
    at, risk = int(np.argmin(np.abs(ratios - 1))), values["risk"]

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
    claim = f"{data}: the largest ridge removes the peak, at the most label noise too."
    left = bootstrap(lambda rows: interior_peak(median(rows)).prominence, risk[:, -1, -1])
    removed = finding(claim, left, high=NO_PEAK, unit="prominence", detail="1 or less: monotone.")
    averaged = finding(
        f"{data}: the average over {members} feature draws has less than half of the risk of one at N = n.",
        analysis.median_over_seeds(values["ensemble_risk"][:, -1, 0, at] / risk[:, -1, 0, at]),
        high=HALF,
        unit="risk of the average / mean risk of its members, at N = n",
        detail="Median over redraws.",
    )
    return [*places, noise, removed, averaged]
