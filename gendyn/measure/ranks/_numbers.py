"""Real arrays in, quotients out: what the ranks share."""

import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike


def ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient, and 0 where the denominator is 0."""
    return jnp.where(
        denominator == 0, jnp.zeros_like(numerator), numerator / jnp.where(denominator == 0, 1, denominator)
    )


def check_broadcasts(name: str, array: ArrayLike, shape: tuple[int, ...]) -> None:
    """Raises ConfigError unless the array broadcasts to the shape."""
    found = jnp.shape(array)
    if len(found) > len(shape) or any(a not in (1, b) for a, b in zip(found[::-1], shape[::-1], strict=False)):
        raise ConfigError(f"{name} has shape {found}, which does not broadcast to {shape}: give one number each.")


def real(array: ArrayLike, name: str, axes: int) -> Array:
    given = jnp.asarray(array)
    if jnp.issubdtype(given.dtype, jnp.complexfloating):
        raise ConfigError(f"{name} is {given.dtype}; it must be real. Take the real part, or the modulus, first.")
    if given.ndim < axes or given.size == 0:
        raise ConfigError(f"{name} has shape {given.shape}; it must have at least {axes} axes and one entry.")
    # Half precision has no decompositions and would lose the entropy's digits.
    return given.astype(jnp.promote_types(given.dtype, jnp.float32))
