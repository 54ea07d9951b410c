"""CIFAR-100: 50,000 + 10,000 images of 32 x 32 pixels, 100 classes or 20 superclasses, from a folder you name."""

from pathlib import Path
from typing import Any

from gendyn.core import check_choice
from gendyn.tasks._build import check_seed, classification
from gendyn.tasks._cifar import check_balanced, read_split, write_records
from gendyn.tasks._folder import open_folder
from gendyn.types import Task

_CLASSES = {"coarse": 20, "fine": 100}
_SPLITS = (("training", "train.bin", 50_000), ("test", "test.bin", 10_000))


def cifar100(*, folder: str = "", labels: str = "fine", split_seed: int = 0, official: bool = True) -> Task:
    """CIFAR-100 with its official split, from the files of ``cifar-100-binary.tar.gz``.

    The files are verified by length, label ranges and the published balance of the classes (500 training and 100 test
    images of each fine class, five times that of each coarse one). No checksum of the extracted files is published.

    Args:
      folder: holds ``train.bin`` and ``test.bin``, each plain or with ``.gz``. Nothing is downloaded or unpickled.
      labels: ``"fine"``: 100 classes; ``"coarse"``: 20 superclasses of 5 classes each.
      split_seed: seed of the order of the training rows.
      official: require the published counts and balance. False accepts any whole number of records a file.

    Returns:
      ``x_train`` float32 ``[50000, 32, 32, 3]``, each channel standardised by its mean and standard deviation over the
      training split (provenance gives them with pixels in [0, 1]); ``y_train`` int32 ``[50000]``; ``[10000, ...]`` to
      test.

    Raises:
      ConfigError: no folder, or a file in it that is missing, truncated, swapped, or of another format, count or class
        count; unknown ``labels``; a negative seed.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     task = cifar100(**example(Path(folder)))
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((100, 32, 32, 3), (20, 32, 32, 3), 20)

    Reference: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    check_choice("labels", labels, tuple(_CLASSES))
    check_seed("split_seed", split_seed)
    root = open_folder(folder, tuple(name for _, name, _ in _SPLITS))
    splits = []
    for split, name, count in _SPLITS:
        x, coarse, fine = read_split(root, (name,), _CLASSES, count if official else None, {})
        if official:
            check_balanced(root, split, "fine", fine, count // 100)
            check_balanced(root, split, "coarse", coarse, count // 20)
        splits.append((x, fine if labels == "fine" else coarse))
    return classification(
        "cifar100",
        splits[0],
        splits[1],
        num_classes=_CLASSES[labels],
        scale=255.0,
        split_seed=split_seed,
        source=f"CIFAR-100 binary version, {labels} labels",
        extra={"official": str(official)},
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; writes two small valid files of random images into ``folder``."""
    write_records(folder / "train.bin", 100, _CLASSES, seed=0)
    write_records(folder / "test.bin", 20, _CLASSES, seed=1)
    return {"folder": str(folder), "labels": "coarse", "official": False}
