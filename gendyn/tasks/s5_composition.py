"""Every product of two permutations: the group task of the grokking literature, for S5 and smaller groups."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.tasks._equations import equations
from gendyn.types import Task

LARGEST_DEGREE = 6


def permutations(degree: int) -> np.ndarray:
    """All permutations of ``0 .. degree - 1`` in lexicographic order, int ``[degree!, degree]``; token = row.

    >>> permutations(3)[:3].tolist()
    [[0, 1, 2], [0, 2, 1], [1, 0, 2]]
    """
    return np.array(list(itertools.permutations(range(degree))))


def compose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(a b)(i) = a(b(i))``: first ``b``, then ``a``. Both ``[N, degree]``."""
    return np.take_along_axis(a, b, axis=1)


def inverse(a: np.ndarray) -> np.ndarray:
    """``a^-1`` of each row."""
    return np.argsort(a, axis=1)


def token_of(permutation: np.ndarray) -> np.ndarray:
    """Rank of each row in lexicographic order, its Lehmer code in the factorial number system."""
    degree = permutation.shape[1]
    rank = np.zeros(len(permutation), np.int64)
    for place in range(degree):
        smaller_after = (permutation[:, place + 1 :] < permutation[:, place : place + 1]).sum(axis=1)
        rank += smaller_after * math.factorial(degree - 1 - place)
    return rank


OPERATIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "compose": compose,
    "conjugate": lambda a, b: compose(compose(a, b), inverse(a)),
    "aba": lambda a, b: compose(compose(a, b), a),
}


def s5_composition(*, operation: str = "compose", layout: str = "pair", degree: int = 5, seed: int = 0) -> Task:
    """All ``(n!)^2`` equations of an operation on the symmetric group ``S_n``: 14,400 of 120 elements for ``S_5``.

    =============  ====================  =========================
    operation      c
    =============  ====================  =========================
    ``compose``    ``a b``               first ``b``, then ``a``
    ``conjugate``  ``a b a^-1``          of the cycle type of ``b``
    ``aba``        ``a b a``
    =============  ====================  =========================

    Published code writes the product in the other order, which renames ``a b`` to ``b a``: the same task. The order of
    the equations is one uniform permutation, not stratified by answer.

    Args:
      operation: a name of the table.
      layout: ``"pair"``: tokens ``[a, b]`` of ``n!``; ``"equals"``: ``[a, b, =]`` of ``n! + 1``; ``"equation"``:
        ``[a, o, b, =]`` of ``n! + 2``. Tokens are the permutations in lexicographic order.
      degree: ``n``, from 2 to 6.
      seed: of the order, hence of which equations are trained on.

    Returns:
      ``x`` int32 ``[N, L]``, ``y`` int32 ``[N]`` in ``0 .. n! - 1``; ``rest_is_test``.

    Raises:
      ConfigError: an unknown operation or layout, a degree out of range, a negative seed.

    Example:
      >>> task = s5_composition()
      >>> task.x_train.shape, task.num_outputs
      ((14400, 2), 120)

    Reference: Power et al. (2022), Grokking, arXiv:2201.02177, appendix A.1.
    """
    check_choice("operation", operation, OPERATIONS)
    check_positive_int("degree", degree, low=2)
    if degree > LARGEST_DEGREE:
        raise ConfigError(
            f"degree = {degree} must be at most {LARGEST_DEGREE}: there are (degree!)^2 equations, "
            f"{math.factorial(degree) ** 2:,} of them."
        )
    group = permutations(degree)
    size = len(group)
    a, b = (grid.reshape(-1) for grid in np.meshgrid(np.arange(size), np.arange(size), indexing="ij"))
    answers = token_of(OPERATIONS[operation](group[a], group[b]))
    source = f"{operation} on the symmetric group S{degree}"
    return equations("s5_composition", (a, b), answers, size=size, layout=layout, seed=seed, source=source)


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"degree": 3}
