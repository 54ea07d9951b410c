"""MNIST: 60,000 + 10,000 images of handwritten digits, 28 x 28 pixels, from IDX files in a folder you name."""

from pathlib import Path
from typing import Any

from gendyn.tasks._idx import idx_task, write_idx
from gendyn.types import Task

# Published MD5 checksums of the decompressed files, so that plain and recompressed copies pass too.
_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist(*, folder: str = "", split_seed: int = 0, official: bool = True) -> Task:
    """MNIST with its official split, from the four IDX files (plain or ``.gz``), verified byte for byte.

    Args:
      folder: holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``, each plain or with ``.gz``. Nothing is downloaded.
      split_seed: seed of the order of the training rows.
      official: require the published counts and MD5 checksums. False accepts any well-formed files of 28 x 28 images
        and 10 classes: a subset, or another data set of the format.

    Returns:
      ``x_train`` float32 ``[60000, 28, 28, 1]``, standardised by one mean and one standard deviation of the training
      split (provenance gives them with pixels in [0, 1]); ``y_train`` int32 ``[60000]``; ``[10000, ...]`` to test.

    Raises:
      ConfigError: no folder, or a file in it that is missing, truncated, swapped, or of another format, shape, count,
        class count or content; a negative seed.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     task = mnist(**example(Path(folder)))
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((60, 28, 28, 1), (20, 28, 28, 1), 10)

    Reference: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998).
    """
    return idx_task("mnist", folder, _MD5, official=official, split_seed=split_seed, source="MNIST IDX files")


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; writes four small valid files of random images into ``folder``."""
    write_idx(folder)
    return {"folder": str(folder), "official": False}
