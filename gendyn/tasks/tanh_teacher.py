"""Gaussian inputs and the outputs of a deep tanh network: a regression whose large-norm students grok."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import check_positive_int, check_range
from gendyn.tasks._build import check_seed, generated
from gendyn.tasks._spurious import check_spurious, conceal
from gendyn.types import Task

Layer = tuple[np.ndarray, np.ndarray]


def _teacher(rng: np.random.Generator, sizes: list[int], scale: float) -> list[Layer]:
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        bound = scale / np.sqrt(fan_in)
        layers.append((rng.uniform(-bound, bound, (fan_in, fan_out)), rng.uniform(-bound, bound, fan_out)))
    return layers


def _outputs(x: np.ndarray, layers: list[Layer]) -> np.ndarray:
    for weights, biases in layers[:-1]:
        x = np.tanh(x @ weights + biases)
    weights, biases = layers[-1]
    return x @ weights + biases


def tanh_teacher(
    *,
    num_train: int = 100,
    num_test: int = 100,
    input_size: int = 5,
    teacher_width: int = 100,
    teacher_depth: int = 2,
    num_outputs: int = 5,
    teacher_scale: float = 1.0,
    spurious: int = 0,
    spurious_scale: float = 1.0,
    seed: int = 0,
    split_seed: int = 0,
) -> Task:
    """``f(x) = W_L tanh(... tanh(W_1 x + b_1) ...) + b_L`` with ``x ~ N(0, I)``: by default 5-100-100-5.

    Weights and biases of a layer of ``m`` inputs are uniform on ``+- teacher_scale / sqrt(m)``, the initial values of
    the linear layers that the published experiment used for teacher and student. Targets carry no noise. Teacher,
    training inputs, test inputs and spurious dimensions are separate random streams: ``num_train`` and ``spurious``
    change neither the teacher nor, in its first ``input_size`` columns, the test set.

    Args:
      num_train: ``N``.
      num_test: ``M``.
      input_size: dimensions that the teacher sees. A student sees ``D = input_size + spurious``.
      teacher_width: units of each hidden layer.
      teacher_depth: hidden layers.
      num_outputs: ``C``.
      teacher_scale: multiplies all parameters of the teacher, at least 0.
      spurious: Gaussian dimensions appended that the target does not depend on.
      spurious_scale: standard deviation of those dimensions, at least 0.
      seed: of the teacher and the inputs.
      split_seed: of the order of the training rows.

    Returns:
      ``x`` float32 ``[N, D]``, ``y`` float32 ``[N, C]``.

    Raises:
      ConfigError: a size below 1, a negative scale, number of spurious dimensions or seed.

    Example:
      >>> task = tanh_teacher()
      >>> task.x_train.shape, task.y_test.shape, task.kind
      ((100, 5), (100, 5), 'regression')

    Reference: Liu, Michaud and Tegmark (2022), Omnigrok, arXiv:2210.01117; Miller, O'Neill and Bui (2023), Grokking
    beyond neural networks, arXiv:2310.17247 (spurious dimensions).
    """
    sizes = {
        "num_train": num_train,
        "num_test": num_test,
        "input_size": input_size,
        "teacher_width": teacher_width,
        "teacher_depth": teacher_depth,
        "num_outputs": num_outputs,
    }
    for name, size in sizes.items():
        check_positive_int(name, size)
    for name, value in {"teacher_scale": teacher_scale, "spurious_scale": spurious_scale}.items():
        check_range(name, value, low=0.0, high=np.inf, open_high=True)
    check_spurious(spurious)
    check_seed("seed", seed)
    check_seed("split_seed", split_seed)

    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)]
    teacher = _teacher(streams[0], [input_size, *[teacher_width] * teacher_depth, num_outputs], teacher_scale)
    x_train = streams[1].standard_normal((num_train, input_size))
    x_test = streams[2].standard_normal((num_test, input_size))
    order = np.random.default_rng(split_seed).permutation(num_train)
    y_train, y_test = (_outputs(x, teacher).astype(np.float32) for x in (x_train[order], x_test))
    x_train = conceal(x_train, spurious_scale * streams[3].standard_normal((num_train, spurious)))
    x_test = conceal(x_test, spurious_scale * streams[4].standard_normal((num_test, spurious)))
    splits = (x_train[order], y_train, x_test, y_test)
    return generated(
        "tanh_teacher",
        splits,
        num_outputs=num_outputs,
        kind="regression",
        source=f"tanh teacher of {teacher_depth} hidden layers of {teacher_width}, {spurious} spurious inputs",
        seed=seed,
        split_seed=split_seed,
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_train": 60, "num_test": 40, "teacher_width": 10, "num_outputs": 3, "spurious": 2}
