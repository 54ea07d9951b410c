"""The rates of each kernel, and odd frequencies without a bias."""

from gendyn.analysis import bootstrap, finding, largest_distance, largest_error, mean, power, smallest
from gendyn.experiments.curvature.spectral_bias_ntk.tables import Decay, decay
from gendyn.types import Dataset, Finding

TOLERANCE = 0.1
"""Relative error of a rate that still counts as agreement."""


def verdict(ds: Dataset) -> list[Finding]:
    """Five findings, in the order of the docstring."""
    without, with_bias = (decay(ds, use_bias=use_bias) for use_bias in (False, True))
    odd, means = (without.frequencies % 2 == 1) & (without.frequencies >= 3), f"Means over seeds.{without.sentence}"
    claim = "With bias the rate of odd frequencies from 3 on falls as the frequency to the power -2."
    slope = bootstrap(lambda rates: power(without.frequencies[odd], mean(rates)[:, odd]), with_bias.rates)
    unit, fit = "slope of log rate against log frequency", f"Least squares on means over seeds.{without.sentence}"
    falls = finding(claim, slope, low=-2.2, high=-1.8, unit=unit, detail=fit)
    change = bootstrap(lambda rows: largest_distance(mean(rows)[..., odd], 1.0), without.residuals[:, -1])
    claim, unit = "Without bias odd frequencies from 3 on are never learned.", "largest relative change of the residual"
    frozen = finding(claim, change, high=0.01, unit=f"{unit} by the last step", detail=means)
    fall = bootstrap(lambda rows: smallest(1.0 - mean(rows)[..., odd]), with_bias.residuals[:, -1])
    claim, unit = "With bias the same frequencies are learned (control).", "smallest relative fall of the residual"
    control = finding(claim, fall, low=0.5, unit=f"{unit} by the last step", detail=means)
    return [_agrees("without bias", without), _agrees("with bias", with_bias), falls, frozen, control]


def _agrees(name: str, found: Decay) -> Finding:
    learned, claim = found.predicted > 0, f"Every frequency is learned at the rate of the closed form, {name}."
    worst = bootstrap(lambda rates: largest_error(mean(rates)[:, learned], found.predicted[learned]), found.rates)
    unit = "largest |measured / predicted rate - 1| over frequencies"
    detail = f"Means over seeds; the largest of several errors is biased upwards, against the claim.{found.sentence}"
    return finding(claim, worst, high=TOLERANCE, unit=unit, detail=detail)
