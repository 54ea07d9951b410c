"""From raw integer or float arrays to a :class:`gendyn.types.Task`: checks, order, standardisation, checksum."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_positive_int
from gendyn.tasks._split import stratified_order
from gendyn.types import Task

# Examples at a time: few enough to stay in the cache.
_CHUNK = 64


def check_seed(name: str, seed: Any) -> None:
    """Raises :class:`ConfigError` unless ``seed`` is an int of at least 0."""
    check_positive_int(name, seed, low=0)


def check_num_test(num_test: Any, num_examples: int) -> None:
    """Raises :class:`ConfigError` unless ``1 <= num_test < num_examples``, so that both splits hold examples."""
    check_positive_int("num_test", num_test)
    if num_test >= num_examples:
        raise ConfigError(
            f"num_test = {num_test} must be less than the {num_examples} examples of the data set: "
            "at least one is left to train on."
        )


def sha256(*arrays: np.ndarray) -> str:
    """Checksum of the arrays with their shapes and dtypes, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per channel (last axis) over all examples and positions.

    Sums run in float64, where they are exact for pixels: the same numbers on every machine and in any order.

    Args:
      x: ``[N, ..., channels]``, any real dtype.

    Returns:
      ``(mean, std)``, float64 ``[channels]``, the population standard deviation (divisor ``N``).

    Raises:
      ConfigError: if a channel is constant.
    """
    channels = x.shape[-1]
    flat = x.reshape(len(x), -1)
    total, squares = np.zeros(flat.shape[1]), np.zeros(flat.shape[1])
    for start in range(0, len(flat), _CHUNK):
        # Over positions first and channels last: loops over a last axis of length 1 or 3 are several times slower.
        chunk = flat[start : start + _CHUNK].astype(np.float64)
        total += chunk.sum(0)
        squares += np.einsum("ij,ij->j", chunk, chunk)
    size = x.size // channels
    mean = total.reshape(-1, channels).sum(0) / size
    variance = squares.reshape(-1, channels).sum(0) / size - mean**2
    if np.any(variance <= 1e-12 * (mean**2 + 1e-300)):
        raise ConfigError("task: a channel of the training inputs is constant, so it cannot be standardised.")
    return mean, np.sqrt(variance)


def standardise(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """``(x - mean) / std`` per channel, as a new C-contiguous float32 array."""
    flat = x.reshape(len(x), -1)
    positions = flat.shape[1] // len(mean)
    centre, width = (np.tile(value.astype(np.float32), positions) for value in (mean, std))
    out = np.empty(flat.shape, np.float32)
    for start in range(0, len(flat), _CHUNK):
        rows = slice(start, start + _CHUNK)
        out[rows] = flat[rows]
        out[rows] -= centre
        out[rows] /= width
    return out.reshape(x.shape)


def classification(
    name: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    num_classes: int,
    scale: float,
    split_seed: int,
    source: str,
    extra: Mapping[str, str] | None = None,
) -> Task:
    """Builds a classification task from raw inputs and labels of a training and a test split.

    The training rows are put into a seeded stratified order; both splits are standardised by the mean and standard
    deviation of the training inputs, one scalar per channel.

    Args:
      name: of the task.
      train: ``(x [N, ..., channels], y [N])``, raw: integers as read, or floats as generated.
      test: ``(x [M, ..., channels], y [M])``.
      num_classes: ``C``; every class must occur in the training split.
      scale: the raw value recorded as 1 in the provenance's mean and std (255 for bytes, as is the custom).
      split_seed: seed of the order of the training rows.
      source: where the data come from.
      extra: more provenance.

    Returns:
      The task. Its provenance holds ``source``, ``sha256`` (of the four raw arrays in the task's order, before
      standardisation: for integer data it is the same on every machine), ``split_seed``, ``mean`` and ``std`` (per
      channel, comma-separated, in units of ``scale``).

    Raises:
      ConfigError: a label outside ``0 .. num_classes - 1``, a class without training examples, a constant channel.
    """
    for split, labels in (("training", train[1]), ("test", test[1])):
        wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
        if wrong.size:
            raise ConfigError(
                f"task {name}: {split} example {wrong[0]} has label {labels[wrong[0]]}, which must be in "
                f"0 .. {num_classes - 1}: the files do not hold a data set of {num_classes} classes."
            )
    missing = np.setdiff1d(np.arange(num_classes), train[1])
    if missing.size:
        raise ConfigError(
            f"task {name}: the training split holds {num_classes - missing.size} classes, must hold all {num_classes}; "
            f"class {missing[0]} has no example."
        )
    order = stratified_order(train[1], split_seed)
    x_train, y_train = train[0][order], train[1][order].astype(np.int32)
    x_test, y_test = test[0], test[1].astype(np.int32)
    mean, std = moments(x_train)
    provenance = {
        "source": source,
        "sha256": sha256(x_train, y_train, x_test, y_test),
        "split_seed": str(split_seed),
        "mean": ",".join(f"{value / scale:.9g}" for value in mean),
        "std": ",".join(f"{value / scale:.9g}" for value in std),
        **(extra or {}),
    }
    return Task(
        name=name,
        x_train=standardise(x_train, mean, std),
        y_train=y_train,
        x_test=standardise(x_test, mean, std),
        y_test=y_test,
        num_outputs=num_classes,
        kind="classification",
        provenance=provenance,
    )


def generated(
    name: str,
    splits: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    *,
    num_outputs: int,
    kind: str,
    source: str,
    seed: int,
    split_seed: int,
    extra: Mapping[str, str] | None = None,
) -> Task:
    """Builds a task from generated arrays, which are used as they are: their mean is 0 and their deviation 1 by law.

    Args:
      name: of the task.
      splits: ``x_train``, ``y_train``, ``x_test``, ``y_test``, in the task's order.
      num_outputs: ``C``.
      kind: ``"classification"`` or ``"regression"``.
      source: what was generated.
      seed: of the generation.
      split_seed: of the order of the training rows.
      extra: more provenance.
    """
    return Task(
        name,
        *splits,
        num_outputs=num_outputs,
        kind=kind,
        provenance={
            "source": f"generated: {source}",
            "sha256": sha256(*splits),
            **(extra or {}),
            "seed": str(seed),
            "split_seed": str(split_seed),
            "mean": "0",
            "std": "1",
        },
    )
