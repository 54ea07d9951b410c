"""What the polynomial experiments share: laws of inputs with their exact averages, targets, numbers in tables."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_choice
from gendyn.types import Array

POLYNOMIALS = ("monomial", "legendre", "chebyshev")
"""Bases of :func:`gendyn.regression.polynomial_features` with one function an order."""
TARGETS: Mapping[str, Callable[[Array], Array]] = {
    "simple": lambda x: x + jnp.cos(jnp.pi * x),
    "complex": lambda x: jnp.sin(x) * jnp.cos(x**2),
    "cosine": lambda x: jnp.cos(1.5 * jnp.pi * x),
}
"""Functions of one variable, elementwise."""
_LAWS: Mapping[str, Callable[[Array, tuple[int, ...]], Array]] = {
    "uniform": lambda key, shape: jax.random.uniform(key, shape, jnp.float64, -1.0, 1.0),
    "normal": lambda key, shape: jax.random.normal(key, shape, jnp.float64),
}


def draw_inputs(key: Array, law: str, shape: tuple[int, ...]) -> Array:
    """Independent inputs, float64, from ``uniform`` on ``[-1, 1]`` or ``normal``."""
    check_choice("law", law, _LAWS)
    return _LAWS[law](key, shape)


def law_average(law: str, num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights ``[Q]`` of the Gauss rule of a law: exact means of polynomials of orders up to ``2 Q - 1``.

    >>> points, weights = law_average("normal", 8)
    >>> float(weights.sum().round(12)), float((weights @ points**4).round(12))
    (1.0, 3.0)
    """
    check_choice("law", law, _LAWS)
    rule = np.polynomial.hermite_e.hermegauss if law == "normal" else np.polynomial.legendre.leggauss
    points, weights = rule(num_nodes)
    return points, weights / weights.sum()


def short(value: float) -> str:
    """A number for a cell of a table.

    >>> short(1.234), short(81234.0)
    ('1.23', '8e+04')
    """
    return f"{value:.2f}" if value < 100 else f"{value:.0e}"
