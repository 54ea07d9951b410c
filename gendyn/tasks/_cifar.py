"""The binary version of CIFAR: records of one or two label bytes, then a red, a green and a blue plane of 32 x 32."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gendyn.core import ConfigError
from gendyn.tasks._folder import check_length, check_md5, find_file, read_file

_PIXELS = 3 * 32 * 32
# Above what any file of the format holds: a wrong file is refused without reading gigabytes of it.
_MAX_BYTES = 1 << 28


def read_records(path: Path, classes: Mapping[str, int], count: int | None, md5: str | None) -> tuple[np.ndarray, ...]:
    """Images and labels of one file.

    Args:
      path: of the file, plain or ``.gz``.
      classes: name -> number of classes of each label byte, in the order of the record.
      count: examples the file must hold; None: any whole number of records.
      md5: published checksum of the decompressed content; None: not checked.

    Returns:
      ``(images uint8 [n, 32, 32, 3], labels uint8 [n], ...)``, one label array for each label byte.

    Raises:
      ConfigError: a wrong length, a label outside its classes, another content than published.
    """
    record = len(classes) + _PIXELS
    content = read_file(path, _MAX_BYTES if count is None else count * record + 1)
    what = f"{count} records of {record} bytes"
    if count is not None:
        check_length(path, len(content), count * record, what)
    elif not content:
        raise ConfigError(f"{path} is empty, must hold records of {record} bytes.")
    elif len(content) % record:
        raise ConfigError(
            f"{path} holds {len(content)} bytes, no multiple of the {record} bytes of a record: it is truncated, or "
            f"not a binary file with {len(classes)} label byte(s) a record."
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, record)
    labels = []
    for column, (label, num_classes) in enumerate(classes.items()):
        values = rows[:, column]
        wrong = np.flatnonzero(values >= num_classes)
        if wrong.size:
            raise ConfigError(
                f"{path}: record {wrong[0]} has {label} label {values[wrong[0]]}, which must be in 0 .. "
                f"{num_classes - 1}: it is damaged or not a file of this data set."
            )
        labels.append(values.copy())
    if md5 is not None:
        check_md5(path, content, md5)
    planes = rows[:, len(classes) :].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), *labels


def read_split(
    root: Path, names: tuple[str, ...], classes: Mapping[str, int], count: int | None, md5s: Mapping[str, str]
) -> tuple[np.ndarray, ...]:
    """The files of one split, joined; ``count`` is per file and ``md5s`` may lack a file."""
    parts = [read_records(find_file(root, name), classes, count, md5s.get(name)) for name in names]
    return tuple(np.concatenate(columns) if len(columns) > 1 else columns[0] for columns in zip(*parts, strict=True))


def check_balanced(root: Path, split: str, label: str, values: np.ndarray, per_class: int) -> None:
    """Raises :class:`ConfigError` unless each class occurs ``per_class`` times, as published."""
    counts = np.bincount(values)
    wrong = np.flatnonzero(counts != per_class)
    if wrong.size:
        raise ConfigError(
            f"{root}: the {split} split has {counts[wrong[0]]} examples of {label} class {wrong[0]}, published are "
            f"{per_class}: the files are damaged or swapped. Download them again, or set official=False."
        )


def write_records(path: Path, count: int, classes: Mapping[str, int], *, seed: int = 0) -> None:
    """Writes a small valid file of random images, for examples and tests; labels run through the classes."""
    rng = np.random.default_rng(seed)
    labels = np.stack([np.arange(count) % num_classes for num_classes in classes.values()], axis=1)
    content = np.hstack([labels, rng.integers(0, 256, (count, _PIXELS))]).astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
