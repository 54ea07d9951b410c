"""What the polynomial experiments share: laws of inputs, targets, one program for each point of the outer axes.

Redraws are the values of the axis ``seed``. All arithmetic is float64, scoped to the computation.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import grid, tabulate
from gendyn.core import ConfigError, check_choice
from gendyn.sweep import Group
from gendyn.types import Array

if TYPE_CHECKING:
    import ml_collections
    import xarray

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


def axes_of(config: "ml_collections.ConfigDict", names: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """The axes of a config, which must be ``names`` in this order, each with different values; the last is ``seed``.

    Raises:
        ConfigError: other axes, an axis without values, or a value twice.
    """
    axes = {str(name): tuple(values) for name, values in config.axes}
    if tuple(axes) != names:
        raise ConfigError(f"config.axes: {', '.join(axes) or 'none'} must be {', '.join(names)}, in this order.")
    for name, values in axes.items():
        if not values or len(set(values)) < len(values):
            raise ConfigError(f"config.axes: {name} = {values} must be at least one value, each once.")
    return axes


def redraw_groups(axes: Mapping[str, tuple[Any, ...]], redraw: Callable[..., Mapping[str, Array]]) -> list[Group]:
    """A group for each point of the outer axes.

    Args:
        axes: as :func:`axes_of` returns them.
        redraw: ``redraw(seeds [R] uint32, **point) -> {name: [R, ...]}``; called with float64 enabled.
    """
    outer, seeds = [name for name in axes if name != "seed"], axes["seed"]

    def group(point: dict[str, Any]) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
            with jax.enable_x64(True):
                chosen = jnp.array([each["seed"] for each in points], jnp.uint32)
                return {name: np.asarray(value) for name, value in redraw(chosen, **point).items()}

        return Group(points=tuple(point | {"seed": int(seed)} for seed in seeds), compute=compute)

    return [group(dict(zip(outer, values, strict=True))) for values in itertools.product(*(axes[n] for n in outer))]


def redraws_of(ds: "xarray.Dataset", axes: tuple[str, ...], name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The outer axes' values, ascending, and a recorded array as ``[*outer, S, ...]``: seeds that all points have.

    Raises:
        ConfigError: no seed is finished at every point of the outer axes.
    """
    layout = grid(ds, axes)
    table = tabulate(layout, ds[name].values[:, 0])
    committed = tabulate(layout, ds["committed"].values) if "committed" in ds.coords else np.ones(layout.runs.shape)
    finished = ((committed > 0) & (layout.runs >= 0)).all(axis=tuple(range(len(axes) - 1)))
    if not finished.any():
        raise ConfigError("no redraw is finished at every point of the axes; wait for the first chunks.")
    return layout.axes, np.compress(finished, table, axis=len(axes) - 1)
