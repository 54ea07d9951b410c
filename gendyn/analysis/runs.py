"""What each run of a sweep's dataset (run x record) did: its histories, whether it finished, how it ended."""

import numpy as np

from gendyn.core import ConfigError
from gendyn.types import Dataset

FINISHED, DIVERGED, UNFINISHED = "finished", "diverged", "unfinished"


def run_status(ds: Dataset) -> np.ndarray:
    """``"finished"``, ``"diverged"`` or ``"unfinished"`` for every run, ``[R]``.

    Diverged: so marked at any committed record. Unfinished: its last record is not there yet (NaN without a mark).
    Redraws that train nothing, and so record neither losses nor marks, are finished when they are committed.
    """
    if "train_loss" not in ds:
        num_records = np.isfinite(record_steps(ds)).sum(axis=1)
        committed = ds["committed"].values if "committed" in ds.coords else num_records
        return np.where(committed < num_records, UNFINISHED, FINISHED)
    missing = np.isnan(_last(ds, "train_loss"))
    return np.where(_marks(ds).any(axis=1), DIVERGED, np.where(missing, UNFINISHED, FINISHED))


def final_values(ds: Dataset, name: str) -> np.ndarray:
    """Each run's last record of a variable, ``[R]``: NaN for an unfinished run, the worst value for a diverged one.

    A diverged run is not missing at random, so it may not simply be left out of a median: a loss counts as ``inf`` and
    an error as 1.
    """
    return np.where(run_status(ds) == DIVERGED, _worst(name), _last(ds, name))


def history(ds: Dataset, name: str) -> np.ndarray:
    """A recorded variable as ``[R, T, ...]``.

    Raises:
        ConfigError: the dataset does not have it.
    """
    if name not in ds:
        raise ConfigError(f"the dataset has no variable {name!r}; it has {', '.join(map(str, ds.data_vars))}.")
    return np.asarray(ds[name].transpose("run", "record", ...).values)


def counted_history(ds: Dataset, name: str) -> np.ndarray:
    """As :func:`history`, in float, with a diverged run's records from its divergence on at the worst value.

    An error counts as 1 there and anything else (a loss) as ``inf``, as in :func:`final_values`: a run that diverged
    keeps nothing that it has learned. Records that are not there yet stay NaN.

    Returns:
        ``[R, T, ...]``.

    Raises:
        ConfigError: the dataset does not have it.
    """
    values = history(ds, name).astype(float)
    lost = np.zeros(values.shape[:2], bool)
    if "train_loss" in ds:
        lost = np.logical_or.accumulate(_marks(ds), axis=1)
        # Not all records of a run that has diverged are marked: those that follow may never have been made.
        lost |= np.isnan(history(ds, "train_loss")) & (run_status(ds) == DIVERGED)[:, None]
        lost &= np.isfinite(record_steps(ds))
    values[lost] = _worst(name)
    return values


def record_steps(ds: Dataset) -> np.ndarray:
    """Training step of every record, ``[R, T]``; NaN past the end of a run with fewer records than others."""
    steps = np.asarray(ds["step"].values, float)
    return np.broadcast_to(steps, (ds.sizes["run"], ds.sizes["record"]))


def _last(ds: Dataset, name: str) -> np.ndarray:
    end = np.isfinite(record_steps(ds)).sum(axis=1) - 1
    return np.take_along_axis(history(ds, name).astype(float), end[:, None], axis=1)[:, 0]


def _marks(ds: Dataset) -> np.ndarray:
    """Records marked as diverged, bool ``[R, T]``."""
    if "diverged" in ds:
        marked = history(ds, "diverged").astype(bool)
    else:
        marked = history(ds, "diverged_step") >= 0
    if "committed" in ds.coords:
        # A record that is not there yet holds 0 in an integer variable, which would read as "diverged at step 0".
        marked &= np.arange(ds.sizes["record"]) < ds["committed"].values[:, None]
    return marked


def _worst(name: str) -> float:
    return 1.0 if name.endswith("_error") else np.inf
