"""Laws of inputs on the line: independent draws, and exact averages by their Gauss rules."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_choice, check_key, check_positive_int
from gendyn.types import Array

_LAWS: Mapping[str, Callable[[Array, tuple[int, ...]], Array]] = {
    "uniform": lambda key, shape: jax.random.uniform(key, shape, jnp.float64, -1.0, 1.0),
    "normal": lambda key, shape: jax.random.normal(key, shape, jnp.float64),
}


def draw_inputs(key: Array, law: str, shape: tuple[int, ...]) -> Array:
    """Independent inputs, float64 where it is enabled, from a law.

    Args:
        key: random key.
        law: ``"uniform"`` on ``[-1, 1]``, or ``"normal"``, standard.
        shape: of the array of inputs.

    Raises:
        ConfigError: an unknown law.
    """
    check_key("key", key)
    check_choice("law", law, _LAWS)
    return _LAWS[law](key, shape)


def law_average(law: str, num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights ``[Q]`` of the Gauss rule of a law: exact means of polynomials of orders up to ``2 Q - 1``.

    Args:
        law: as for :func:`draw_inputs`.
        num_nodes: ``Q``.

    Raises:
        ConfigError: an unknown law, or no point.

    >>> points, weights = law_average("normal", 8)
    >>> float(weights.sum().round(12)), float((weights @ points**4).round(12))
    (1.0, 3.0)
    """
    check_choice("law", law, _LAWS)
    check_positive_int("num_nodes", num_nodes)
    rule = np.polynomial.hermite_e.hermegauss if law == "normal" else np.polynomial.legendre.leggauss
    points, weights = rule(num_nodes)
    return points, weights / weights.sum()
