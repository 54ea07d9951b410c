"""Histories of the circuit measures by arm: when they move, how far, and how far ahead of the test accuracy."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gendyn import analysis
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
NORM = "parameter_norm/"
"""Begins the norms of single tensors; their total is a measure."""
THRESHOLDS = (0.5, 0.95)
"""Of test accuracy: the verdict is on the first."""
FITTED = 0.95
HOLD = 2

Runs = Mapping[str, np.ndarray]
"""Variable -> ``[S, T]``."""


class Records(NamedTuple):
    """Histories of the ``S`` seeds that have converged in every arm."""

    steps: np.ndarray
    """``[T]``"""
    generalising: Runs
    generalised: np.ndarray
    """Bool ``[S]``: the generalising run has fitted at some record, and reached the last of ``THRESHOLDS``."""
    controls: Mapping[str, Runs]
    """Arm -> its runs."""
    fitted: analysis.Crossing
    """Of generalising runs, to ``FITTED`` training accuracy."""
    arrivals: tuple[analysis.Crossing, ...]
    """The same to each of ``THRESHOLDS``."""
    left_out: str
    """The sentence on seeds that are left out or diverged."""

    def lead(self, before: analysis.Crossing, after: analysis.Crossing) -> analysis.Interval:
        """Median steps from one crossing to the other, seeds paired; any, of a run that does not generalise."""
        delay = analysis.generalisation_delay(before, after)
        return analysis.median_delay(delay, known=delay.observed & self.generalised)


class Measure(NamedTuple):
    """What is known of one progress measure."""

    label: str
    half_way: analysis.Crossing
    leads: tuple[analysis.Interval, ...]
    """Steps by which it is half way before test accuracy crosses each of ``THRESHOLDS``."""
    controls: Mapping[str, analysis.Interval]
    """Name of a control arm -> its movement as a share of that of generalising runs; the same arms, at most two, in
    every measure."""


def records(ds: Dataset) -> Records:
    """The histories that the verdict is about, by arm.

    Raises:
        ConfigError: no arm named ``"generalising"``, no measure, or no seed that has converged in every arm.
    """
    arms = analysis.arms_of(ds, required=(GENERALISING,))
    measures = [name for name in MEASURES if name in ds]
    if measures in ([], ["test_loss"]):
        raise ConfigError(
            f"the dataset has the measures {', '.join(measures) or 'none'}; probes such as fourier_progress must have "
            "run. Start from configs/grokking/circuit_progress.py."
        )
    seeds, left_out = arms.seeds.converged, arms.seeds.converged.converged_sentence
    if not seeds.complete.any():
        raise ConfigError(f"no seed has finished and converged in every arm; wait for the first ones.{left_out}")
    rows = arms.rows(seeds.complete)
    norms = [str(name) for name in ds.data_vars if str(name).startswith(NORM) and name not in MEASURES]
    histories = {name: analysis.history(ds, name).astype(float) for name in (*measures, *FURTHER, *norms) if name in ds}
    if FEATURES in histories:
        histories[FEATURES] = analysis.alignment_with_end(histories[FEATURES])
    of_arm = {arm: {name: values[rows[arm]] for name, values in histories.items()} for arm in sorted(rows)}
    steps, runs = analysis.record_steps(ds)[rows[GENERALISING][0]], of_arm.pop(GENERALISING)
    fitted, *arrivals = (
        analysis.time_to_threshold(steps, 1.0 - runs[f"{kind}_error"], level, hold=hold)
        for kind, level, hold in (("train", FITTED, 1), *(("test", threshold, HOLD) for threshold in THRESHOLDS))
    )
    generalised = (_fitted_at(runs) >= 0) & arrivals[-1].observed
    return Records(steps, runs, generalised, of_arm, fitted, tuple(arrivals), left_out)


def measured(found: Records) -> dict[str, Measure]:
    """Variable -> its leads, and its movement in each control arm."""
    first, result = np.maximum(_fitted_at(found.generalising), 0), {}
    # A control run that never fits is followed from where the generalising run of its seed fits.
    fits = {arm: _fitted_at(runs) for arm, runs in found.controls.items()}
    begins = {arm: np.where(fit >= 0, fit, first) for arm, fit in fits.items()}
    for name, values in ((name, found.generalising[name]) for name in MEASURES if name in found.generalising):
        crossing, whole = (
            analysis.half_way(found.steps, values, first, hold=HOLD),
            analysis.movement_to_end(values, first),
        )
        leads, controls = tuple(found.lead(crossing, arrival) for arrival in found.arrivals), {}
        for arm, runs in found.controls.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                share = analysis.movement_to_end(runs[name], begins[arm]) / whole
            # A run that never generalised is nothing to compare with.
            controls[arm] = analysis.median_over_seeds(np.where(found.generalised, share, np.nan))
        result[name] = Measure(MEASURES[name], crossing, leads, controls)
    return result


def turned_after_fit(runs: Runs) -> np.ndarray:
    """1 less the alignment of the features at the fit with those at the end, ``[S]``; NaN where nothing is fitted."""
    return _from_fit(runs, 1.0 - runs[FEATURES])


def moved_after_fit(runs: Runs) -> np.ndarray:
    """At least how far the weights move after the fit, as a share of their norm then, ``[S]``; NaN as above.

    ``|w - w_fit| >= | |w| - |w_fit| |`` for each tensor; the squares add up over tensors.
    """
    norms = np.stack([values for name, values in runs.items() if name.startswith(NORM) and name not in MEASURES])
    at_fit = np.stack([_from_fit(runs, values) for values in norms])
    return np.sqrt(np.sum((analysis.settled(norms) - at_fit) ** 2, axis=0) / np.sum(at_fit**2, axis=0))


def _from_fit(runs: Runs, values: np.ndarray) -> np.ndarray:
    fit = _fitted_at(runs)
    return np.where(fit >= 0, np.take_along_axis(values, np.maximum(fit, 0)[:, None], axis=1)[:, 0], np.nan)


def _fitted_at(runs: Runs) -> np.ndarray:
    """The first record with ``FITTED`` training accuracy, ``[S]``; -1 where there is none."""
    return analysis.first_record(runs["train_error"] <= 1.0 - FITTED)
