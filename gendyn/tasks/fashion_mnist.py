"""Fashion-MNIST: 60,000 + 10,000 images of clothes, 28 x 28 pixels, from IDX files in a folder you name."""

from pathlib import Path
from typing import Any

from gendyn.tasks._idx import idx_task, write_idx
from gendyn.types import Task

# Published MD5 checksums of the decompressed files, so that plain and recompressed copies pass too.
_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}


def fashion_mnist(*, folder: str = "", split_seed: int = 0, official: bool = True) -> Task:
    """Fashion-MNIST with its official split, from the four IDX files (plain or ``.gz``), verified byte for byte.

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
      ...     task = fashion_mnist(**example(Path(folder)))
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((60, 28, 28, 1), (20, 28, 28, 1), 10)

    Reference: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset" (2017, arXiv:1708.07747).
    """
    return idx_task(
        "fashion_mnist", folder, _MD5, official=official, split_seed=split_seed, source="Fashion-MNIST IDX files"
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; writes four small valid files of random images into ``folder``."""
    write_idx(folder)
    return {"folder": str(folder), "official": False}
