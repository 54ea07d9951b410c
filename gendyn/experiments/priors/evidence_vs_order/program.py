"""Leaves and runs of ``evidence_vs_order``: the evidences of nested models in four bases, and what theory says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, stream
from gendyn.core.rules import choice, every, integer, positive
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, ArrayLike, Config

FOURIER = ("fourier", "fourier_wide")
BASES = (*regression.POLYNOMIALS, *FOURIER)
PRIORS = {"isotropic": "isotropic prior", "order_dependent": "prior variance 2^-order"}
"""Sorted, as in tables; names in the figure."""
ISOTROPIC, DEPENDENT = 0, 1
LEAVES = {
    "num_points": Leaf(50, rule=integer(2), meaning="inputs of a data set"),
    "max_order": Leaf(25, rule=integer(), meaning="order of the largest model: its functions beyond the constant"),
    "teacher_order": Leaf(3, rule=integer(0), meaning="order of the target, below max_order"),
    "runs_at_once": Leaf(400, "execution", integer(), "redraws of a chunk"),
    "basis": Leaf("monomial", "axis", choice(BASES), "functions of the models"),
    "prior": Leaf("isotropic", "axis", choice(PRIORS), "law of a coefficient's variance", every(PRIORS)),
    "noise": Leaf(0.1, "axis", positive(), "standard deviation of the label noise"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, target and noise"),
}
AXES = ("basis", "prior", "noise", "seed")


def check(config: Config) -> None:
    """The target is smaller than the largest model."""
    if config.teacher_order >= config.max_order:
        raise ConfigError(
            f"config.teacher_order = {config.teacher_order} must be below max_order = {config.max_order}: the claims "
            "are about models that are larger than the target."
        )


def program(config: Config) -> Simulation:
    """Over orders 0 to ``max_order``: evidences of all points together, and the error of the posterior mean."""
    texts = {
        "log_evidence": "log marginal likelihood, nats",
        "expected_log_evidence": "its expectation over label noise, nats",
        "sequential_error": "relative distance of the sum of sequential log densities",
        "test_rmse": "root mean squared error against the noiseless target",
    }
    measured = {name: Measured(text, (config.max_order + 1,), "float64") for name, text in texts.items()}
    sizes = (config.num_points, config.max_order, config.teacher_order)
    return redraw_simulation(config, measured, functools.partial(_redraw, sizes))


def functions(x: ArrayLike, order: int, basis: str) -> tuple[Array, np.ndarray]:
    """The first ``order + 1`` functions of a basis at ``x [n]``, and the order of each, which is half for Fourier."""
    reach, family = (2.0, "fourier") if basis == "fourier_wide" else (1.0, basis)
    highest, count = (order + 1) // 2 if basis in FOURIER else order, order + 1
    orders = regression.basis_orders(highest, basis=family)
    return regression.polynomial_features(x, highest, basis=family, domain=(-reach, reach))[:, :count], orders[:count]


def _redraw(sizes: tuple[int, int, int], seeds: Array, *, basis: str, prior: str, noise: ArrayLike) -> dict[str, Array]:
    """``{name: [R, orders]}``. The program of the models is one for all bases and priors: they are arguments."""
    points, weights = regression.law_average("uniform", 64)
    noise, max_order = jnp.asarray(noise, jnp.float64), sizes[1]
    data = _data(sizes, basis, seeds, noise, jnp.asarray(points))
    nodes, orders = functions(points, max_order, basis)
    variance = 0.5**orders if prior == "order_dependent" else np.ones(len(orders))
    # A model of lower order is one whose higher coefficients have a prior variance of 0.
    variances = np.tril(np.broadcast_to(variance, (max_order + 1, max_order + 1)))
    return _models(data, nodes, jnp.asarray(weights), jnp.asarray(variances), noise)


@functools.partial(jax.jit, static_argnums=(0, 1))
@functools.partial(jax.vmap, in_axes=(None, None, 0, None, None))
def _data(sizes: tuple[int, int, int], basis: str, seed: Array, noise: Array, points: Array) -> tuple[Array, ...]:
    """Designs ``[R, n, p]``, clean and noisy targets ``[R, n]``, the target at the nodes ``[R, Q]``."""
    num_points, max_order, teacher_order = sizes
    key = jax.random.key(seed)
    x = regression.draw_inputs(stream(key, "inputs"), "uniform", (num_points,))
    teacher = jax.random.normal(stream(key, "teacher"), (teacher_order + 1,), jnp.float64)
    clean, truth = (regression.polynomial_features(at, teacher_order) @ teacher for at in (x, points))
    y = clean + noise * jax.random.normal(stream(key, "noise"), x.shape, jnp.float64)
    return functions(x, max_order, basis)[0], clean, y, truth


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None, None, None, None))
def _models(data: tuple[Array, ...], nodes: Array, weights: Array, variances: Array, noise: Array) -> dict[str, Array]:
    """``variances [models, functions]``."""
    design, clean, y, truth = data
    expected = regression.nested_expected_log_evidences(
        design, clean, prior_variance=variances[-1], noise_variance=noise**2
    )

    def model(variance: Array) -> dict[str, Array]:
        found = regression.bayesian_linear(design, y, prior_variance=variance, noise_variance=noise**2)
        densities = regression.sequential_log_densities(design, y, prior_variance=variance, noise_variance=noise**2)
        errors = nodes @ found.mean - truth
        return {
            "log_evidence": found.log_evidence,
            "sequential_error": jnp.abs(jnp.sum(densities) / found.log_evidence - 1.0),
            "test_rmse": jnp.sqrt(weights @ errors**2),
        }

    return jax.lax.map(model, variances) | {"expected_log_evidence": expected}
