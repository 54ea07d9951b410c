"""Learning-rate schedules as pure functions of traced values.

Each maps ``(step, *, num_steps, warmup_steps)`` to a multiplier in [0, 1]; no argument is looked at by Python, so the
length of the run and of the warm-up can be swept like any number (optax's schedules branch on theirs).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_range, is_concrete
from gendyn.optim.learning_rate import check_learning_rate
from gendyn.types import Array, ArrayLike

INVERSE_SQRT_PERIOD = 512
"""Updates between two steps of the staircase of :func:`inverse_sqrt`."""


def warmup(step: ArrayLike, *, warmup_steps: ArrayLike) -> Array:
    """``min(1, (step + 1) / (warmup_steps + 1))``: no update is wasted at 0, and 0 warm-up steps give 1.

    >>> [float(warmup(step, warmup_steps=3)) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return jnp.minimum(1.0, (jnp.asarray(step) + 1.0) / (jnp.asarray(warmup_steps) + 1.0))


def _progress(step: ArrayLike, num_steps: ArrayLike, warmup_steps: ArrayLike) -> Array:
    """The share in [0, 1] of the updates after the warm-up that are done."""
    after = jnp.asarray(step) - jnp.asarray(warmup_steps)
    return jnp.clip(after / jnp.maximum(jnp.asarray(num_steps) - jnp.asarray(warmup_steps), 1), 0.0, 1.0)


def constant(step: ArrayLike, *, num_steps: ArrayLike, warmup_steps: ArrayLike = 0) -> Array:
    """1 after the warm-up.

    >>> float(constant(7, num_steps=10))
    1.0
    """
    del num_steps
    return warmup(step, warmup_steps=warmup_steps)


def linear(step: ArrayLike, *, num_steps: ArrayLike, warmup_steps: ArrayLike = 0) -> Array:
    """``1 - (step - warmup_steps) / (num_steps - warmup_steps)`` after the warm-up; 0 from ``num_steps`` on.

    >>> [float(linear(step, num_steps=4)) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    return warmup(step, warmup_steps=warmup_steps) * (1.0 - _progress(step, num_steps, warmup_steps))


def cosine(step: ArrayLike, *, num_steps: ArrayLike, warmup_steps: ArrayLike = 0) -> Array:
    """``(1 + cos(pi (step - warmup_steps) / (num_steps - warmup_steps))) / 2``; 0 from ``num_steps`` on.

    >>> [round(float(cosine(step, num_steps=4)), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]

    Reference: Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, without restarts.
    """
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * _progress(step, num_steps, warmup_steps)))
    return warmup(step, warmup_steps=warmup_steps) * fall


def inverse_sqrt(step: ArrayLike, *, num_steps: ArrayLike, warmup_steps: ArrayLike = 0) -> Array:
    """``1 / sqrt(1 + floor((step - warmup_steps) / 512))`` after the warm-up: a staircase without an end.

    >>> [round(float(inverse_sqrt(step, num_steps=2000)), 3) for step in (0, 511, 512, 1536)]
    [1.0, 1.0, 0.707, 0.5]

    Reference: Nakkiran et al., Deep double descent, ICLR 2020, appendix B (SGD on CNNs).
    """
    del num_steps
    after = jnp.maximum(jnp.asarray(step) - jnp.asarray(warmup_steps), 0)
    fall = jnp.reciprocal(jnp.sqrt(1.0 + jnp.floor(after / INVERSE_SQRT_PERIOD)))
    return warmup(step, warmup_steps=warmup_steps) * fall


SCHEDULES: Mapping[str, Callable[..., Array]] = MappingProxyType(
    {"constant": constant, "linear": linear, "cosine": cosine, "inverse_sqrt": inverse_sqrt}
)
"""Name -> ``(step, *, num_steps, warmup_steps) -> multiplier``."""


def schedule(
    name: str, learning_rate: ArrayLike, *, num_steps: ArrayLike, warmup_steps: ArrayLike = 0
) -> Callable[[Array], Array]:
    """A learning rate as a function of the step, for any transform of this room or of optax.

    ``step -> learning_rate * SCHEDULES[name](step, num_steps=num_steps, warmup_steps=warmup_steps)``, where the step
    counts updates from 0 and the ramp is ``min(1, (step + 1) / (warmup_steps + 1))``.

    Args:
      name: static; one of ``SCHEDULES``.
      learning_rate: the peak, in [0, inf).
      num_steps: updates in the run, at least 1; the step at which ``linear`` and ``cosine`` reach 0.
      warmup_steps: updates of the ramp, in [0, num_steps).

    Returns:
      A pure function of the step. All numbers may be tracers.

    Raises:
      ConfigError: an unknown name, or a concrete number outside its interval.

    >>> rate = schedule("cosine", 0.1, num_steps=100, warmup_steps=4)
    >>> [round(float(rate(step)), 4) for step in (0, 4, 52, 100)]
    [0.02, 0.1, 0.05, 0.0]
    """
    check_choice("name", name, SCHEDULES)
    check_learning_rate(learning_rate)
    check_range("num_steps", num_steps, low=1)
    check_range("warmup_steps", warmup_steps, low=0)
    if is_concrete(num_steps) and is_concrete(warmup_steps) and np.any(np.asarray(warmup_steps) >= num_steps):
        raise ConfigError(
            f"warmup_steps = {warmup_steps} must be below num_steps = {num_steps}: shorten the warm-up or "
            "lengthen the run."
        )
    multiplier = SCHEDULES[name]

    def rate(step: Array) -> Array:
        return jnp.asarray(learning_rate) * multiplier(step, num_steps=num_steps, warmup_steps=warmup_steps)

    return rate
