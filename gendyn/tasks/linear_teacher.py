"""Gaussian inputs and a linear target: where grokking can be computed by hand."""

from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import check_positive_int, check_range
from gendyn.tasks._build import check_seed, generated
from gendyn.tasks._spurious import check_spurious, conceal
from gendyn.types import Task


def linear_teacher(
    *,
    num_train: int = 1000,
    num_test: int = 1000,
    input_size: int = 100,
    num_outputs: int = 1,
    noise: float = 0.0,
    spurious: int = 0,
    spurious_scale: float = 1.0,
    seed: int = 0,
    split_seed: int = 0,
) -> Task:
    """``f(x) = T^T x`` with ``x ~ N(0, I)`` and ``T [input_size, num_outputs]`` of entries ``N(0, 1 / input_size)``.

    Each output has mean 0 and, averaged over teachers, variance 1, which gives ``noise`` its unit. Training targets are
    ``f(x) + noise * N(0, 1)``, test targets ``f(x)``, so that the test loss is the excess risk. Teacher, training
    inputs, noise, test inputs and spurious dimensions are separate random streams: changing ``noise``, ``num_train`` or
    ``spurious`` changes neither the teacher nor, in its first ``input_size`` columns, the test set.

    Args:
      num_train: ``N``.
      num_test: ``M``.
      input_size: dimensions that the target depends on. A student sees ``D = input_size + spurious``; its load is
        ``lambda = D / N``.
      num_outputs: ``C``.
      noise: standard deviation of the noise on training targets, at least 0.
      spurious: dimensions appended that the target does not depend on.
      spurious_scale: standard deviation of those dimensions, at least 0.
      seed: of teacher, inputs and noise.
      split_seed: of the order of the training rows.

    Returns:
      ``x`` float32 ``[N, D]``, ``y`` float32 ``[N, C]``.

    Raises:
      ConfigError: a size below 1, a negative noise, scale, number of spurious dimensions or seed.

    Example:
      >>> task = linear_teacher(num_train=8, num_test=4, input_size=3, spurious=2)
      >>> task.x_train.shape, task.y_train.shape, task.kind
      ((8, 5), (8, 1), 'regression')

    Reference: Levi, Beck and Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441; Miller,
    O'Neill and Bui (2023), Grokking beyond neural networks, arXiv:2310.17247 (spurious dimensions).
    """
    sizes = {"num_train": num_train, "num_test": num_test, "input_size": input_size, "num_outputs": num_outputs}
    for name, size in sizes.items():
        check_positive_int(name, size)
    for name, value in {"noise": noise, "spurious_scale": spurious_scale}.items():
        check_range(name, value, low=0.0, high=np.inf, open_high=True)
    check_spurious(spurious)
    check_seed("seed", seed)
    check_seed("split_seed", split_seed)

    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    teacher = streams[0].standard_normal((input_size, num_outputs)) / np.sqrt(input_size)
    signal_train = streams[1].standard_normal((num_train, input_size))
    signal_test = streams[2].standard_normal((num_test, input_size))
    y_train = signal_train @ teacher + noise * streams[3].standard_normal((num_train, num_outputs))
    y_test = (signal_test @ teacher).astype(np.float32)
    x_train = conceal(signal_train, spurious_scale * streams[4].standard_normal((num_train, spurious)))
    x_test = conceal(signal_test, spurious_scale * streams[5].standard_normal((num_test, spurious)))
    order = np.random.default_rng(split_seed).permutation(num_train)
    splits = (x_train[order], y_train[order].astype(np.float32), x_test, y_test)
    return generated(
        "linear_teacher",
        splits,
        num_outputs=num_outputs,
        kind="regression",
        source=f"linear teacher of {input_size} inputs, {spurious} spurious ones, noise {noise:g}",
        seed=seed,
        split_seed=split_seed,
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_train": 60, "num_test": 40, "input_size": 5, "num_outputs": 2, "spurious": 3}
