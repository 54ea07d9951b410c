"""How often results in which a claimed effect is absent, but noise is not, support the claim."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import xarray

from gendyn.types import Finding

SHAPES = ("flat", "falling", "hump")
"""Of a curve over sizes, without its scatter: level, monotone, and a hump elsewhere that no descent comes before."""
MANY, FEW = 200, 20
"""Data sets of the slow and of the fast test."""
ALLOWED = {MANY: 0.05, FEW: 0.15}
"""The share of them that may support a claim: the few have a margin."""


def curves(
    random: np.random.Generator, shape: str, redraws: int, *sizes: int, scatter: float = 0.3, height: float = 1.0
) -> np.ndarray:
    """Positive curves over the last axis, ``[redraws, *sizes]``: a redraw scatters as a whole, and each place."""
    share = np.linspace(0.0, 1.0, sizes[-1])
    base = {
        "flat": np.ones_like(share),
        "falling": np.exp(-2.0 * share),
        "hump": 1.0 + 3.0 * np.exp(-(((share - 0.8) / 0.08) ** 2)) + share,
    }[shape]
    own = random.normal(size=(redraws, *[1] * len(sizes))) + random.normal(size=(redraws, *sizes))
    return height * base * np.exp(scatter * own)


def false_support(
    verdict: Callable[[xarray.Dataset], list[Finding]],
    no_effect: Callable[[np.random.Generator], xarray.Dataset],
    count: int,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """Primary claim -> share of ``count`` made-up data sets that support it."""
    random, supported = np.random.default_rng(seed), Counter[str]()
    for _ in range(count):
        for found in verdict(no_effect(random)):
            if found.role == "primary":
                supported[found.claim] += found.verdict == "supported"
    return {claim: number / count for claim, number in supported.items()}


def too_often(rates: dict[str, float], count: int, *, but: str = "nothing is left out") -> dict[str, float]:
    """The claims that are supported more often than is allowed; those that hold ``but`` are true of the data."""
    return {claim: rate for claim, rate in rates.items() if rate > ALLOWED[count] and but not in claim}
