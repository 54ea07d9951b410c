"""No filter and no projection: what both sections of a config hold by default."""

import numpy as np
import optax

from gendyn.types import TransformExample

ROLE = "filter"
PAD_SAFE = True


def identity() -> optax.GradientTransformation:
    """``g_hat = g``, bit for bit; no state. Serves as a filter and as a projection.

    >>> import jax.numpy as jnp
    >>> transform = identity()
    >>> updates, _ = transform.update(jnp.array([1.0, -2.0]), transform.init(jnp.zeros(2)))
    >>> print(updates)
    [ 1. -2.]
    """
    return optax.identity()


def response(frequencies: np.ndarray) -> np.ndarray:
    """1; see :func:`gendyn.optim.frequency_response`."""
    return np.ones_like(frequencies)


def example() -> TransformExample:
    return TransformExample(kwargs={}, sweeps={})
