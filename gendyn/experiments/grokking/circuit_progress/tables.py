"""Histories of the circuit measures by arm: when they move, how far, and how far ahead of the test accuracy."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gendyn.analysis import (
    Crossing,
    Interval,
    arms_of,
    generalisation_delay,
    history,
    median_delay,
    median_over_seeds,
    record_steps,
    settled,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.types import Dataset

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
_FOURIER = ("loss", "ablated_key_loss", "ablated_rest_loss", "num_key_frequencies")
FURTHER = ("train_loss", "train_error", "test_error", *(f"fourier_progress/{name}" for name in _FOURIER))
"""Read too, where a dataset has them."""
THRESHOLDS = (0.5, 0.95)
"""Of test accuracy: the verdict is on the first."""
FITTED = 0.95
HOLD = 2

Runs = Mapping[str, np.ndarray]
"""Variable -> ``[S, T]``."""


class Records(NamedTuple):
    """Histories of the seeds that have converged in every arm."""

    steps: np.ndarray
    """``[T]``"""
    generalising: Runs
    controls: Mapping[str, Runs]
    """Arm -> its runs."""
    left_out: str
    """The sentence on seeds that are left out or diverged."""


class Measure(NamedTuple):
    """What is known of one progress measure."""

    label: str
    lead: Interval
    """Steps by which it is half way before test accuracy crosses the first threshold."""
    later_lead: Interval
    """The same to the second threshold."""
    controls: Mapping[str, Interval]
    """Name of a control arm -> its movement as a share of that of generalising runs; the same arms, at most two, in
    every measure."""


def records(ds: Dataset) -> Records:
    """The histories that the verdict is about, by arm.

    Raises:
        ConfigError: no arm named ``"generalising"``, no measure, or no seed that has converged in every arm.
    """
    arms = arms_of(ds, required=(GENERALISING,))
    measures = [name for name in MEASURES if name in ds]
    if measures in ([], ["test_loss"]):
        raise ConfigError(
            f"the dataset has the measures {', '.join(measures) or 'none'}; probes such as fourier_progress must have "
            "run. Start from configs/grokking/circuit_progress.py."
        )
    seeds = arms.seeds.converged
    if not seeds.complete.any():
        raise ConfigError(
            f"no seed has finished and converged in every arm; wait for the first ones.{seeds.converged_sentence}"
        )
    rows = arms.rows(seeds.complete)
    histories = {name: history(ds, name).astype(float) for name in (*measures, *FURTHER) if name in ds}
    if FEATURES in histories:
        histories[FEATURES] = alignment_with_end(history(ds, FEATURES))
    of_arm = {arm: {name: values[rows[arm]] for name, values in histories.items()} for arm in sorted(rows)}
    steps = record_steps(ds)[rows[GENERALISING][0]]
    return Records(steps, of_arm.pop(GENERALISING), of_arm, seeds.converged_sentence)


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
        return np.asarray(np.einsum("rtx,rx->rt", flat, flat[:, -1]) / (size * size[:, -1:]))


def turning_point(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of values ``[S, T]``: the record furthest from the end, from record ``first [S]`` on; ``[S]``.

    >>> turning_point(np.array([[9.0, 2.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1]))
    array([2])
    """
    distance = np.abs(values - settled(values)[:, None])
    return np.argmax(np.where(np.arange(values.shape[1]) >= first[:, None], distance, -1.0), axis=1)


def half_way(steps: np.ndarray, values: np.ndarray, first: np.ndarray) -> Crossing:
    """When values ``[S, T]`` are half way from their turning point, sought from record ``first [S]`` on, to their end.

    >>> half_way(np.arange(6.0), np.array([[9.0, 1.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1])).time
    array([3.])
    """
    turn = turning_point(values, first)
    begin = _at(values, turn)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = (values - begin) / (settled(values)[:, None] - begin)
    known = np.arange(values.shape[1]) >= turn[:, None]
    # A measure that ends where it began is never half way: 0/0 is not a number, and x/0 no progress.
    return time_to_threshold(steps, np.where(known & np.isfinite(progress), progress, np.nan), 0.5, hold=HOLD)


def fitted_record(train_error: np.ndarray) -> np.ndarray:
    """The first record with 95 % training accuracy, ``[S]``; -1 where there is none."""
    inside = train_error <= 1.0 - FITTED
    return np.where(inside.any(axis=1), np.argmax(inside, axis=1), -1)


def lead(measure: Crossing, test: Crossing, known: np.ndarray) -> Interval:
    """Median steps from one crossing to the other, seeds paired; where not ``known``, bool ``[S]``, it may be any."""
    both = known & measure.observed & test.observed
    return median_delay(generalisation_delay(measure, test), known=both)


def measured(found: Records) -> dict[str, Measure]:
    """Variable -> its leads, and its movement in each control arm."""
    runs = found.generalising
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
        for arm, others in found.controls.items():
            own = fitted_record(others["train_error"])
            moves = _movement(others[name], np.where(own >= 0, own, start))
            with np.errstate(divide="ignore", invalid="ignore"):
                # A run that never generalised is nothing to compare with.
                controls[arm] = median_over_seeds(np.where(known, moves / moved, np.nan))
        first, second = (lead(crossing, test, known) for test in tests)
        result[name] = Measure(MEASURES[name], first, second, controls)
    return result


def _movement(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    return np.asarray(settled(values) - _at(values, turning_point(values, first)))


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, place[:, None], axis=1)[:, 0]
