"""The diagonal of an operator from random probes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import check_key, check_positive_int
from gendyn.linalg.estimate import calibrated
from gendyn.linalg.space import Matvec, make_space
from gendyn.types import Array, PyTree


class DiagonalEstimate(NamedTuple):
    """A diagonal estimated from random probes."""

    value: PyTree
    """Like the operator's argument; zero outside the mask."""
    standard_error: PyTree
    """Like ``value``, coordinate by coordinate."""
    num_matvecs: int


def diagonal(
    matvec: Matvec,
    like: PyTree,
    *,
    key: Array,
    num_probes: int,
    mask: PyTree | None = None,
) -> DiagonalEstimate:
    """Unbiased estimate of ``diag A`` as the mean of ``v * (A v)`` over vectors ``v`` of random signs.

    Each entry has variance ``sum_{j != i} A_ij^2 / num_probes``: a diagonal operator is found exactly. Cost:
    ``num_probes`` matvecs, one after another; memory: five vectors, whatever ``num_probes``.

    Args:
        matvec: linear map of trees like ``like``; need not be symmetric.
        like: a tree of floating arrays or ``jax.ShapeDtypeStruct``.
        key: random key; a tree padded at the end of its axes gets the same probes on its real coordinates.
        num_probes: probes, at least 2.
        mask: like ``like``, true at the real coordinates; the operator becomes ``P A P`` on them.

    Raises:
        ConfigError: too few probes, leaves that are not floating, a mask or matvec that does not fit.

    >>> import jax, jax.numpy as jnp
    >>> diagonal(lambda v: 3 * v, jnp.ones(2), key=jax.random.key(0), num_probes=2).value.tolist()
    [3.0, 3.0]

    Reference: Bekas, Kokiopoulou & Saad, Appl. Numer. Math. 57 (2007).
    """
    check_key("key", key)
    check_positive_int("num_probes", num_probes, low=2)
    space, operator = make_space(matvec, like, mask)

    def add(state: tuple[Array, Array, Array], item: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], None]:
        # Welford's and Terriberry's updates: sums of powers minus powers would cancel.
        mean, squares, cubes = state
        number, probe_key = item
        probe = space.rademacher(probe_key)
        sample = probe * operator(probe)
        change = sample - mean
        step, grown = change / number, change * change * (number - 1) / number
        cubes = cubes + grown * step * (number - 2) - 3 * step * squares
        return (mean + step, squares + grown, cubes), None

    zeros = space.constant(jnp.zeros(space.size, space.dtype))
    numbers = jnp.arange(1, num_probes + 1, dtype=space.dtype)
    (mean, squares, cubes), _ = jax.lax.scan(add, (zeros, zeros, zeros), (numbers, jax.random.split(key, num_probes)))
    error = calibrated(squares, cubes, num_probes)
    error = jnp.maximum(error, jnp.finfo(space.dtype).eps * jnp.abs(mean))
    return DiagonalEstimate(space.unravel(mean), space.unravel(error), num_probes)
