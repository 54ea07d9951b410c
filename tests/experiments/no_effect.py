"""Made-up results in which what is claimed is absent, and how often noise alone makes them support it."""

from collections.abc import Callable

import numpy as np
import xarray

from gendyn.types import Finding

SHAPES = ("flat", "falling", "hump")
"""Of a curve over sizes, without its scatter: level, monotone, and a hump elsewhere that no descent comes before."""
FEW, MANY = 20, 200
"""Data sets of the fast test and of the slow one."""
ALLOWED = {FEW: 3, MANY: 10}
"""False supports of one claim: 5 % of many; of few, what 5 % exceeds in 2 % of the cases."""


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


def false_supports(
    verdict: Callable[[xarray.Dataset], list[Finding]],
    make: Callable[[np.random.Generator], xarray.Dataset],
    count: int,
) -> dict[str, int]:
    """Primary claim -> how many of ``count`` data sets support it, of those that more than the allowed number do."""
    random, supported = np.random.default_rng(0), dict[str, int]()
    for _ in range(count):
        for found in verdict(make(random)):
            if found.role == "primary" and found.verdict == "supported":
                supported[found.claim] = supported.get(found.claim, 0) + 1
    return {claim: times for claim, times in supported.items() if times > ALLOWED[count]}
