"""Claims of ``evidence_vs_order``: of each basis under both priors, and two closed forms."""

import functools

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.evidence_vs_order.program import AXES, DEPENDENT, FOURIER, ISOTROPIC
from gendyn.types import Dataset, Finding

STRONG, MENTION = 3.0, 1.0
"""Nats: strong evidence, and the most that is not worth mentioning (Kass & Raftery: 6 and 2 on their doubled scale)."""
LEVEL = 0.1
"""Of the isotropic prior's change: an evidence that changes less has levelled off."""
SEQUENTIAL_TOLERANCE = 1e-8
EXPECTATION_TOLERANCE = 0.02
"""Nats per point; the evidence per point scatters by ``1 / sqrt(2 n)`` from one draw of the noise to the next."""
PRIMARY = ("chebyshev", "monomial")
"""Polynomials whose maximum and fall are primary; of Fourier models the preference is."""


def verdict(ds: Dataset) -> list[Finding]:
    """For each basis: maximum, rise, no fall, preference, levelling off; then the two checks."""
    evidence = analysis.finished_tables(ds, AXES, "log_evidence")[0]
    config, noises, found = analysis.config_of(ds), np.unique(ds["noise"]), []
    for b, basis in enumerate(np.unique(ds["basis"])):
        # [S, noises, orders]: a redraw is resampled with all its noise levels.
        found += _of_basis(str(basis), evidence[:, b, ISOTROPIC], evidence[:, b, DEPENDENT], noises)
    return analysis.family([*found, *_checks(ds, config)])


def _of_basis(
    basis: str, isotropic: np.ndarray, dependent: np.ndarray, noises: np.ndarray
) -> list[analysis.Hypothesis]:
    nats, smallest_of, largest = "nats of mean evidence", "the smallest over noise levels", isotropic.shape[-1] - 1
    late, polynomial = 2 * largest // 3, "primary" if basis in PRIMARY else "exploratory"
    explored = functools.partial(analysis.finding, role="exploratory")
    same, falling = f"Isotropic prior on {basis} coefficients", f"Order-dependent prior on {basis} coefficients"
    best = ", ".join(
        f"{order} at {noise:g}" for order, noise in zip(isotropic.mean(axis=0).argmax(axis=-1), noises, strict=True)
    )
    peak = analysis.finding(
        f"{same}: the evidence has its maximum at an intermediate order.",
        analysis.worst_place(lambda means: _below_peak(means, [0, -1]), isotropic, which="smallest"),
        low=STRONG,
        unit=f"{nats} by which the maximum exceeds both ends, {smallest_of}",
        detail=f"Best order: {best}.",
        role=polynomial,
    )
    rises = explored(
        f"{falling}: the evidence rises with the order.",
        analysis.worst_place(lambda means: _below_peak(means, [0]), dependent, which="smallest"),
        low=STRONG,
        unit=f"{nats} from order 0 to the maximum, {smallest_of}",
    )
    falls = analysis.finding(
        f"{falling}: beyond its maximum the evidence does not fall.",
        analysis.worst_place(None, dependent - dependent[..., -1:]),
        high=MENTION,
        unit=f"{nats} from the maximum to the largest order, the largest over noise levels",
        given=(rises,),
        role=polynomial,
    )
    prefers = analysis.finding(
        f"{falling}: the evidence prefers the largest order to the isotropic prior's best one.",
        analysis.worst_place(_preference, isotropic, dependent, which="smallest"),
        low=STRONG,
        unit=f"{nats} of the largest order above that one, {smallest_of}",
        detail=f"Best order of the isotropic prior: {best}.",
        role="primary" if basis in FOURIER else "exploratory",
    )
    contrast = explored(
        f"{same}: over the last third of the orders the evidence still changes.",
        analysis.worst_place(lambda means: _late(means, late), isotropic, which="smallest"),
        low=MENTION,
        unit=f"{nats} over orders {late} to {largest}, {smallest_of}",
    )
    levels = explored(
        f"{falling}: there the evidence has levelled off, against the isotropic prior.",
        analysis.worst_place(lambda a, b: _late_ratio(a, b, late), isotropic, dependent),
        high=LEVEL,
        unit=f"change over orders {late} to {largest} / that of the isotropic prior, the largest over noise levels",
        detail=f"It changes by {_late(dependent.mean(axis=0), late).max():.2g} nats at most.",
        given=(rises, contrast),
    )
    return [peak, rises, falls, prefers, contrast, levels]


def _checks(ds: Dataset, config: dict) -> list[analysis.Hypothesis]:
    names = ("log_evidence", "expected_log_evidence", "sequential_error")
    evidence, expected, sequential = analysis.finished_tables(ds, AXES, *names)
    polynomial = ~np.isin(np.unique(ds["basis"]), FOURIER)
    sums = analysis.finding(
        "The evidence is the sum of the sequential predictive densities.",
        analysis.largest_seen(sequential),
        high=SEQUENTIAL_TOLERANCE,
        unit="largest relative difference",
        detail=f"Over {sequential.size:,} models, float64.",
        role="check",
    )
    if not polynomial.any():
        return [sums]
    gaps = (evidence - expected)[:, polynomial][..., config["teacher_order"] :]
    distance = analysis.worst_place(None, gaps / config["num_points"], which="distance")
    exact = analysis.finding(
        "The mean evidence is the exact expectation over label noise, from the order of the target on.",
        distance,
        high=EXPECTATION_TOLERANCE,
        unit="largest |mean difference|, nats per point",
        detail="Over all orders that can represent the target, noise levels, priors and polynomial bases. A smaller "
        "model, and a Fourier series, misses by far more, and so does its scatter. The largest of several errors is "
        "biased upwards, against the claim.",
        role="check",
    )
    return [sums, exact]


def _below_peak(means: np.ndarray, places: list[int]) -> np.ndarray:
    """The maximum over orders less the highest value at ``places``: ``[B, noises, orders] -> [B, noises]``."""
    return np.asarray(means.max(axis=-1) - means[..., places].max(axis=-1))


def _preference(isotropic: np.ndarray, dependent: np.ndarray) -> np.ndarray:
    """The largest order's evidence less that at the isotropic prior's best order: ``[B, noises]``."""
    best = isotropic.argmax(axis=-1)[..., None]
    return np.asarray(dependent[..., -1] - np.take_along_axis(dependent, best, axis=-1)[..., 0])


def _late(means: np.ndarray, late: int) -> np.ndarray:
    """The change from an order to the largest, ``[..., noises]``."""
    return np.asarray(np.abs(means[..., -1] - means[..., late]))


def _late_ratio(isotropic: np.ndarray, dependent: np.ndarray, late: int) -> np.ndarray:
    """That change under the order-dependent prior / under the isotropic one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_late(dependent, late) / _late(isotropic, late))
