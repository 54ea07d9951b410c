"""Whether simulation and closed form agree, as a finding."""

import numpy as np

from gendyn.analysis.bootstrap import bootstrap
from gendyn.analysis.finding import finding
from gendyn.core import ConfigError, check_range
from gendyn.types import Finding


def agreement(
    claim: str, redraws: np.ndarray, exact: np.ndarray, *, tolerance: float, level: float = 0.9, detail: str = ""
) -> Finding:
    """Whether the means over redraws are the closed form's values, everywhere and within a relative tolerance.

    The effect is ``max_p |mean_s redraws[s, p] / exact[p] - 1|`` with its bootstrap interval over redraws. The largest
    of several noisy errors is biased upwards, against the claim, so redraws have to be enough for the tolerance.

    Args:
        claim: what agrees with what, and where.
        redraws: ``[S, P]``; the mean must exist there (not at an interpolation threshold).
        exact: ``[P]``, finite and not 0.
        tolerance: relative; above 0.
        level: of the interval.
        detail: the setting; added are the place of the largest error, and redraws that are not finite, with which
            nothing is decided.

    Raises:
        ConfigError: no redraws, shapes that do not fit, a closed form that is 0 or not finite, or no tolerance.

    >>> noise = np.random.default_rng(0).normal(1.0, 0.05, [400, 3])
    >>> agreement("means are 1", noise, np.ones(3), tolerance=0.02).verdict
    'supported'
    >>> agreement("means are 2", noise, np.full(3, 2.0), tolerance=0.02).verdict
    'refuted'
    """
    check_range("tolerance", tolerance, low=0, open_low=True)
    table, truth = np.asarray(redraws, float), np.asarray(exact, float)
    if table.ndim != 2 or table.shape[1:] != truth.shape or not table.size:
        raise ConfigError(f"redraws {table.shape} and exact {truth.shape} do not fit; pass [S, P] and [P], S, P >= 1.")
    if not np.all(np.isfinite(truth) & (truth != 0)):
        raise ConfigError("exact must be finite and not 0 everywhere; leave out where it is not, such as a threshold.")
    broken = ~np.isfinite(table)
    if broken.any():
        detail = (
            f"{detail} {broken.any(axis=1).sum():,} redraws are not finite, at {broken.any(axis=0).sum()} places, the "
            f"first place {int(np.argmax(broken.any(axis=0)))}: undecided."
        )
    ratios = np.where(broken, np.nan, table) / truth
    errors = np.abs(ratios.mean(axis=0) - 1.0)
    worst = int(np.argmax(errors))
    return finding(
        claim,
        bootstrap(lambda rows: np.max(np.abs(rows.mean(axis=1) - 1.0), axis=-1), ratios, level=level),
        high=tolerance,
        unit="largest |mean / closed form - 1|",
        detail=f"{detail} {len(table):,} redraws at {len(truth)} places; the largest error is at place {worst}, "
        f"median error {np.median(errors):.2%}.".strip(),
    )
