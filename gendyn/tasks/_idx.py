"""The IDX format of MNIST and its relatives: a big-endian header, then unsigned bytes.

Images: ``int32 2051, count, rows, columns``, then ``count * rows * columns`` bytes. Labels: ``int32 2049, count``, then
``count`` bytes.
"""

import gzip
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gendyn.core import ConfigError
from gendyn.tasks._build import check_seed, classification
from gendyn.tasks._folder import check_length, check_md5, find_file, open_folder, read_file
from gendyn.types import Task

_IMAGES, _LABELS = 2051, 2049
_KIND = {_IMAGES: "images", _LABELS: "labels"}
# Above what any file of the format holds: a wrong header is refused without reading gigabytes.
_MAX_BYTES = 1 << 30
_SPLITS = (("training", "train", 60_000), ("test", "t10k", 10_000))
NAMES = tuple(f"{prefix}-{kind}-ubyte" for _, prefix, _ in _SPLITS for kind in ("images-idx3", "labels-idx1"))


def _read_idx(path: Path, magic: int, shape: tuple[int, ...], count: int | None, md5: str | None) -> np.ndarray:
    """uint8 ``[examples, *shape]``; ``count`` and ``md5`` are checked where given."""
    header_size = 8 + 4 * len(shape)
    header = read_file(path, header_size)
    if len(header) < 4:
        raise ConfigError(f"{path} is truncated: it ends inside its {header_size}-byte header.")
    found = struct.unpack(">i", header[:4])[0]
    if found != magic and found in _KIND:
        raise ConfigError(
            f"{path} holds {_KIND[found]} (magic {found}), must hold {_KIND[magic]} (magic {magic}): "
            "the image and label files are swapped."
        )
    if found != magic:
        raise ConfigError(f"{path} is not an IDX file of {_KIND[magic]}: its magic number is {found}, must be {magic}.")
    if len(header) < header_size:
        raise ConfigError(f"{path} is truncated: it ends inside its {header_size}-byte header.")
    examples, *dims = struct.unpack(f">{1 + len(shape)}i", header[4:])
    if tuple(dims) != shape:
        raise ConfigError(f"{path} holds images of {dims[0]} x {dims[1]} pixels, must be {shape[0]} x {shape[1]}.")
    if count is not None and examples != count:
        other = next((split for split, _, size in _SPLITS if size == examples), None)
        hint = (
            f"this is the size of the {other} split: the training and test files are swapped."
            if other
            else ("set official=False to use a subset.")
        )
        raise ConfigError(f"{path} holds {examples} examples, must hold {count}; {hint}")
    if examples < 1:
        raise ConfigError(f"{path} holds {examples} examples, must hold at least 1.")
    size = header_size + examples * math.prod(shape)
    if size > _MAX_BYTES:
        raise ConfigError(f"{path} says that it holds {examples} examples, {size} bytes, more than any such file does.")
    content = read_file(path, size + 1)
    check_length(path, len(content), size, f"header and {examples} {_KIND[magic]}")
    if md5 is not None:
        check_md5(path, content, md5)
    return np.frombuffer(content, np.uint8, offset=header_size).reshape(examples, *shape)


def idx_task(name: str, folder: str, md5s: Mapping[str, str], *, official: bool, split_seed: int, source: str) -> Task:
    """A classification task of 28 x 28 images and 10 classes from four IDX files.

    Args:
      name: of the task.
      folder: with the files :data:`NAMES`, plain or ``.gz``.
      md5s: published checksum of each decompressed file.
      official: require the published counts and checksums; if False, any well-formed files of the format.
      split_seed: of the order of the training rows.
      source: for the provenance.

    Raises:
      ConfigError: a file is missing, truncated, swapped, of another format, shape, count or content.
    """
    check_seed("split_seed", split_seed)
    root = open_folder(folder, NAMES)
    splits = []
    for split, prefix, count in _SPLITS:
        names = (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
        paths = tuple(find_file(root, file) for file in names)
        checksums = tuple(md5s[file] if official else None for file in names)
        wanted = count if official else None
        x = _read_idx(paths[0], _IMAGES, (28, 28), wanted, checksums[0])
        y = _read_idx(paths[1], _LABELS, (), wanted, checksums[1])
        if len(x) != len(y):
            raise ConfigError(
                f"{root}: the {split} split has {len(x)} images but {len(y)} labels; the files do not match."
            )
        splits.append((x[..., None], y))
    return classification(
        name,
        splits[0],
        splits[1],
        num_classes=10,
        scale=255.0,
        split_seed=split_seed,
        source=source,
        extra={"official": str(official)},
    )


def write_idx(
    folder: Path, *, num_train: int = 60, num_test: int = 20, num_classes: int = 10, gz: bool = False
) -> None:
    """Writes four small valid files of random images, for examples and tests; labels run through the classes."""
    rng = np.random.default_rng(0)
    for prefix, count in (("train", num_train), ("t10k", num_test)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (np.arange(count) % num_classes).astype(np.uint8)
        for kind, header, array in (
            ("images-idx3", struct.pack(">4i", _IMAGES, count, 28, 28), images),
            ("labels-idx1", struct.pack(">2i", _LABELS, count), labels),
        ):
            content, file = header + array.tobytes(), f"{prefix}-{kind}-ubyte"
            (folder / f"{file}.gz" if gz else folder / file).write_bytes(gzip.compress(content) if gz else content)
