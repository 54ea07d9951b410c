"""Scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, 10 classes. Nothing to download."""

from pathlib import Path
from typing import Any

from gendyn.tasks._build import check_num_test, check_seed, classification
from gendyn.tasks._package import read_digits_csv
from gendyn.tasks._split import hold_out
from gendyn.types import Task

_NUM_EXAMPLES = 1797


def digits(*, num_test: int = 797, split_seed: int = 0) -> Task:
    """The 8 x 8 digits with a stratified, seeded split, since the data set has no official one.

    Args:
      num_test: ``M``, held-out examples; the other ``N = 1797 - M`` are the training pool.
      split_seed: seed of the split and of the order of the training rows.

    Returns:
      ``x_train`` float32 ``[N, 8, 8, 1]``, standardised by one mean and one standard deviation of the training split
      (provenance gives them with pixels in [0, 1]); ``y_train`` int32 ``[N]``; the test split likewise.

    Raises:
      ConfigError: ``num_test`` outside ``1 .. 1796``, a negative seed.

    Example:
      >>> task = digits(num_test=297)
      >>> task.x_train.shape, task.x_test.shape, task.num_outputs
      ((1500, 8, 8, 1), (297, 8, 8, 1), 10)

    Reference: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI repository (1998); the copy is the
    one of scikit-learn's ``load_digits``.
    """
    check_num_test(num_test, _NUM_EXAMPLES)
    check_seed("split_seed", split_seed)
    table = read_digits_csv("sklearn", "datasets/data/digits.csv.gz", (_NUM_EXAMPLES, 65))
    x, y = table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1]
    train, test = hold_out(y, num_test, split_seed)
    return classification(
        "digits",
        (x[train], y[train]),
        (x[test], y[test]),
        num_classes=10,
        scale=16.0,
        split_seed=split_seed,
        source="scikit-learn load_digits (UCI optical recognition of handwritten digits, test part)",
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_test": 1397}
