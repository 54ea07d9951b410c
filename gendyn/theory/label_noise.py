"""Accuracy on labels that were corrupted independently of a prediction, from its accuracy on the true ones."""

import numpy as np

from gendyn.core import check_choice, check_positive_int, check_range


def corrupted_accuracy(accuracy: np.ndarray, rate: np.ndarray, num_classes: int, kind: str) -> np.ndarray:
    """Expected share of corrupted labels that a prediction meets, if it meets the share ``accuracy`` of the true ones.

    With ``K = num_classes`` and the rate ``c`` it is ``(1 - c) a + c / K`` for ``uniform_any``, where a corrupted label
    is drawn from all classes, and ``(1 - c) a + c (1 - a) / (K - 1)`` for ``uniform_incorrect``, where it is drawn from
    the others. The prediction must not depend on the label itself: a left-out one does not, and a nearest neighbour's
    accuracy on clean test labels falls along the same line, since it is the one label that was corrupted.

    Args:
        accuracy: ``a`` in [0, 1]; any shape, which broadcasts with that of ``rate``.
        rate: ``c`` in [0, 1].
        num_classes: at least 2.
        kind: ``"uniform_any"`` or ``"uniform_incorrect"``, as in :mod:`gendyn.tasks`.

    Raises:
        ConfigError: an unknown kind, or a number out of range.

    >>> corrupted_accuracy(np.array([0.9]), np.array([0.5, 1.0]), 10, "uniform_any").tolist()
    [0.5, 0.1]
    """
    check_choice("kind", kind, ("uniform_any", "uniform_incorrect"))
    check_positive_int("num_classes", num_classes, low=2)
    true, level = np.asarray(accuracy, float), np.asarray(rate, float)
    check_range("rate", level, low=0.0, high=1.0)
    lucky = np.full_like(true, 1.0 / num_classes) if kind == "uniform_any" else (1.0 - true) / (num_classes - 1)
    return np.asarray((1.0 - level) * true + level * lucky)
