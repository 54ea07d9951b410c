"""Closed forms of errors and dimensions, the peak and the second descent, and what tracks it."""

import functools
from collections.abc import Sequence

import numpy as np

from gendyn import theory
from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
    interior_peak,
    largest_error,
    mean,
    peak_places,
    scatter,
    spearman,
)
from gendyn.experiments.linear_models.weak_features.program import OFF_PEAK
from gendyn.experiments.linear_models.weak_features.tables import redraws, sizes_of
from gendyn.types import Dataset, Finding

ERROR_TOLERANCE, DIMENSION_TOLERANCE, COMPLEMENT_TOLERANCE = 0.02, 0.005, 0.05
"""Relative errors of means that still count as the closed form; the complement is a small part of the dimension."""
PLACE_TOLERANCE = 0.05
MONOTONE = 0.9
"""Rank correlation with the risk above which a quantity is said to fall with it."""
TRACKING = 0.5
"""Scatter of the risk about a quantity, over that about ``log d``, below which the quantity is said to track it: mere
size leaves at least four times the variance."""


def verdict(ds: Dataset) -> list[Finding]:
    """Laws, peaks, the second descent; what the complement does there, and what the effective dimension does."""
    n, sizes, _ = sizes_of(ds)
    risk, dimension, complement = (redraws(ds, name) for name in ("risk", "effective_dimension", "complement"))
    logs = np.log(risk)
    peak = finding(
        "The test error peaks where features and examples are equal.",
        bootstrap(lambda rows: largest_error(peak_places(sizes, rows), n), logs),
        high=PLACE_TOLERANCE,
        unit="|d at the peak / n - 1|",
        detail="Peak of the geometric mean over redraws.",
    )
    valley = int(np.argmin(theory.weak_features_risk(n, sizes[sizes < n])))
    below = finding(
        f"The second descent goes below the first valley by d = {sizes[-1]}.",
        bootstrap(lambda rows: mean(rows)[:, 1] / mean(rows)[:, 0], risk[:, [valley, -1]]),
        high=1.0,
        unit=f"mean risk at d = {sizes[-1]} / at d = {sizes[valley]}",
        detail="The valley is placed by the closed form.",
        given=(peak,),
    )
    at_n = finding(
        "The complement of the effective dimension peaks at d = n.",
        bootstrap(lambda rows: largest_error(peak_places(sizes, rows), n), np.log(complement)),
        high=PLACE_TOLERANCE,
        unit="largest |d at the peak / n - 1| over penalties",
    )
    prominent = finding(
        "The effective dimension itself has a peak.",
        bootstrap(lambda rows: interior_peak(mean(rows)).prominence.max(axis=1), dimension),
        low=1.0,
        unit="peak / higher of its two valleys, the largest over penalties",
        detail="Mean over redraws; a curve that rises everywhere has at most 1.",
    )
    follows = functools.partial(_second_descent, risk=logs, sizes=sizes, n=n)
    of_complement = follows(
        "complement of the effective dimension", np.log(complement), penalties=config_of(ds)["penalties"]
    )
    of_dimension = follows("effective dimension", np.log(dimension), penalties=())
    return [*_laws(ds), peak, below, at_n, *of_complement, prominent, *of_dimension]


def _laws(ds: Dataset) -> list[Finding]:
    n, sizes, laws = sizes_of(ds)
    risk, train = redraws(ds, "risk"), redraws(ds, "train_squared_error")
    dimension, complement = redraws(ds, "effective_dimension"), redraws(ds, "complement")
    off, under = np.abs(sizes - n) >= OFF_PEAK * n, sizes <= (1.0 - OFF_PEAK) * n
    missed, flat = np.array([law[1] for law in laws]), (len(risk), -1)
    return [
        agreement(
            f"The mean test error is the exact one on both sides of the peak, |d - n| >= {OFF_PEAK:g} n.",
            risk[:, off],
            theory.weak_features_risk(n, sizes[off]),
            tolerance=ERROR_TOLERANCE,
        ),
        agreement(
            f"The mean training error is the exact one for d <= {1 - OFF_PEAK:g} n.",
            train[:, under],
            theory.weak_features_train_error(n, sizes[under]),
            tolerance=ERROR_TOLERANCE,
        ),
        agreement(
            "The effective dimension is its closed form at every d.",
            dimension.reshape(flat),
            np.concatenate([law[0] for law in laws]),
            tolerance=DIMENSION_TOLERANCE,
            detail="The self-consistent form of the true spectrum.",
        ),
        agreement(
            "The complement of the effective dimension is its closed form on both sides of the peak, "
            f"|d - n| >= {OFF_PEAK:g} n.",
            complement[..., off].reshape(flat),
            missed[:, off].ravel(),
            tolerance=COMPLEMENT_TOLERANCE,
            detail=f"Over all d the largest error is {np.max(np.abs(complement.mean(axis=0) / missed - 1.0)):.1%}.",
        ),
    ]


def _second_descent(
    name: str, values: np.ndarray, *, risk: np.ndarray, sizes: np.ndarray, n: int, penalties: Sequence[float]
) -> list[Finding]:
    """Whether a quantity falls with the risk over ``d > n``, and whether it tracks it better than the size does.

    Args:
        name: of the quantity.
        values: its logarithms, ``[S, A, P]``.
        risk: those of the risk, ``[S, P]``.
        sizes: ``[P]``.
        n: number of examples.
        penalties: those ``A``, each of which has to track the risk; none: one of them is enough.
    """
    second, far = sizes > n, sizes >= (1.0 + OFF_PEAK) * n

    def monotone(risk: np.ndarray, values: np.ndarray) -> np.ndarray:
        found = spearman(mean(risk)[:, None], mean(values))
        return np.asarray(found.min(axis=1) if penalties else found.max(axis=1))

    def tracking(logs: np.ndarray, risk: np.ndarray, values: np.ndarray) -> np.ndarray:
        target = mean(risk)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):  # a risk that is a power of the size: nothing to track
            return np.asarray((scatter(target, mean(values), rising=True) / scatter(target, logs)).min(axis=1))

    found = [
        finding(
            f"Over d > n the {name} falls with the test error: a monotone order, which 1 / d has too.",
            bootstrap(monotone, risk[:, second], values[..., second]),
            low=MONOTONE,
            unit="rank correlation with the test error",
            detail=f"Of geometric means over redraws, the {'smallest' if penalties else 'largest'} over penalties.",
        )
    ]
    logs = np.log(sizes)
    control = tracking(logs[second], risk[None, :, second], -logs[None, None, None, second])[0]
    groups = [(f" at penalty {penalty:g}", values[:, [i]]) for i, penalty in enumerate(penalties)]
    for label, chosen in groups or [("", values)]:
        outside = tracking(logs[far], risk[None, :, far], chosen[None, ..., far])[0]
        found.append(
            finding(
                f"The {name}{label} tracks the second descent: it leaves less than half of the scatter that "
                "size leaves.",
                bootstrap(functools.partial(tracking, logs[second]), risk[:, second], chosen[..., second]),
                high=TRACKING,
                unit="scatter of the log risk about a rising line in the log of it / about a line in log d, d > n",
                detail=f"Of geometric means over redraws{'' if label else ', the smallest over penalties'}. Control: "
                f"1 / d has {control:.2f}. From d = {1 + OFF_PEAK:g} n on it is {outside:.2f}.",
            )
        )
    return found
