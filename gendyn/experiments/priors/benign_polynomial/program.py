"""Leaves and runs of ``benign_polynomial``: its data, ridge regression at every sigma, and what theory says of it."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, singular_values, stream
from gendyn.core.rules import choice, each, every, integer, number, positive
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Config

INPUTS = ("equispaced", "random")
BASES = ("chebyshev", "monomial")
NUM_NODES = 200
LEAVES = {
    "order": Leaf(150, rule=integer(), meaning="of the polynomial"),
    # Its square is added to a kernel matrix of eigenvalues of order 1 in float64.
    "sigma": Leaf(1e-3, rule=number(1e-6), meaning="the reference, one of sigmas"),
    "sigmas": Leaf(tuple(10.0**-k for k in range(1, 9)), rule=each(positive()), meaning="strengths of the penalty"),
    "runs_at_once": Leaf(150, "execution", integer(), "redraws of a chunk"),
    "inputs": Leaf(
        "equispaced", "reference", choice(INPUTS), "how the inputs are placed; reference: in the figure", every(INPUTS)
    ),
    "basis": Leaf("monomial", "axis", choice(BASES), "of the polynomial", every(BASES)),
    # The largest monomial, scaled, is (half_width / sqrt 2)^order.
    "half_width": Leaf(1.4, "reference", number(0, 2, open_low=True), "of the range of inputs"),
    "num_train": Leaf(20, "reference", integer(2), "points"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs and noise"),
}
AXES = ("inputs", "basis", "half_width", "num_train", "seed")


def check(config: Config) -> None:
    """The reference is among the sigmas."""
    if config.sigma not in config.sigmas:
        raise ConfigError(f"config.sigma = {config.sigma}, the reference, must be one of {config.sigmas}.")


def program(config: Config) -> Simulation:
    """Errors of the simple, the complex and the noise data, relative to their RMS, ``[3, sigmas]``; closed forms."""
    count = len(config.sigmas)
    about = {
        "train_rmse": ("RMSE at the points, relative to the RMS of the data", (3, count)),
        "test_rmse": ("RMSE over the range, relative to the RMS of the data", (3, count)),
        "expected_rmse": ("root of the expected mean square left of noise", (count,)),
        "kernel_gap": ("largest distance from the closed-form kernel's fit, relative", ()),
        "smallest_singular_value": ("smallest singular value of the scaled features", ()),
    }
    measured = {name: Measured(text, shape, "float64") for name, (text, shape) in about.items()}
    return redraw_simulation(config, measured, functools.partial(_redraw, config))


def _redraw(
    config: Config, seeds: Array, *, inputs: str, basis: str, half_width: float, num_train: int
) -> dict[str, Array]:
    """``{name: [R, ...]}``. The program of the fits is one for all inputs and bases."""
    most, reference = max(dict(config.axes)["num_train"]), config.sigmas.index(config.sigma)
    width, count, sigmas = (jnp.asarray(value, jnp.float64) for value in (half_width, num_train, config.sigmas))
    problem = _problems(config.order, most, inputs, basis, seeds, width, count)
    return _fit(reference, problem, jnp.asarray(regression.law_average("uniform", NUM_NODES)[1]), count, sigmas)


class Drawn(NamedTuple):
    """One redraw of the data: simple, complex, noise."""

    x: Array
    """``[n]``."""
    y: Array
    """At ``x``: ``[n, 3]``."""
    truth: Array
    """At the test points ``[m, 3]``; 0 for noise."""
    size: Array
    """Root mean square of each, ``[3]``; 1 for noise."""


@functools.partial(jax.jit, static_argnums=(1, 4))
def draw(seed: Array, inputs: str, half_width: Array, count: Array, most: int, points: Array) -> Drawn:
    """Inputs and noise of different ranges are the same up to the stretch, and those of fewer points a prefix."""
    key = jax.random.key(seed)
    if inputs == "random":
        unit = regression.draw_inputs(stream(key, "inputs"), "uniform", (most,))
    else:
        unit = 2 * jnp.minimum(jnp.arange(most), count - 1) / (count - 1) - 1
    x = half_width * unit
    nodes, weights = (jnp.asarray(each) for each in regression.law_average("uniform", NUM_NODES))

    def targets(at: Array, rest: Array) -> Array:
        return jnp.stack([at + jnp.cos(jnp.pi * at), jnp.sin(at) * jnp.cos(at**2), rest], axis=1)

    size = jnp.sqrt(weights @ targets(half_width * nodes, jnp.ones_like(nodes)) ** 2)
    noise = jax.random.normal(stream(key, "noise"), x.shape, jnp.float64)
    return Drawn(x, targets(x, noise), targets(points, jnp.zeros_like(points)), size)


def features(basis: str, order: int, x: Array, half_width: Array) -> tuple[Array, Array]:
    """The variable of the basis, and its functions ``[n, order + 1]``."""
    variable = x if basis == "monomial" else x / half_width
    return variable, regression.polynomial_features(variable, order, basis=basis)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
@functools.partial(jax.vmap, in_axes=(None, None, None, None, 0, None, None))
def _problems(
    order: int, most: int, inputs: str, basis: str, seed: Array, half_width: Array, count: Array
) -> tuple[Drawn, tuple[Array, Array], tuple[Array, Array]]:
    """Data, designs ``[R, n, p]`` and ``[R, m, p]`` at the test points, kernels ``[R, n, n]`` and ``[R, m, n]``.

    Of the ``most`` points ``count`` are used: the others are rows of zeros, which change no fit and enter no mean.
    """
    points = half_width * jnp.asarray(regression.law_average("uniform", NUM_NODES)[0])
    mask = (jnp.arange(most) < count).astype(jnp.float64)
    drawn = draw(seed, inputs, half_width, count, most, points)
    variable, functions = features(basis, order, drawn.x, half_width)
    at_points, test_design = features(basis, order, points, half_width)
    among = regression.polynomial_kernel(variable, variable, order, basis=basis) * mask * mask[:, None]
    across = regression.polynomial_kernel(at_points, variable, order, basis=basis) * mask
    y, design = (mask[:, None] * each for each in (drawn.y, functions))
    return drawn._replace(y=y), (design, test_design), (among, across)


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.vmap, in_axes=(None, 0, None, None, None))
def _fit(reference: int, problem: Any, weights: Array, count: Array, sigmas: Array) -> dict[str, Array]:
    """``reference``: which of the sigmas the kernel's fit is compared at."""
    drawn, (design, test_design), (among, across) = problem
    penalty, used = regression.order_penalty(design.shape[1] - 1), jnp.arange(len(design)) < count
    variances = sigmas[:, None] ** 2
    coefficients = regression.ridge(design, drawn.y, sigmas**2, weights=penalty).coefficients
    left, fits = design @ coefficients - drawn.y, test_design @ coefficients
    # Descending: those of rows of zeros are the last.
    spectrum = singular_values(design / np.sqrt(penalty))
    share = jnp.where(used, variances / (spectrum**2 + variances), 0.0)
    dual = regression.kernel_ridge(among, drawn.y, sigmas[reference] ** 2).dual_coefficients
    gaps = jnp.abs(fits[reference] - across @ dual)
    return {
        "train_rmse": (jnp.sqrt(jnp.sum(left**2, axis=1) / count) / drawn.size).T,
        "test_rmse": (jnp.sqrt(weights @ (fits - drawn.truth) ** 2) / drawn.size).T,
        "expected_rmse": jnp.sqrt(jnp.sum(share**2, axis=1) / count),
        "kernel_gap": jnp.max(gaps / drawn.size),
        "smallest_singular_value": jnp.min(jnp.where(used, spectrum, jnp.inf)),
    }
