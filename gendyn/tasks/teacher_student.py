"""Gaussian inputs labelled by a random two-layer network: a task whose noise and difficulty are arguments."""

from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int, check_range
from gendyn.tasks._build import check_seed, generated
from gendyn.tasks._split import stratified_order
from gendyn.tasks._spurious import check_spurious, conceal
from gendyn.types import Task


def _teacher(rng: np.random.Generator, input_size: int, width: int, num_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    first = rng.standard_normal((input_size, width))
    first /= np.linalg.norm(first, axis=0)
    return first, rng.standard_normal((width, num_outputs)) * np.sqrt(3.0 / width)


def _outputs(x: np.ndarray, teacher: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    from scipy.special import erf

    return erf(x @ teacher[0] / np.sqrt(2.0)) @ teacher[1]


def teacher_student(
    *,
    num_train: int = 1000,
    num_test: int = 1000,
    input_size: int = 20,
    teacher_width: int = 4,
    num_outputs: int = 2,
    kind: str = "classification",
    noise: float = 0.0,
    spurious: int = 0,
    spurious_scale: float = 1.0,
    seed: int = 0,
    split_seed: int = 0,
) -> Task:
    """A soft committee machine as the teacher: ``f(x) = A^T g(W^T x)`` with ``g(z) = erf(z / sqrt(2))``.

    Inputs are ``x ~ N(0, I)``. The columns of ``W [input_size, teacher_width]`` are uniform on the unit sphere, so each
    hidden unit sees ``z ~ N(0, 1)`` and ``E g(z)^2 = 1/3``; ``A [teacher_width, num_outputs]`` has independent entries
    of variance ``3 / teacher_width``. Each output then has mean 0 and, averaged over teachers, variance 1, which gives
    ``noise`` its unit. Training targets come from ``f(x) + noise * N(0, I)``; test targets from ``f(x)``, so that the
    test loss is the excess risk. Teacher, training inputs, noise, test inputs and spurious dimensions are separate
    random streams: changing ``noise``, ``num_train`` or ``spurious`` changes neither the teacher nor, in its first
    ``input_size`` columns, the test set.

    The inputs are used as drawn, since their mean 0 and standard deviation 1 are known.

    Args:
      num_train: ``N``.
      num_test: ``M``.
      input_size: dimensions that the teacher sees. A student sees ``D = input_size + spurious``.
      teacher_width: hidden units of the teacher.
      num_outputs: ``C``: classes, or regression targets.
      kind: ``"classification"``: the class is the argmax of the (noisy) outputs; ``"regression"``: the outputs.
      noise: standard deviation of the noise on the training outputs, at least 0.
      spurious: Gaussian dimensions appended that the target does not depend on.
      spurious_scale: standard deviation of those dimensions, at least 0.
      seed: of the teacher, the inputs and the noise.
      split_seed: of the order of the training rows (stratified for classes).

    Returns:
      ``x_train`` float32 ``[N, D]``; ``y_train`` int32 ``[N]`` or float32 ``[N, C]``; the test split likewise.

    Raises:
      ConfigError: a size below 1, fewer than 2 classes, an unknown kind, a negative noise, scale, number of
        spurious dimensions or seed.

    Example:
      >>> task = teacher_student(num_train=8, num_test=4, input_size=3, num_outputs=2, kind="regression")
      >>> task.x_train.shape, task.y_train.shape, task.kind
      ((8, 3), (8, 2), 'regression')

    Reference: Saad and Solla, "On-line learning in soft committee machines", Physical Review E 52 (1995); Miller,
    O'Neill and Bui (2023), Grokking beyond neural networks, arXiv:2310.17247 (spurious dimensions).
    """
    check_choice("kind", kind, ("classification", "regression"))
    sizes = {
        "num_train": num_train,
        "num_test": num_test,
        "input_size": input_size,
        "teacher_width": teacher_width,
        "num_outputs": num_outputs,
    }
    for name, size in sizes.items():
        check_positive_int(name, size)
    if kind == "classification" and num_outputs < 2:
        raise ConfigError(f"num_outputs = {num_outputs} must be at least 2 classes when kind is classification.")
    for name, value in {"noise": noise, "spurious_scale": spurious_scale}.items():
        check_range(name, value, low=0.0, high=np.inf, open_high=True)
    check_spurious(spurious)
    check_seed("seed", seed)
    check_seed("split_seed", split_seed)

    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    teacher = _teacher(streams[0], input_size, teacher_width, num_outputs)
    x_train = streams[1].standard_normal((num_train, input_size))
    x_test = streams[2].standard_normal((num_test, input_size))
    train_outputs = _outputs(x_train, teacher) + noise * streams[3].standard_normal((num_train, num_outputs))
    test_outputs = _outputs(x_test, teacher)
    if kind == "classification":
        y_train, y_test = train_outputs.argmax(1).astype(np.int32), test_outputs.argmax(1).astype(np.int32)
        order = stratified_order(y_train, split_seed)
    else:
        y_train, y_test = train_outputs.astype(np.float32), test_outputs.astype(np.float32)
        order = np.random.default_rng(split_seed).permutation(num_train)
    x_train = conceal(x_train, spurious_scale * streams[4].standard_normal((num_train, spurious)))
    x_test = conceal(x_test, spurious_scale * streams[5].standard_normal((num_test, spurious)))
    return generated(
        "teacher_student",
        (x_train[order], y_train[order], x_test, y_test),
        num_outputs=num_outputs,
        kind=kind,
        source=f"{kind}, two-layer erf teacher of width {teacher_width}, {spurious} spurious inputs, noise {noise:g}",
        seed=seed,
        split_seed=split_seed,
    )


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"num_train": 60, "num_test": 40, "input_size": 5, "num_outputs": 3, "spurious": 2}
