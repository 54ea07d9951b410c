"""Leaves and runs of ``benign_polynomial``: ridge regression at every sigma, and what theory says of it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, singular_values
from gendyn.core.rules import choice, each, integer, number, positive
from gendyn.experiments.priors._compared import check_compared
from gendyn.experiments.priors._polynomial_laws import law_average
from gendyn.experiments.priors.benign_polynomial.model import BASES, INPUTS, NUM_NODES, Problem, problems
from gendyn.regression import kernel_ridge, order_penalty, ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config

LEAVES = {
    "order": Leaf(150, rule=integer(), meaning="of the polynomial"),
    # Its square is added to a kernel matrix of eigenvalues of order 1 in float64.
    "sigma": Leaf(1e-3, rule=number(1e-6), meaning="the reference, one of sigmas"),
    "sigmas": Leaf(tuple(10.0**-k for k in range(1, 9)), rule=each(positive()), meaning="strengths of the penalty"),
    "runs_at_once": Leaf(150, rule=integer(), meaning="redraws of a chunk"),
    "inputs": Leaf("equispaced", "reference", choice(INPUTS), "how the inputs are placed; reference: in the figure"),
    "basis": Leaf("monomial", "axis", choice(BASES), "of the polynomial"),
    # The largest monomial, scaled, is (half_width / sqrt 2)^order.
    "half_width": Leaf(1.4, "reference", number(0, 2, open_low=True), "of the range of inputs"),
    "num_train": Leaf(20, "reference", integer(2), "points"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs and noise"),
}
AXES = ("inputs", "basis", "half_width", "num_train", "seed")
DATA = ("simple", "complex", "noise")


class Setting(NamedTuple):
    """What one compiled program depends on."""

    order: int
    most: int
    """The largest number of points; where there are fewer, the last rows are not used."""
    reference: int
    """Which of the sigmas the kernel's fit is compared at."""


def check(config: Config) -> None:
    """The reference is among the sigmas, and all laws of inputs and bases are there."""
    if config.sigma not in config.sigmas:
        raise ConfigError(f"config.sigma = {config.sigma}, the reference, must be one of {config.sigmas}.")
    check_compared(config, "inputs", INPUTS)
    check_compared(config, "basis", BASES)


def program(config: Config) -> Simulation:
    """Errors of the simple, the complex and the noise data, relative to their RMS, ``[3, sigmas]``; closed forms."""
    axes = dict(config.axes)
    setting = Setting(config.order, max(axes["num_train"]), config.sigmas.index(config.sigma))
    shape = (len(DATA), len(config.sigmas))
    measured = {
        "train_rmse": Measured("RMSE at the points, relative to the RMS of the data", shape, "float64"),
        "test_rmse": Measured("RMSE over the range, relative to the RMS of the data", shape, "float64"),
        "expected_rmse": Measured("root of the expected mean square left of noise", shape[1:], "float64"),
        "kernel_gap": Measured("largest distance from the closed-form kernel's fit, relative", (), "float64"),
        "smallest_singular_value": Measured("smallest singular value of the scaled features", (), "float64"),
    }
    groups = redraw_groups(axes, functools.partial(_redraw, setting, config.sigmas))
    return Simulation(tuple(groups), measured, config.runs_at_once)


def _redraw(
    setting: Setting,
    sigmas: tuple[float, ...],
    seeds: Array,
    *,
    inputs: str,
    basis: str,
    half_width: float,
    num_train: int,
) -> dict[str, Array]:
    """``{name: [R, ...]}``. The program of the fits is one for all inputs and bases."""
    width, count, levels = (jnp.asarray(value, jnp.float64) for value in (half_width, num_train, sigmas))
    drawn = problems(setting.order, setting.most, inputs, basis, seeds, width, count)
    return _fit(setting, drawn, jnp.asarray(law_average("uniform", NUM_NODES)[1]), count, levels)


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.vmap, in_axes=(None, 0, None, None, None))
def _fit(setting: Setting, problem: Problem, weights: Array, count: Array, sigmas: Array) -> dict[str, Array]:
    penalty = order_penalty(setting.order)
    used = jnp.arange(setting.most) < count
    variances = sigmas[:, None] ** 2
    coefficients = ridge(problem.design, problem.y, sigmas**2, weights=penalty).coefficients
    left, fits = problem.design @ coefficients - problem.y, problem.test_design @ coefficients
    # Descending: those of rows of zeros are the last.
    spectrum = singular_values(problem.design / np.sqrt(penalty))
    share = jnp.where(used, variances / (spectrum**2 + variances), 0.0)
    dual = kernel_ridge(problem.kernel, problem.y, sigmas[setting.reference] ** 2).dual_coefficients
    gaps = jnp.abs(fits[setting.reference] - problem.test_kernel @ dual)
    return {
        "train_rmse": (jnp.sqrt(jnp.sum(left**2, axis=1) / count) / problem.size).T,
        "test_rmse": (jnp.sqrt(weights @ (fits - problem.truth) ** 2) / problem.size).T,
        "expected_rmse": jnp.sqrt(jnp.sum(share**2, axis=1) / count),
        "kernel_gap": jnp.max(gaps / problem.size),
        "smallest_singular_value": jnp.min(jnp.where(used, spectrum, jnp.inf)),
    }
