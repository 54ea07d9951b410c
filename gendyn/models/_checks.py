"""Argument checks shared by the factories: one message each, before anything is traced."""

from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_positive_int, check_range, is_concrete
from gendyn.types import ArrayLike


def check_widths(num_outputs: Any, width: Any, active_width: ArrayLike | None) -> None:
    """``num_outputs``, ``width`` >= 1 and ``1 <= active_width <= width``; a traced active width passes."""
    check_positive_int("num_outputs", num_outputs)
    check_positive_int("width", width)
    if active_width is None or not is_concrete(active_width):
        return
    true = np.asarray(active_width)
    if true.ndim or not np.issubdtype(true.dtype, np.integer) or not 1 <= true <= width:
        raise ConfigError(
            f"active_width = {active_width} must be an integer in [1, width = {width}]: it is the run's own width, "
            "padded to `width`. Leave it out for an unpadded network."
        )


def check_scales(**scales: ArrayLike) -> None:
    """Every traced scale is finite and >= 0 (where it is concrete)."""
    for name, value in scales.items():
        check_range(name, value, low=0.0, high=float(np.finfo(np.float32).max))


def check_image(model: str, input_shape: Any, smallest: int) -> None:
    """``input_shape`` is ``(height, width, channels)``, with at least ``smallest`` pixels a side."""
    shape = tuple(input_shape)
    if len(shape) != 3 or min(shape, default=0) < 1 or min(shape[:2]) < smallest:
        raise ConfigError(
            f"input_shape = {shape} must be (height, width, channels) with height and width of at least {smallest} "
            f"for the model {model!r}. For vectors and signals use the model 'mlp'."
        )
