"""Noise alone must not pass: how often each finding is supported on 200 data sets in which it is false."""

import numpy as np
import pytest

from gendyn.analysis import family
from gendyn.experiments.double_descent.model_wise_double_descent.claims import findings_at

WIDTHS = np.array([2, 8, 16, 24, 32, 48, 64, 80, 96, 128, 256, 512])
X = np.linspace(0.0, 1.0, len(WIDTHS))
CONSTANT = 0.9
SEEDS = 8
NULLS = {
    "flat, at the constant": np.full(len(WIDTHS), CONSTANT),
    "flat, below it": np.full(len(WIDTHS), 0.5),
    "falling": CONSTANT * np.exp(-1.2 * X),
    "rising": CONSTANT * np.exp(0.6 * X),
    "falling to a plateau": np.maximum(CONSTANT - 1.6 * X, 0.35),
    "rising to a plateau": np.minimum(CONSTANT + 1.5 * X, 1.3),
    "hump without a first descent": np.array([0.9, 0.9, 0.9, 0.95, 1.05, 1.2, 1.3, 1.38, 1.4, 1.35, 1.1, 0.88]),
}
"""Test loss by width. In none of them does it fall, rise and fall."""
SCATTERS = (0.02, 0.1, 0.3)
"""Standard deviation of the logarithm of the loss over seeds, at each width on its own."""


def supported(truth, scatter, *, count, seed=0):
    """The share of ``count`` data sets in which each finding without a place is supported, ``[4]``."""
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        loss = truth * np.exp(scatter * random.normal(size=(SEEDS, len(truth))))
        # Each alone, without the correction.
        judged = family(findings_at(0.0, loss, np.ones_like(loss), 75.0 * WIDTHS + 10, 6000, CONSTANT, "exploratory"))
        found.append([each.verdict == "supported" for each in judged])
    return np.mean(found, axis=0)


def check(name, *, count):
    rates = np.array([supported(NULLS[name], scatter, count=count) for scatter in SCATTERS])
    # One side of a 90 % interval lets 5 % through; the share of so many data sets has a standard error of its own.
    assert rates.shape == (3, 4)
    assert rates.max() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / count), rates


@pytest.mark.parametrize("name", ["flat, at the constant", "falling", "hump without a first descent"])
def test_noise_is_not_supported(name):
    check(name, count=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", NULLS)
def test_noise_is_not_supported_on_200_data_sets(name):
    check(name, count=200)


def test_a_double_descent_is_supported_under_the_same_scatter():
    truth = np.array([0.9, 0.76, 0.48, 0.44, 0.5, 0.65, 0.71, 0.85, 0.98, 1.05, 0.86, 0.66])
    valley, peak, second, below = supported(truth, 0.1, count=20)
    assert min(valley, peak, second) == 1.0 and below == 0.0
