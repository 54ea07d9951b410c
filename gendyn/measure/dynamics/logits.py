"""Logits and labels: margins, and what float32 makes of a softmax."""

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def logit_margin(logits: ArrayLike, labels: ArrayLike) -> Array:
    """``f_y - max over c != y of f_c`` of each row: positive where the answer is right. Exact.

    Args:
        logits: ``[B, C]`` with ``C`` of at least 2.
        labels: integer ``[B]`` in [0, C), not checked.

    Returns:
        ``[B]``, in the unit of the logits.

    Raises:
        ConfigError: other shapes, or labels that are not integers.

    >>> logit_margin(jnp.array([[3.0, 1.0, 2.0], [0.0, 5.0, 0.0]]), jnp.array([0, 0])).tolist()
    [1.0, -5.0]
    """
    logits, correct = _check("logit_margin", logits, labels)
    own = jnp.sum(jnp.where(correct, logits, 0.0), axis=1)
    return own - jnp.max(jnp.where(correct, -jnp.inf, logits), axis=1)


def collapsed(logits: ArrayLike, labels: ArrayLike) -> Array:
    """Whether a float32 softmax gives the correct class exactly 1: *softmax collapse*. Exact.

    ``sum_c exp(f_c - max f)``, summed in float32, equals 1 exactly and ``y`` attains the maximum: then the loss is 0
    and the gradient no longer pushes ``f_y`` up. It needs a lead of about 16.6 (``2^-24``) over the next class.

    Args:
        logits: ``[B, C]``.
        labels: integer ``[B]``.

    Returns:
        bool ``[B]``.

    Raises:
        ConfigError: other shapes, or labels that are not integers.

    >>> collapsed(jnp.array([[20.0, 0.0], [15.0, 0.0], [0.0, 20.0]]), jnp.array([0, 0, 0])).tolist()
    [True, False, False]

    Reference: Prieto et al. (2025), arXiv:2501.04697, definition 1.
    """
    logits, correct = _check("collapsed", logits, labels)
    shifted = (logits - jnp.max(logits, axis=1, keepdims=True)).astype(jnp.float32)
    attained = jnp.any(correct & (shifted == 0), axis=1)
    return attained & (jnp.sum(jnp.exp(shifted), axis=1) == 1)


def _check(name: str, logits: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Logits in float32 at least, and the one-hot bool ``[B, C]`` of the labels."""
    values, classes = jnp.asarray(logits), jnp.asarray(labels)
    integers = jnp.issubdtype(classes.dtype, jnp.integer)
    if values.ndim != 2 or values.shape[1] < 2 or classes.shape != values.shape[:1] or not integers:
        raise ConfigError(
            f"{name}: logits {values.shape} and labels {classes.dtype} {classes.shape} must be [B, C] with C of at "
            "least 2, and integers [B]. Logit measures are for classification."
        )
    wide = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    return wide, jax.nn.one_hot(classes, values.shape[1], dtype=bool)
