"""From a table of equations ``(a, b) -> c`` to a task whose every equation is either trained on or tested."""

import numpy as np

from gendyn.core import check_choice
from gendyn.tasks._build import check_seed, sha256
from gendyn.types import Task

LAYOUTS = ("pair", "equals", "equation")


def layout_tokens(left: np.ndarray, right: np.ndarray, size: int, layout: str) -> tuple[np.ndarray, int]:
    """Token sequences ``[N, L]`` and the size of their vocabulary.

    The elements are the tokens ``0 .. size - 1``; ``=`` is token ``size``, the operation's sign ``size + 1``.

    >>> layout_tokens(np.array([3]), np.array([4]), 5, "equation")
    (array([[3, 6, 4, 5]], dtype=int32), 7)
    """
    equals, sign = np.full_like(left, size), np.full_like(left, size + 1)
    columns = {"pair": (left, right), "equals": (left, right, equals), "equation": (left, sign, right, equals)}
    vocabulary = {"pair": size, "equals": size + 1, "equation": size + 2}
    return np.stack(columns[layout], axis=1).astype(np.int32), vocabulary[layout]


def equations(
    name: str,
    pairs: tuple[np.ndarray, np.ndarray],
    answers: np.ndarray,
    *,
    size: int,
    layout: str,
    seed: int,
    source: str,
) -> Task:
    """All equations of a binary operation in one seeded order.

    The order is one uniform random permutation, as in the published experiments; it is not stratified by answer, so
    that a training set of ``n`` equations is a uniform sample without replacement.

    Args:
      name: of the task.
      pairs: the operands, each int ``[N]`` in ``0 .. size - 1``.
      answers: int ``[N]`` in ``0 .. size - 1``.
      size: elements of the group or field.
      layout: ``"pair"``, ``"equals"`` or ``"equation"``.
      seed: of the order.
      source: the operation, in words.

    Raises:
      ConfigError: an unknown layout, a negative seed.
    """
    check_choice("layout", layout, LAYOUTS)
    check_seed("seed", seed)
    tokens, vocabulary = layout_tokens(*pairs, size, layout)
    order = np.random.default_rng(seed).permutation(len(tokens))
    x, y = tokens[order], answers[order].astype(np.int32)
    return Task(
        name=name,
        x_train=x,
        y_train=y,
        x_test=x,
        y_test=y,
        num_outputs=vocabulary,
        kind="classification",
        provenance={
            "source": f"generated: all {len(x)} equations of {source}, layout {layout}",
            "sha256": sha256(x, y),
            "seed": str(seed),
            "num_equations": str(len(x)),
        },
        rest_is_test=True,
    )
