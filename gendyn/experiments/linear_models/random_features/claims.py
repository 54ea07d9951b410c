"""The closed form; the peak, its place, what label noise adds to it, and what removes it."""

import functools

import numpy as np

from gendyn import analysis
from gendyn.analysis import Hypothesis, agreement, config_of, family, finding
from gendyn.experiments.linear_models import _sphere
from gendyn.experiments.linear_models.random_features.program import DATA
from gendyn.experiments.linear_models.random_features.tables import table
from gendyn.types import Dataset, Finding

PLACE_TOLERANCE = 0.05
"""Of the place of a peak."""
PEAK, NO_PEAK = 1.5, 1.1
"""Peak over the higher of its valleys, above which there is one and below which there is none."""
TWICE = 2.0
"""What label noise adds to the risk at ``N = n``, over what it adds at the ends of the sweep."""
HALF = 0.5
"""Share of the risk at ``N = n`` that an ensemble may leave."""


def verdict(ds: Dataset) -> list[Finding]:
    """The closed form, then six claims on the sphere and the same on images."""
    sphere, (ratios, values) = config_of(ds)["sphere"], table(ds, "sphere")
    risk, away = values["risk"], np.abs(ratios - 1) >= _sphere.OFF_PEAK
    exact = _sphere.sphere_risk(ratios, sphere, sphere["label_noise"])
    law = f"the closed form's within {_sphere.TOLERANCE:.0%}"
    ridgeless = f"On the sphere, without a ridge, the risk away from the peak is {law}."
    ridged = f"On the sphere, with a ridge, the risk is {law} everywhere."
    return family(
        [
            agreement(ridgeless, risk[:, :, 0, away], exact[:, 0, away], tolerance=_sphere.TOLERANCE),
            agreement(ridged, risk[:, :, 1:], exact[:, 1:], tolerance=_sphere.TOLERANCE),
            *(found for data in DATA for found in _peak_findings(ds, data)),
        ]
    )


def _peak_findings(ds: Dataset, data: str) -> list[Hypothesis]:
    members, (ratios, values) = config_of(ds)["members"], table(ds, data)
    at, risk = int(np.argmin(np.abs(ratios - 1))), values["risk"]
    split = "" if data == "sphere" else "One pool of images, and one set of test images, in all redraws."

    def added(medians: np.ndarray) -> np.ndarray:
        return np.asarray(medians[:, at] / np.maximum(medians[:, 0], medians[:, -1]))

    noisy = values["risk"][:, -1]
    stands, unit = lambda rows: analysis.interior_peak(rows).prominence, "peak / higher of its valleys"
    peak = finding(
        f"{data}: without a ridge the test risk has a peak, at least {PEAK:g} times as high as both its valleys.",
        analysis.of_medians(stands, noisy[:, 0]),
        low=PEAK,
        unit=unit,
        detail=f"At the most label noise; medians over redraws. {split}".strip(),
        role="exploratory",
    )
    places = [
        finding(
            f"{data}: without a ridge the {what} peaks at as many features as examples.",
            analysis.of_medians(functools.partial(analysis.peak_centre, ratios), values[name][:, -1, 0]),
            low=1 - PLACE_TOLERANCE,
            high=1 + PLACE_TOLERANCE,
            unit="N / n at the centre of the peak",
            detail=f"Centre, in log N, of the interval above half height of the median over redraws. {split}".strip(),
            given=given,
            role=role,
        )
        for name, what, given, role in (
            ("risk", "test risk", (peak,), "primary"),
            ("coefficient_norm", "norm of the coefficients", (), "exploratory"),
        )
    ]
    noise = finding(
        f"{data}: label noise adds more than twice as much risk at N = n as at either end of the sweep.",
        analysis.of_medians(added, risk[:, -1, 0] - risk[:, 0, 0]),
        low=TWICE,
        unit="risk added at N = n / the larger of those added at the ends",
        detail=f"The most label noise against the least, on the same sample; medians over redraws. {split}".strip(),
        given=(peak,),
    )
    claim = f"{data}: the largest ridge removes the peak, at the most label noise too."
    left, detail = analysis.of_medians(stands, noisy[:, -1]), f"1 or less: monotone. {split}".strip()
    removed = finding(claim, left, high=NO_PEAK, unit=unit, detail=detail, given=(peak,))
    averaged = finding(
        f"{data}: the average over {members} feature draws has less than half of the risk of one at N = n.",
        analysis.median_over_seeds(values["ensemble_risk"][:, -1, 0, at] / risk[:, -1, 0, at]),
        high=HALF,
        unit="risk of the average / mean risk of its members, at N = n",
        detail="Median over redraws.",
        given=(peak,),
        role="exploratory",
    )
    return [peak, *places, noise, removed, averaged]
