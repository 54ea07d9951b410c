"""The parity of a few of many random bits: a feature to be found before anything can generalise."""

from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_positive_int
from gendyn.tasks._build import check_num_test, check_seed, generated
from gendyn.tasks._split import hold_out
from gendyn.tasks._spurious import check_spurious, conceal
from gendyn.types import Task


def _distinct_bits(rng: np.random.Generator, num_rows: int, num_bits: int) -> np.ndarray:
    """``[num_rows, num_bits]`` of 0 and 1: a uniform sample of bit strings without replacement, in random order."""
    if num_bits < 62 and num_rows * 2 > 2**num_bits:
        numbers = rng.permutation(2**num_bits)[:num_rows]
        return numbers[:, None] >> np.arange(num_bits) & 1
    rows = rng.integers(0, 2, (num_rows, num_bits))
    while True:
        first = np.sort(np.unique(rows, axis=0, return_index=True)[1])
        rows = rows[first][:num_rows]
        if len(rows) == num_rows:
            return rows
        rows = np.concatenate([rows, rng.integers(0, 2, (num_rows, num_bits))])


def sparse_parity(
    *,
    num_bits: int = 40,
    num_relevant: int = 3,
    num_examples: int = 2000,
    num_test: int = 1000,
    spurious: int = 0,
    seed: int = 0,
    split_seed: int = 0,
) -> Task:
    """``(n, k)``-sparse parity: ``x`` uniform on ``{-1, +1}^n``, class 1 where the product of ``k`` bits is +1, else 0.

    Which bits are relevant is drawn with the seed. The examples are distinct, so that no test example was trained on;
    there are ``2^n``.

    Args:
      num_bits: ``n``, relevant bits included.
      num_relevant: ``k``.
      num_examples: examples of both splits together.
      num_test: ``M``; the other ``N = num_examples - M`` are the training pool.
      spurious: further random bits behind the ``n``; those and the classes stay the same for every ``spurious``, so a
        sweep over it conceals one problem to different degrees.
      seed: of the relevant bits, the inputs and the spurious bits (separate random streams).
      split_seed: of the stratified split, and of the order of the training rows.

    Returns:
      ``x`` float32 ``[N, n + spurious]`` of -1 and +1; ``y`` int32 ``[N]``, 2 classes.

    Raises:
      ConfigError: ``num_relevant > num_bits``, more examples than bit strings, a class without examples, a size or seed
        out of range.

    Example:
      >>> task = sparse_parity(num_bits=4, num_relevant=2, num_examples=16, num_test=8)
      >>> relevant = [int(bit) for bit in task.provenance["relevant_bits"].split(",")]
      >>> bool(((task.x_train[:, relevant].prod(axis=1) > 0) == task.y_train).all())
      True

    Reference: Barak et al. (2022), Hidden progress in deep learning, arXiv:2207.08799; in grokking: Merrill,
    Tsilivis and Shukla (2023), A tale of two circuits, arXiv:2303.11873.
    """
    check_positive_int("num_bits", num_bits)
    check_positive_int("num_relevant", num_relevant)
    check_positive_int("num_examples", num_examples, low=4)
    check_num_test(num_test, num_examples)
    check_spurious(spurious)
    check_seed("seed", seed)
    check_seed("split_seed", split_seed)
    if num_relevant > num_bits:
        raise ConfigError(f"num_relevant = {num_relevant} must be at most num_bits = {num_bits}.")
    if num_examples > 2**num_bits:
        raise ConfigError(
            f"num_examples = {num_examples} must be at most 2^num_bits = {2**num_bits}, as examples are distinct."
        )
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)]
    relevant = np.sort(streams[0].permutation(num_bits)[:num_relevant])
    signs = 2 * _distinct_bits(streams[1], num_examples, num_bits) - 1
    labels = (signs[:, relevant].prod(axis=1) > 0).astype(np.int32)
    x = conceal(signs, 2 * streams[2].integers(0, 2, (num_examples, spurious)) - 1)
    train, test = hold_out(labels, num_test, split_seed)
    if len(np.unique(labels[train])) < 2:
        raise ConfigError(
            f"num_examples = {num_examples}, num_test = {num_test}: the training split holds one class only; "
            "take more examples."
        )
    splits = (x[train], labels[train], x[test], labels[test])
    return generated(
        "sparse_parity",
        splits,
        num_outputs=2,
        kind="classification",
        source=f"parity of {num_relevant} of {num_bits} bits and {spurious} spurious ones",
        seed=seed,
        split_seed=split_seed,
        extra={"relevant_bits": ",".join(str(bit) for bit in relevant)},
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_bits": 8, "num_examples": 100, "num_test": 40, "spurious": 2}
