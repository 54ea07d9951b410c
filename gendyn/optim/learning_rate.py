"""What a learning rate may be: a number, a tracer or a function of the step."""

from collections.abc import Callable

from gendyn.core import check_range
from gendyn.types import Array, ArrayLike

LearningRate = ArrayLike | Callable[[Array], Array]
"""A number, a tracer, or a function of the step (see :func:`gendyn.optim.schedule`)."""


def check_learning_rate(learning_rate: LearningRate) -> None:
    """Raises :class:`ConfigError` for a negative concrete learning rate; schedules and tracers pass."""
    if not callable(learning_rate):
        check_range("learning_rate", learning_rate, low=0)
