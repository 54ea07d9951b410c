"""The polynomial of ``benign_polynomial``: its data, its kernel in closed form, its posterior; all in float64."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_choice, stream
from gendyn.experiments.priors._polynomial_laws import TARGETS, draw_inputs, law_average
from gendyn.regression import (
    Predictive,
    bayesian_linear,
    bayesian_predictive,
    kernel_ridge,
    order_penalty,
    polynomial_features,
)
from gendyn.types import Array

INPUTS = ("equispaced", "random")
BASES = ("chebyshev", "monomial")
NUM_NODES = 200


class Drawn(NamedTuple):
    """One redraw of the data, and the model's features."""

    x: Array
    """``[n]``."""
    y: Array
    """At ``x``; noise in the last column: ``[n, 3]``."""
    truth: Array
    """At the test points ``[m, 3]``; 0 for noise."""
    size: Array
    """Root mean square of each, ``[3]``; 1 for noise."""


def kernel(basis: str, order: int, left: Array, right: Array) -> Array:
    """``sum_j 2^-j f_j(left) f_j(right)`` up to ``order`` in closed form; ``[n]`` and ``[m]`` to ``[n, m]``.

    >>> with jax.enable_x64(True):
    ...     [round(float(kernel(basis, 2, jnp.array([0.5]), jnp.array([1.0]))[0, 0]), 4) for basis in BASES]
    [1.125, 1.3125]
    """
    check_choice("basis", basis, BASES)

    def series(ratio: Array) -> Array:
        return (1 - ratio ** (order + 1)) / (1 - ratio)

    if basis == "monomial":
        return series(jnp.multiply.outer(left, right) / 2)
    a, b = jnp.arccos(left)[:, None], jnp.arccos(right)[None]
    return jnp.real(series(jnp.exp(1j * (a + b)) / 2) + series(jnp.exp(1j * (a - b)) / 2)) / 2


def draw(seed: Array, inputs: str, half_width: Array, count: Array, most: int, points: Array) -> Drawn:
    """Inputs and noise of different ranges are the same up to the stretch, and those of fewer points a prefix."""
    key = jax.random.key(seed)
    if inputs == "random":
        unit = draw_inputs(stream(key, "inputs"), "uniform", (most,))
    else:
        unit = 2 * jnp.minimum(jnp.arange(most), count - 1) / (count - 1) - 1
    x = half_width * unit
    nodes, weights = (jnp.asarray(each) for each in law_average("uniform", NUM_NODES))

    def targets(at: Array, rest: Array) -> Array:
        return jnp.stack([TARGETS["simple"](at), TARGETS["complex"](at), rest], axis=1)

    size = jnp.sqrt(weights @ targets(half_width * nodes, jnp.ones_like(nodes)) ** 2)
    noise = jax.random.normal(stream(key, "noise"), x.shape, jnp.float64)
    return Drawn(x, targets(x, noise), targets(points, jnp.zeros_like(points)), size)


def features(basis: str, order: int, x: Array, half_width: Array) -> tuple[Array, Array]:
    """The variable of the basis, and its functions ``[n, order + 1]``."""
    variable = x if basis == "monomial" else x / half_width
    return variable, polynomial_features(variable, order, basis=basis)


class Problem(NamedTuple):
    """Of each redraw. Points that are not used are rows of zeros, which change no fit and enter no mean."""

    design: Array
    """``[R, n, p]``."""
    test_design: Array
    """``[R, m, p]``."""
    y: Array
    """``[R, n, 3]``."""
    truth: Array
    """``[R, m, 3]``."""
    size: Array
    """``[R, 3]``."""
    kernel: Array
    """``[R, n, n]``, in closed form."""
    test_kernel: Array
    """``[R, m, n]``."""


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
@functools.partial(jax.vmap, in_axes=(None, None, None, None, 0, None, None))
def problems(order: int, most: int, inputs: str, basis: str, seed: Array, half_width: Array, count: Array) -> Problem:
    """Of seeds ``[R]``: every redraw's, with ``most`` rows of which ``count`` are used."""
    points = half_width * jnp.asarray(law_average("uniform", NUM_NODES)[0])
    mask = (jnp.arange(most) < count).astype(jnp.float64)
    drawn = draw(seed, inputs, half_width, count, most, points)
    variable, functions = features(basis, order, drawn.x, half_width)
    at_points, test_design = features(basis, order, points, half_width)
    among = kernel(basis, order, variable, variable) * mask * mask[:, None]
    across = kernel(basis, order, at_points, variable) * mask
    y, design = (mask[:, None] * each for each in (drawn.y, functions))
    return Problem(design, test_design, y, drawn.truth, drawn.size, among, across)


class Fit(NamedTuple):
    """Of one data set in one basis, on a grid of ``m`` points."""

    mean: Array
    """Of the posterior, ``[3, m]``: simple, complex, noise."""
    deviation: Array
    """Of the function, ``[m]``: the same for all three."""
    by_kernel: Array
    """``[3, m]``: the fit of the kernel in closed form."""


def shown_fits(config: dict[str, Any], seed: int, num_points: int) -> tuple[np.ndarray, Drawn, dict[str, Fit]]:
    """The grid ``[m]``, the data of one redraw at a config's reference, and its fit in each basis."""
    with jax.enable_x64(True):
        width, count, sigma = (jnp.asarray(config[name], jnp.float64) for name in ("half_width", "num_train", "sigma"))
        grid = width * jnp.linspace(-1, 1, num_points)
        drawn = _drawn(jnp.uint32(seed), config["inputs"], width, count, config["num_train"], grid)
        fits = {basis: _shown(config["order"], basis, drawn, width, sigma, grid) for basis in BASES}
    return np.asarray(grid), drawn, fits


_drawn = functools.partial(jax.jit, static_argnums=(1, 4))(draw)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _shown(order: int, basis: str, drawn: Drawn, width: Array, sigma: Array, grid: Array) -> Fit:
    variable, design = features(basis, order, drawn.x, width)
    at_grid, grid_design = features(basis, order, grid, width)
    dual = kernel_ridge(kernel(basis, order, variable, variable), drawn.y, sigma**2).dual_coefficients

    def predicted(y: Array) -> Predictive:
        posterior = bayesian_linear(design, y, prior_variance=1 / order_penalty(order), noise_variance=sigma**2)
        return bayesian_predictive(posterior, grid_design)

    found = jax.vmap(predicted)(drawn.y.T)
    deviation = jnp.sqrt(jnp.maximum(found.variance[0] - sigma**2, 0.0))
    return Fit(found.mean, deviation, (kernel(basis, order, at_grid, variable) @ dual).T)
