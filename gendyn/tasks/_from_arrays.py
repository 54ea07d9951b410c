"""A task of one's own arrays: split, ordered, standardised and checked as gendyn's own data sets are."""

from typing import Any

import numpy as np

from gendyn.core import ConfigError
from gendyn.tasks._build import check_num_test, check_seed, sha256
from gendyn.tasks._check_task import check_task
from gendyn.tasks._split import hold_out
from gendyn.types import Task

# Examples at a time: float64 copies of a large pool need not exist at once.
_CHUNK = 1024


def from_arrays(
    x: Any, y: Any, *, num_test: int, seed: int = 0, name: str = "arrays", standardise: bool = True
) -> Task:
    """A task of arrays in memory, with a seeded split: ``base_config(task=from_arrays(x, y, num_test=200))``.

    Integer targets are classes, and float targets a regression. Classes are split in equal shares, and every prefix of
    the training rows is stratified; the rows of a regression are in a random order. Inputs are standardised by the
    training split, ``(x - mean) / std`` for each index of the last axis: for each feature of a table ``[N, F]``, for
    each channel of images ``[N, H, W, C]``. What is constant there becomes 0.

    Cost: a few passes over the arrays, which are copied.

    Args:
        x: ``[N + M, ...]`` inputs, numbers of any type; whatever ``numpy.asarray`` takes.
        y: int ``[N + M]`` classes ``0 ... C - 1``; or float ``[N + M]`` or ``[N + M, C]`` targets, used as they are.
        num_test: ``M``, held-out examples; the other ``N`` are the training pool.
        seed: of the split and of the order of the training rows.
        name: of the task, for figures and messages.
        standardise: ``False``: floats are used as they are, and integers are tokens.

    Returns:
        ``x_train`` float32 (tokens: int32) ``[N, ...]``; ``y_train`` int32 ``[N]`` or float32 ``[N, C]``; likewise the
        test split. Its provenance has the checksum of the split arrays before they are standardised.

    Raises:
        ConfigError: arrays of unequal length, of another type, with a value that is not finite; classes with gaps, or
            one without a training example; ``num_test`` outside ``1 ... N + M - 1``; a negative seed.

    Example:
        >>> x = np.arange(24.0).reshape(8, 3)
        >>> task = from_arrays(x, [0, 1] * 4, num_test=2)
        >>> task.x_train.shape, task.y_test.tolist(), task.num_outputs, task.kind
        ((6, 3), [1, 0], 2, 'classification')
    """
    if not isinstance(name, str) or not name:
        raise ConfigError(f"name = {name!r} must be a text, such as 'my_data'.")
    check_seed("seed", seed)
    x, y = _inputs(x), _targets(y)
    if len(x) != len(y):
        raise ConfigError(f"x has {len(x)} examples and y has {len(y)}: give one target for each input.")
    check_num_test(num_test, len(x))
    classes = y.ndim == 1
    if classes:
        train, test = hold_out(y, num_test, seed)
        _check_classes(y, y[train])
    else:
        order = np.random.default_rng(seed).permutation(len(x))
        train, test = order[num_test:], order[:num_test]
    splits = x[train], y[train], x[test], y[test]
    about = {"source": "arrays of one's own", "sha256": sha256(*splits), "seed": str(seed)}
    inputs = splits[0], splits[2]
    if standardise:
        mean, std = _moments(splits[0])
        inputs = _standardised(splits[0], mean, std), _standardised(splits[2], mean, std)
        about |= {key: ",".join(f"{v:.9g}" for v in values) for key, values in (("mean", mean), ("std", std))}
    elif np.issubdtype(x.dtype, np.floating):
        inputs = inputs[0].astype(np.float32), inputs[1].astype(np.float32)
    else:
        inputs = _tokens(inputs[0]), _tokens(inputs[1])
    outputs = int(y.max()) + 1 if classes else y.shape[1]
    kind = "classification" if classes else "regression"
    return check_task(Task(name, inputs[0], splits[1], inputs[1], splits[3], outputs, kind, about))


def _inputs(x: Any) -> np.ndarray:
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise ConfigError(f"x has dtype {array.dtype}, must be numbers: encode texts and categories first.")
    if array.ndim < 2 or not array.size:
        raise ConfigError(f"x has shape {array.shape}, must be examples [N, ...]; for one feature give x[:, None].")
    return _finite("x", array)


def _targets(y: Any) -> np.ndarray:
    """int32 ``[N]`` classes or float32 ``[N, C]``."""
    array = np.asarray(y)
    if array.dtype.kind not in "biuf":
        raise ConfigError(
            f"y has dtype {array.dtype}, must be integer classes or float targets: number the classes by "
            "np.unique(y, return_inverse=True)[1]."
        )
    if array.dtype.kind != "f":
        if array.ndim != 1:
            raise ConfigError(
                f"y has integers of shape {array.shape}, must be classes [N]: of one-hot rows give y.argmax(1), for a "
                "regression y.astype(float)."
            )
        if array.size and (array.min() < 0 or array.max() >= len(array)):
            raise ConfigError(
                f"y has classes from {array.min()} to {array.max()}, must be 0 ... C - 1: number them by "
                "np.unique(y, return_inverse=True)[1], or give y.astype(float) for a regression."
            )
        return array.astype(np.int32)
    if array.ndim not in (1, 2) or not array.size:
        raise ConfigError(f"y has shape {array.shape}, must be targets [N] or [N, C].")
    with np.errstate(over="ignore"):  # what float32 does not hold is named below
        single = array.astype(np.float32)
    return _finite("y", single.reshape(len(array), -1))


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    for start in range(0, len(array), _CHUNK):
        wrong = ~np.isfinite(array[start : start + _CHUNK]).reshape(min(_CHUNK, len(array) - start), -1).all(axis=1)
        if wrong.any():
            row = start + int(np.argmax(wrong))
            raise ConfigError(f"{name} is not finite in row {row}: clean the data, or leave the example out.")
    return array


def _check_classes(y: np.ndarray, train: np.ndarray) -> None:
    counts, trained = np.bincount(y), np.bincount(train, minlength=y.max() + 1)
    if (counts == 0).any():
        raise ConfigError(
            f"y has classes up to {y.max()}, and none of {np.argmin(counts)}: number them by "
            "np.unique(y, return_inverse=True)[1]."
        )
    if (trained == 0).any():
        label = int(np.argmin(trained))
        raise ConfigError(
            f"class {label} has {counts[label]} of {len(y)} examples, and with num_test = {len(y) - len(train)} none "
            "is left to train on: lower num_test, or leave the class out."
        )


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, float64 ``[last axis]``, in two passes; the deviation of a constant is 1."""
    rows = x.reshape(-1, x.shape[-1])
    parts = [slice(start, start + _CHUNK) for start in range(0, len(rows), _CHUNK)]
    mean = sum(rows[part].sum(axis=0, dtype=np.float64) for part in parts) / len(rows)
    variance = sum(((rows[part] - mean) ** 2).sum(axis=0) for part in parts) / len(rows)
    std = np.sqrt(variance)
    return mean, np.where(std > 1e-12 * np.abs(mean), std, 1.0)


def _standardised(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    out = np.empty(x.shape, np.float32)
    for start in range(0, len(x), _CHUNK):
        out[start : start + _CHUNK] = (x[start : start + _CHUNK] - mean) / std
    return out


def _tokens(x: np.ndarray) -> np.ndarray:
    if x.min() < 0 or x.max() >= 2**31:
        raise ConfigError(f"x has tokens from {x.min()} to {x.max()}, must be at least 0 and fit 32 bits.")
    return x.astype(np.int32)
