"""The kernel of a polynomial whose coefficients' variance halves with each order, as a geometric series."""

import jax.numpy as jnp

from gendyn.core import check_choice, check_positive_int
from gendyn.regression._design import floating
from gendyn.types import Array, ArrayLike

BASES = ("chebyshev", "monomial")


def polynomial_kernel(left: ArrayLike, right: ArrayLike, order: int, *, basis: str = "monomial") -> Array:
    """``sum_(j <= order) 2^-j f_j(left) f_j(right)`` in closed form: ``[n]`` and ``[m]`` to ``[n, m]``.

    The Gaussian process with this kernel is the polynomial with prior variances
    ``1 / order_penalty(order)``; see :func:`~gendyn.regression.order_penalty`. With ``J = order``:

    - ``monomial``: ``(1 - (x x' / 2)^(J + 1)) / (1 - x x' / 2)``, of modest size only for ``|x| < sqrt(2)``;
    - ``chebyshev``, with ``x = cos a`` and ``x' = cos b``: the mean of ``P(a + b)`` and ``P(a - b)``, where
      ``P(t) = Re sum_(j <= J) (e^(i t) / 2)^j``; for points in ``[-1, 1]``.

    The sum of the features' products has the same value; the closed form costs ``O(n m)`` at any order.

    Args:
        left, right: points; the variable of the basis itself.
        order: static, 0 or more.
        basis: ``"monomial"`` or ``"chebyshev"``.

    Raises:
        ConfigError: an unknown basis, a bad order, points that are not finite.

    >>> one, other = jnp.array([0.5]), jnp.array([1.0])
    >>> [round(float(polynomial_kernel(one, other, 2, basis=basis)[0, 0]), 4) for basis in BASES]
    [1.125, 1.3125]
    """
    check_choice("basis", basis, BASES)
    check_positive_int("order", order, low=0)
    x, other = floating("left", left), floating("right", right)

    def series(ratio: Array) -> Array:
        return (1 - ratio ** (order + 1)) / (1 - ratio)

    if basis == "monomial":
        return series(jnp.multiply.outer(x, other) / 2)
    a, b = jnp.arccos(x)[:, None], jnp.arccos(other)[None]
    return jnp.real(series(jnp.exp(1j * (a + b)) / 2) + series(jnp.exp(1j * (a - b)) / 2)) / 2
