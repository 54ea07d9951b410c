"""Polynomial and Fourier bases of one variable on an interval, and penalties that grow with the order.

Every basis is evaluated at ``t = (2 x - low - high) / (high - low)``, which maps ``domain = (low, high)`` to
``[-1, 1]``; the default domain leaves ``x`` as it is. State the domain with a result: a penalty on coefficients
means something else on another one, and outside it the functions grow like ``t^order`` or ``(2 t)^order``.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.regression._design import floating
from gendyn.types import Array, ArrayLike


def polynomial_features(
    x: ArrayLike, order: int, *, basis: str = "monomial", domain: tuple[float, float] = (-1.0, 1.0)
) -> Array:
    """The basis functions of orders 0 to ``order`` at ``x``: ``[n, order + 1]``, for Fourier ``[n, 2 order + 1]``.

    ``monomial``: ``t^j``. ``legendre``: ``P_j(t)``, ``P_j(1) = 1``, squares integrate to ``2 / (2 j + 1)``.
    ``chebyshev``: ``T_j(t)``, of the first kind. ``fourier``: ``1, cos(pi t), sin(pi t), cos(2 pi t), ...``, of period
    ``high - low``. By the three-term recursions, which are stable on ``[-1, 1]`` at any order.

    Cost: ``O(n order)``.

    Args:
        x: points ``[n]``.
        order: static, 0 or more.
        basis: one of the four.
        domain: ``(low, high)``, finite.

    Raises:
        ConfigError: an unknown basis, a bad order or domain, ``x`` that is not a finite vector.

    >>> polynomial_features(jnp.array([0.5]), 2, basis="legendre").tolist()
    [[1.0, 0.5, -0.125]]
    >>> polynomial_features(jnp.array([1.0, 4.0]), 1, domain=(0.0, 4.0)).tolist()
    [[1.0, -0.5], [1.0, 1.0]]
    """
    check_choice("basis", basis, BASES)
    check_positive_int("order", order, low=0)
    low, high = float(domain[0]), float(domain[1])
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ConfigError(f"domain = {domain} must be (low, high), finite, with low < high.")
    points = floating("x", x)
    if points.ndim != 1:
        raise ConfigError(f"x {points.shape} must be [n]: these are functions of one variable.")
    return _evaluated(points, low, high, basis, order)


def basis_orders(order: int, *, basis: str = "monomial") -> np.ndarray:
    """The order of each column of :func:`polynomial_features`, int64.

    Raises:
        ConfigError: an unknown basis or a bad order.

    >>> basis_orders(2, basis="fourier").tolist()
    [0, 1, 1, 2, 2]
    """
    check_choice("basis", basis, BASES)
    check_positive_int("order", order, low=0)
    return (np.arange(2 * order + 1) + 1) // 2 if basis == "fourier" else np.arange(order + 1)


def order_penalty(order: int, *, rule: str = "exponential", basis: str = "monomial") -> np.ndarray:
    """Weights of a penalty ``sum_j weights_j w_j^2`` that prefers low orders, for :func:`~gendyn.regression.ridge`.

    ``exponential``: ``2^j``. ``quadratic``: ``0.01^2 j^2``, which leaves the constant free. NumPy float64, since
    ``2^128`` is beyond float32; ``ridge`` takes it as it is. ``1 / weights`` are prior variances, up to the noise's.

    Raises:
        ConfigError: an unknown rule or basis, or a bad order; an order whose weight overflows float64.

    >>> order_penalty(3).tolist(), order_penalty(2, rule="quadratic").tolist()
    ([1.0, 2.0, 4.0, 8.0], [0.0, 0.0001, 0.0004])

    Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, appendix D.
    """
    check_choice("rule", rule, _RULES)
    orders = basis_orders(order, basis=basis).astype(np.float64)
    if rule == "exponential" and order > 1023:
        raise ConfigError(f"order = {order} must be at most 1023 with rule 'exponential': 2^1024 is beyond float64.")
    return _RULES[rule](orders)


@jax.jit(static_argnames=("basis", "order"))
def _evaluated(points: Array, low: float, high: float, basis: str, order: int) -> Array:
    return BASES[basis]((2 * points - (low + high)) / (high - low), order)


def _recursion(t: Array, order: int, step: Callable[[Array, Array, Array], Array]) -> Array:
    """``f_0 = 1, f_1 = t, f_{j+1} = step(j, f_j, f_{j-1})`` as columns."""

    def advance(carry: tuple[Array, Array], j: Array) -> tuple[tuple[Array, Array], Array]:
        now, before = carry
        following = step(j, now, before)
        return (following, now), following

    one = jnp.ones_like(t)
    if order < 2:
        return jnp.stack([one, t][: order + 1], axis=1)
    _, rest = jax.lax.scan(advance, (t, one), jnp.arange(1, order, dtype=t.dtype))
    return jnp.concatenate([one[:, None], t[:, None], rest.T], axis=1)


def _monomial(t: Array, order: int) -> Array:
    return _recursion(t, order, lambda j, now, before: t * now)


def _legendre(t: Array, order: int) -> Array:
    return _recursion(t, order, lambda j, now, before: ((2 * j + 1) * t * now - j * before) / (j + 1))


def _chebyshev(t: Array, order: int) -> Array:
    return _recursion(t, order, lambda j, now, before: 2 * t * now - before)


def _fourier(t: Array, order: int) -> Array:
    angles = jnp.pi * t[:, None] * jnp.arange(1, order + 1, dtype=t.dtype)
    pairs = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=2).reshape(len(t), 2 * order)
    return jnp.concatenate([jnp.ones_like(t)[:, None], pairs], axis=1)


POLYNOMIALS = ("monomial", "legendre", "chebyshev")
"""Bases with one function an order."""
BASES: Mapping[str, Callable[[Array, int], Array]] = {
    "monomial": _monomial,
    "legendre": _legendre,
    "chebyshev": _chebyshev,
    "fourier": _fourier,
}
_RULES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda orders: 2.0**orders,
    "quadratic": lambda orders: 1e-4 * orders**2,
}
