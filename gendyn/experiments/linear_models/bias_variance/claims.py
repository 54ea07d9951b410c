"""Sums, closed form, what makes the peak, and what averages leave of it."""

import functools
import math
from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.analysis import Hypothesis, agreement, config_of, family, finding, of_means
from gendyn.experiments.linear_models import _sphere
from gendyn.experiments.linear_models.bias_variance.program import LEARNERS, PARTS
from gendyn.experiments.linear_models.bias_variance.tables import table
from gendyn.types import Dataset, Finding

ENSEMBLE_TOLERANCE = 0.10  # relative, on average over places: single ones scatter by as much, at eight cells each
HALF = 0.5  # of the risk, that an average or a larger width may leave
PEAK = 1.5  # a peak of the variance over the higher of its valleys: what a claim about its parts presupposes
PLACE_TOLERANCE = 0.1  # relative: numbers of features at the bagged peak are as far apart
ROUNDING = 1e-5  # relative: parts stored in float64 may be of float32 predictions
CROSSED = ("init:sample", "noise:init:sample")


def verdict(ds: Dataset) -> list[Finding]:
    """Sums, closed form, what makes the peak, and what averages leave: random features, then the network."""
    config, (ratios, features), (widths, network) = config_of(ds), *(table(ds, name) for name in LEARNERS)
    risk, members, at = features["risk"], config["members"], int(np.argmin(np.abs(ratios - 1)))
    ridge, unit = "Random features, smallest ridge", "largest mean risk of the averages / of one fit"
    usable, everywhere = (np.ones(found["risk"].shape[1:], bool) for found in (features, network))
    usable[0] = np.abs(ratios - 1) >= _sphere.OFF_PEAK
    errors = [np.abs((found["squared_bias"] + found["variance"]) / found["risk"] - 1) for found in (features, network)]
    worst = analysis.largest_seen(np.concatenate([rows.reshape(len(rows), -1).max(axis=1) for rows in errors]))
    sums = "Bias and the seven components sum to the risk, in every redraw of both learners."
    law = f"Random features: the sum is the closed form within {_sphere.TOLERANCE:.0%}, with a ridge everywhere,"
    leaves, less = config["random_features"], "have less than half of the peak of one fit."
    exact = _sphere.sphere_risk(ratios, leaves, leaves["noise_variance"])[usable]
    peak, hump = _peak(ridge, features, 1), _peak("Network, trained longest", network, -1)
    averages: dict[str, tuple[str, Any]] = {
        "ensemble_risk": ("initialisations", {"given": (peak,)}),
        "bagged_risk": ("bootstrap resamples", {"given": (peak,), "role": "exploratory"}),
    }
    tops = [of_means(lambda a, b: a.max(-1) / b.max(-1), features[name][:, 1], risk[:, 1]) for name in averages]
    moved = of_means(functools.partial(analysis.peak_centre, ratios), features["bagged_risk"][:, 1])
    distinct, detail = 1 - math.exp(-1), "A bootstrap resample has n (1 - 1 / e) different examples."
    near: Any = {"low": (1 - PLACE_TOLERANCE) * distinct, "high": (1 + PLACE_TOLERANCE) * distinct, "detail": detail}
    near["given"] = (peak,)
    moves = f"{ridge}: bagging moves the peak to the examples that a resample has, 0.63 n."
    by_init = np.sum([network[name][:, -1] for name in PARTS if "init" in name], axis=0)
    fall = of_means(lambda means: means[:, -1] / means.max(axis=-1), by_init)
    falls = "Network: the variance that initialisation has a part in falls with width to less than half of its top."
    return family(
        [
            finding(sums, worst, high=ROUNDING, unit="largest |sum / risk - 1|", role="check"),
            agreement(f"{law} without one away from the peak.", risk[:, usable], exact, tolerance=_sphere.TOLERANCE),
            peak,
            _rise(ridge, ratios, features, 1, at, peak),
            hump,
            _rise("Network, trained longest", widths, network, -1, None, hump),
            _prediction("Random features", features, usable, members),
            _prediction("Network", network, everywhere, members),
            *(
                finding(f"{ridge}: averages over {members} {what} {less}", top, high=HALF, unit=unit, **about)
                for (what, about), top in zip(averages.values(), tops, strict=True)
            ),
            finding(moves, moved, unit="N / n at the centre of the peak", **near),
            finding(falls, fall, high=HALF, unit="at the largest width / at its largest"),
        ]
    )


def _peak(label: str, found: dict[str, np.ndarray], level: int) -> Hypothesis:
    """That there is a peak, whose parts can be asked for."""
    claim = f"{label}: the variance has a peak, at least {PEAK:g} times as high as both its valleys."
    height = of_means(lambda means: analysis.interior_peak(means).prominence, found["variance"][:, level])
    return finding(claim, height, low=PEAK, unit="peak / higher valley, of the mean variance", role="exploratory")


def _rise(
    label: str, sizes: np.ndarray, found: dict[str, np.ndarray], level: int, peak: int | None, given: Hypothesis
) -> Hypothesis:
    """That of the variance from the largest size to a peak, by default where the mean variance is largest."""
    variance, interactions = found["variance"][:, level], np.sum([found[name][:, level] for name in CROSSED], axis=0)
    where = sizes[int(np.argmax(variance.mean(0))) if peak is None else peak]
    return finding(
        f"{label}: most of the variance's rise to its peak is interaction of sample and initialisation.",
        of_means(functools.partial(analysis.share_of_rise, peak=peak), variance, interactions),
        low=HALF,
        unit="share of the rise",
        detail=f"From size {sizes[-1]:g} to {where:g}; means over redraws.",
        given=(given,),
    )


def _prediction(label: str, found: dict[str, np.ndarray], places: np.ndarray, members: int) -> Hypothesis:
    """Whether ensembles have the risk that the parts predict, on average over places ``[L, P]``."""
    measured, predicted = found["ensemble_risk"][:, places], found["predicted"][:, places]
    claim = f"{label}: averages of {members} initialisations have the risk that the parts predict,"
    null, signed = analysis.sampling_error(measured, predicted), np.mean(measured.mean(0) / predicted.mean(0) - 1)
    return finding(
        f"{claim} within {ENSEMBLE_TOLERANCE:.0%}.",
        of_means(lambda a, b: np.mean(np.abs(a / b - 1), axis=-1), measured, predicted),
        high=ENSEMBLE_TOLERANCE,
        unit="mean over places of |measured / predicted mean risk - 1|",
        detail=f"{places.sum()} places; without a ridge those away from the peak. Sampling alone would make "
        f"{null:.1%}, which biases the interval against the claim; the mean of signed errors is {signed:+.1%}.",
        role="check",
    )
