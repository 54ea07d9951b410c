"""When measures of circuits move along training, how far, and how far ahead of the test accuracy."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn.analysis import (
    FINISHED,
    Crossing,
    Interval,
    bootstrap,
    generalisation_delay,
    grid,
    history,
    record_steps,
    run_status,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.plots.circuit_progress import Measure

if TYPE_CHECKING:
    import xarray

AXES = ("arm", "seed")
GENERALISING = "generalising"
RESTRICTED = "fourier_progress/restricted_loss"
FEATURES = "feature_snapshot/hidden_0"
MEASURES = {
    "test_loss": "test loss (baseline)",
    RESTRICTED: "restricted loss",
    "fourier_progress/excluded_loss": "excluded loss",
    "fourier_progress/key_share": "share of key frequencies",
    "fourier_progress/sum_share": "share of all frequencies",
    "fourier_progress/gini": "Gini, logits",
    "embedding_spectrum/gini": "Gini, embeddings",
    "circuit_efficiency/trigonometric_share": "trigonometric share",
    "circuit_efficiency/trigonometric_efficiency": "trigonometric efficiency",
    "circuit_efficiency/remainder_efficiency": "remainder's efficiency",
    "logit_scale/scale": "logit scale",
    "parameter_norm/total": "parameter norm",
    FEATURES: "alignment of features",
}
"""Recorded variable -> its name in findings; those that a dataset lacks are passed over."""
THRESHOLDS = (0.5, 0.95)
"""Of test accuracy: the verdict is on the first."""
FITTED = 0.95
LEVEL = 0.9
HOLD = 2
_LAST = 3


class Records(NamedTuple):
    """Histories of the seeds that finished in every arm."""

    steps: np.ndarray
    """``[T]``"""
    arms: dict[str, dict[str, np.ndarray]]
    """Arm -> variable -> ``[S, T]``."""
    left_out: int
    """Seeds that did not finish somewhere."""


def records(ds: "xarray.Dataset") -> Records:
    """The histories that the verdict is about, laid out by arm.

    Raises:
        ConfigError: no arm named ``"generalising"``, no measure, or no seed that is finished in every arm.
    """
    layout = grid(ds, AXES)
    names = [str(name) for name in layout.axes["arm"]]
    measures = [name for name in MEASURES if name in ds]
    if GENERALISING not in names or measures in ([], ["test_loss"]):
        raise ConfigError(
            f"the dataset has the arms {', '.join(names)} and the measures {', '.join(measures) or 'none'}; one arm "
            f"must be {GENERALISING!r}, and probes such as fourier_progress must have run. Start from "
            "configs/grokking/circuit_progress.py."
        )
    complete = (tabulate(layout, run_status(ds) == FINISHED) == 1.0).all(axis=0)
    if not complete.any():
        raise ConfigError("no seed is finished in every arm; wait for the first ones.")
    extra = ["train_loss", "train_error", "test_error"]
    extra += [f"fourier_progress/{name}" for name in ("loss", "ablated_key_loss", "ablated_rest_loss")]
    extra += ["fourier_progress/num_key_frequencies"]
    histories = {name: history(ds, name) for name in [*measures, *extra] if name in ds}
    if FEATURES in histories:
        histories[FEATURES] = alignment_with_end(histories[FEATURES])
    tables = {name: tabulate(layout, values)[:, complete] for name, values in histories.items()}
    steps = tabulate(layout, record_steps(ds))[0, np.flatnonzero(complete)[0]]
    return Records(
        steps,
        {arm: {name: table[row] for name, table in tables.items()} for row, arm in enumerate(names)},
        int(np.sum(~complete)),
    )


def alignment_with_end(grams: np.ndarray) -> np.ndarray:
    """Linear CKA of centred Gram matrices ``[R, T, m, m]`` with the last one of their run, ``[R, T]``; NaN where one is
    0. See :func:`gendyn.measure.feature_snapshot`.

    >>> grams = [[np.diag([1.0, 0.0]), np.eye(2), 3.0 * np.eye(2)]]
    >>> alignment_with_end(np.array(grams)).round(4).tolist()
    [[0.7071, 1.0, 1.0]]
    """
    flat = grams.reshape(*grams.shape[:2], -1)
    size = np.linalg.norm(flat, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.einsum("rtx,rx->rt", flat, flat[:, -1]) / (size * size[:, -1:])


def turning_point(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of values ``[S, T]``: the record furthest from the end, from record ``first [S]`` on; ``[S]``.

    >>> turning_point(np.array([[9.0, 2.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1]))
    array([2])
    """
    distance = np.abs(values - end_of(values)[:, None])
    return np.argmax(np.where(np.arange(values.shape[1]) >= first[:, None], distance, -1.0), axis=1)


def half_way(steps: np.ndarray, values: np.ndarray, first: np.ndarray) -> Crossing:
    """When values ``[S, T]`` are half way from their turning point, sought from record ``first [S]`` on, to their end.

    >>> half_way(np.arange(6.0), np.array([[9.0, 1.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1])).time
    array([3.])
    """
    turn = turning_point(values, first)
    begin = _at(values, turn)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = (values - begin) / (end_of(values)[:, None] - begin)
    known = np.arange(values.shape[1]) >= turn[:, None]
    # A measure that ends where it began is never half way: 0/0 is not a number, and x/0 no progress.
    return time_to_threshold(steps, np.where(known & np.isfinite(progress), progress, np.nan), 0.5, hold=HOLD)


def end_of(values: np.ndarray) -> np.ndarray:
    """The median of the last records, ``[S]``."""
    return np.asarray(np.median(values[:, -_LAST:], axis=1))


def fitted_record(train_error: np.ndarray) -> np.ndarray:
    """The first record with 95 % training accuracy, ``[S]``; -1 where there is none."""
    inside = train_error <= 1.0 - FITTED
    return np.where(inside.any(axis=1), np.argmax(inside, axis=1), -1)


def lead(measure: Crossing, test: Crossing, known: np.ndarray) -> Interval:
    """Median steps from one crossing to the other, seeds paired; unknown pairs may have any lead.

    The ends are those of the smallest and of the largest leads that the records' spacing allows.
    """
    delay = generalisation_delay(measure, test)
    known = known & measure.observed & test.observed
    low = bootstrap(_median, np.where(known, delay.low, -np.inf), level=LEVEL)
    high = bootstrap(_median, np.where(known, delay.high, np.inf), level=LEVEL)
    estimate = float(np.median(delay.time[known])) if known.any() else math.nan
    return Interval(estimate, low.low, high.high, LEVEL, 1.0)


def measured(found: Records) -> dict[str, Measure]:
    """Variable -> its leads, and its movement in each control arm."""
    runs = found.arms[GENERALISING]
    start = fitted_record(runs["train_error"])
    accuracy = 1.0 - runs["test_error"]
    tests = [time_to_threshold(found.steps, accuracy, threshold, hold=HOLD) for threshold in THRESHOLDS]
    known = (start >= 0) & tests[-1].observed
    start = np.maximum(start, 0)
    result = {}
    for name in (name for name in MEASURES if name in runs):
        values = runs[name]
        crossing = half_way(found.steps, values, start)
        moved = _movement(values, start)
        controls = {}
        for arm, others in found.arms.items():
            if arm != GENERALISING:
                own = fitted_record(others["train_error"])
                moves = _movement(others[name], np.where(own >= 0, own, start))
                with np.errstate(divide="ignore", invalid="ignore"):
                    # A run that never generalised is nothing to compare with.
                    controls[arm] = interval(np.where(known, moves / moved, np.nan))
        first, second = (lead(crossing, test, known) for test in tests)
        result[name] = Measure(MEASURES[name], first, second, controls)
    return result


def _movement(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    return end_of(values) - _at(values, turning_point(values, first))


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, place[:, None], axis=1)[:, 0]


def interval(values: np.ndarray) -> Interval:
    """Of the median over seeds."""
    return bootstrap(_median, values, level=LEVEL)


def _median(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(values, axis=1))
