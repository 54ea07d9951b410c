"""Tokens and logits in the order of a cyclic group, in which its operation is the addition of positions."""

import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.types import Array, ArrayLike

GROUPS = ("additive", "multiplicative")


def group_elements(modulus: int, group: str) -> np.ndarray:
    """The tokens of a cyclic group in its own order.

    Entry ``k`` is ``k``, or for products ``g^k mod p`` with ``g`` the least primitive root (a discrete exponential). In
    this order the group's operation is the addition of positions modulo ``n``, so that one Fourier analysis serves sums
    modulo any ``p`` (``n = p``) and products modulo a prime ``p`` (``n = p - 1``, zero left out).

    Returns:
        int32 ``[n]``.

    Raises:
        ConfigError: a modulus below 3 (additive) or 5 (multiplicative), a composite one for products, another group.

    >>> group_elements(7, "multiplicative").tolist()
    [1, 3, 2, 6, 4, 5]
    """
    check_choice("group", group, GROUPS)
    check_positive_int("modulus", modulus, low=3 if group == "additive" else 5)
    if group == "additive":
        return np.arange(modulus, dtype=np.int32)
    if any(modulus % factor == 0 for factor in range(2, int(modulus**0.5) + 1)):
        raise ConfigError(
            f"modulus = {modulus} must be a prime: otherwise products of the residues are no cyclic group."
        )
    for generator in range(2, modulus):
        powers = [1]
        while powers[-1] * generator % modulus != 1:
            powers.append(powers[-1] * generator % modulus)
        if len(powers) == modulus - 1:
            break
    return np.asarray(powers, np.int32)


def group_table(logits: ArrayLike, modulus: int, *, group: str = "additive", invert_second: bool = False) -> Array:
    """Logits of all token pairs, put in the order of a group. Exact.

    ``table[i, j] = logits[p a + b]`` for ``a`` the ``i``-th element of the group and ``b`` the ``j``-th (with
    ``invert_second`` the ``-j``-th, so that ``i + j`` is the position of ``a - b``, or of ``a / b``). Columns ``0 … n -
    1`` are the classes of the group's elements in its order. Further columns (zero of products, tokens of operators)
    are left out.

    Args:
        logits: ``[p * p, C]``, row ``p a + b``, with ``C`` at least ``p``.
        modulus: ``p``.
        group: ``"additive"`` (``n = p``) or ``"multiplicative"`` (``n = p - 1``, ``p`` prime).
        invert_second: for subtraction and division.

    Returns:
        ``[n, n, n]``.

    Raises:
        ConfigError: another shape, or a modulus without such a group.

    >>> a, b, c = jnp.meshgrid(*[jnp.arange(7)] * 3, indexing="ij")
    >>> logits = jnp.where(a * b % 7 == c, 1.0, 0.0).reshape(49, 7)
    >>> group_table(logits, 7, group="multiplicative")[2, 3].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    elements = group_elements(modulus, group)
    rows = jnp.asarray(logits)
    if rows.ndim != 2 or rows.shape[0] != modulus**2 or rows.shape[1] < modulus:
        raise ConfigError(
            f"logits has shape {rows.shape}; it must be [{modulus**2}, C] with C of at least {modulus}: "
            f"a row for each pair of modulus = {modulus}, row {modulus} a + b."
        )
    seconds = second_elements(elements, invert_second)
    return rows[elements[:, None] * modulus + seconds][..., elements]


def second_elements(elements: np.ndarray, invert: bool) -> np.ndarray:
    return elements[-np.arange(len(elements)) % len(elements)] if invert else elements
