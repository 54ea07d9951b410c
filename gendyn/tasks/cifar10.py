"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 pixels, 10 classes, from files in a folder you name."""

from pathlib import Path
from typing import Any

from gendyn.tasks._build import check_seed, classification
from gendyn.tasks._cifar import read_split, write_records
from gendyn.tasks._folder import open_folder
from gendyn.types import Task

_CLASSES = {"class": 10}
_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST = ("test_batch.bin",)
_PER_FILE = 10_000
# Published MD5 checksums of the extracted files of cifar-10-binary.tar.gz.
_MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}


def cifar10(*, folder: str = "", split_seed: int = 0, official: bool = True) -> Task:
    """CIFAR-10 with its official split, from the files of ``cifar-10-binary.tar.gz``, verified byte for byte.

    Args:
      folder: holds ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``, each plain or with ``.gz``.
        Nothing is downloaded and nothing is unpickled.
      split_seed: seed of the order of the training rows.
      official: require the published counts and MD5 checksums. False accepts any whole number of records a file.

    Returns:
      ``x_train`` float32 ``[50000, 32, 32, 3]``, each channel standardised by its mean and standard deviation over the
      training split (provenance gives them with pixels in [0, 1]); ``y_train`` int32 ``[50000]``; ``[10000, ...]`` to
      test.

    Raises:
      ConfigError: no folder, or a file in it that is missing, truncated, swapped, or of another format, count, class
        count or content; a negative seed.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     task = cifar10(**example(Path(folder)))
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((50, 32, 32, 3), (10, 32, 32, 3), 10)

    Reference: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    check_seed("split_seed", split_seed)
    root = open_folder(folder, _TRAIN + _TEST)
    count, md5s = (_PER_FILE, _MD5) if official else (None, {})
    x_train, y_train = read_split(root, _TRAIN, _CLASSES, count, md5s)
    x_test, y_test = read_split(root, _TEST, _CLASSES, count, md5s)
    return classification(
        "cifar10",
        (x_train, y_train),
        (x_test, y_test),
        num_classes=10,
        scale=255.0,
        split_seed=split_seed,
        source="CIFAR-10 binary version",
        extra={"official": str(official)},
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; writes six small valid files of random images into ``folder``."""
    for seed, name in enumerate(_TRAIN + _TEST):
        write_records(folder / name, 10, _CLASSES, seed=seed)
    return {"folder": str(folder), "official": False}
