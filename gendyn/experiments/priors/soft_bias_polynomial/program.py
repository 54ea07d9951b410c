"""Leaves and runs of ``soft_bias_polynomial``: three polynomials, step functions, and their bias and variance."""

import functools

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, choice, each, every, integer, positive
from gendyn.experiments.priors.soft_bias_polynomial.steps import decomposed, step_smoothers
from gendyn.regression import POLYNOMIALS, draw_inputs, law_average, order_penalty, polynomial_features, ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Config

LAWS = ("normal", "uniform")
"""Sorted, as in tables."""
TARGET_NAMES = ("order 2", "order 15", "cosine")
MODELS = ("order 2", "order 15", "regularised 15")
LOW, HIGH = 2, 15
FEW_STEPS, MANY_STEPS, MEMBERS = 5, 25, 50
ENSEMBLE = (f"{FEW_STEPS} steps", f"{MANY_STEPS} steps", f"mean of {MEMBERS}")
"""One step function with few or many random steps, and the average of several with many."""
LEAVES = {
    "sizes": Leaf(tuple(range(10, 101, 10)), rule=each(integer(), ascending("samples nest")), meaning="examples"),
    "judged": Leaf(50, rule=integer(), meaning="examples at which bias and variance are told apart, one of sizes"),
    "num_test": Leaf(100, rule=integer(), meaning="test inputs of a redraw"),
    "noise": Leaf(0.1, rule=positive(), meaning="of the labels, relative to the target's root mean square"),
    "normal_domain": Leaf(3.0, rule=positive(), meaning="normal inputs are divided by it in bases on [-1, 1]"),
    "runs_at_once": Leaf(200, "execution", integer(), "redraws of a chunk"),
    "law": Leaf("uniform", "axis", choice(LAWS), "of the inputs", every(LAWS)),
    "basis": Leaf("monomial", "axis", choice(POLYNOMIALS), "functions of the models"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, targets and noise"),
}
AXES = ("law", "basis", "seed")
Setting = tuple[tuple[int, ...], int, float]
"""What one compiled program depends on: sizes, number of test inputs, domain of normal inputs."""


def check(config: Config) -> None:
    """The number of examples that is judged is among the sizes."""
    if config.judged not in config.sizes:
        raise ConfigError(f"config.judged = {config.judged} must be one of sizes = {config.sizes}.")


def program(config: Config) -> Simulation:
    """Test errors against the noiseless target, relative to its root mean square: ``[models, targets, sizes]``."""
    shape = (len(MODELS), len(TARGET_NAMES), len(config.sizes))
    parts = (2, len(MODELS) + len(ENSEMBLE), len(TARGET_NAMES))
    measured = {
        "test_rmse": Measured("test RMSE relative to the target's RMS", shape, "float64"),
        "expected_rmse": Measured("root of the expected squared test error", shape, "float64"),
        "parts": Measured("squared bias and variance of models and ensembles at the judged size", parts, "float64"),
    }
    setting, judged = (config.sizes, config.num_test, config.normal_domain), config.sizes.index(config.judged)
    return redraw_simulation(config, measured, functools.partial(_redraw, setting, judged, config.noise))


def _redraw(setting: Setting, judged: int, noise: float, seeds: Array, *, law: str, basis: str) -> dict[str, Array]:
    """``{name: [R, models, targets, sizes]}``. The program of the fits is one for all laws and bases."""
    masks = (jnp.arange(setting[0][-1]) < jnp.asarray(setting[0])[:, None]).astype(jnp.float64)
    drawn, level = _data(setting, law, basis, seeds), jnp.asarray(noise, jnp.float64)
    found = _fits(drawn[:5], masks, level)
    ensembles = _ensembles(setting[0][judged], law, seeds, drawn[2:4], drawn[5:], level)
    polynomials = jnp.stack([found.pop("bias")[..., judged], found.pop("variance")[..., judged]], axis=1)
    return found | {"parts": jnp.concatenate([polynomials, ensembles], axis=2)}


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
@functools.partial(jax.vmap, in_axes=(None, None, None, 0))
def _data(setting: Setting, law: str, basis: str, seed: Array) -> tuple[Array, ...]:
    """Of seeds ``[R]``: designs ``[R, n, 16]`` and, at test inputs, ``[R, m, 16]``; noiseless targets ``[R, n, 3]`` and
    ``[R, m, 3]``; standard normal errors ``[R, n, 3]``; inputs ``[R, n]`` and test inputs ``[R, m]``."""
    sizes, num_test, normal_domain = setting
    points, weights = (jnp.asarray(each) for each in law_average(law, 64))
    reach = 1.0 if law == "uniform" or basis == "monomial" else normal_domain
    key = jax.random.key(seed)
    x = draw_inputs(stream(key, "inputs"), law, (sizes[-1],))
    x_test = draw_inputs(stream(key, "test inputs"), law, (num_test,))
    low = jax.random.normal(stream(key, "order 2"), (LOW + 1,), jnp.float64)
    high = jax.random.normal(stream(key, "order 15"), (HIGH + 1,), jnp.float64)

    def targets(at: Array) -> Array:
        powers = polynomial_features(at, HIGH)
        return jnp.stack([powers[:, : LOW + 1] @ low, powers @ high, jnp.cos(1.5 * jnp.pi * at)], axis=1)

    size = jnp.sqrt(weights @ targets(points) ** 2)
    errors = jax.random.normal(stream(key, "noise"), (len(x), len(TARGET_NAMES)), jnp.float64)
    design, test_design = (polynomial_features(at, HIGH, basis=basis, domain=(-reach, reach)) for at in (x, x_test))
    return design, test_design, targets(x) / size, targets(x_test) / size, errors, x, x_test


@functools.partial(jax.jit, static_argnums=(0, 1))
@functools.partial(jax.vmap, in_axes=(None, None, 0, 0, 0, None))
def _ensembles(
    count: int, law: str, seed: Array, targets: tuple[Array, Array], inputs: tuple[Array, Array], noise: Array
) -> Array:
    """Squared bias and variance of step functions on the first ``count`` examples, ``[R, 2, ENSEMBLE, targets]``."""
    (clean, truth), (x, x_test) = targets, inputs
    parts = []
    for steps in (FEW_STEPS, MANY_STEPS):
        key = stream(jax.random.key(seed), f"{steps} steps")
        smoothers = step_smoothers(key, law, x[:count], x_test, num_steps=steps, num_members=MEMBERS)
        parts.append(decomposed(smoothers, clean[:count], truth, noise))
    (few, _), (many, mean) = parts
    return jnp.stack([few, many, mean], axis=1)


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None, None))
def _fits(drawn: tuple[Array, ...], masks: Array, noise: Array) -> dict[str, Array]:
    """``masks [sizes, n]``: examples that are not used are rows of zeros, which change no fit."""
    all_rows, test_design, noiseless, truth, errors = drawn
    penalty = order_penalty(HIGH, rule="quadratic")

    def at_size(mask: Array) -> dict[str, Array]:
        clean, y = (mask[:, None] * each for each in (noiseless, noiseless + noise * errors))
        outputs = jnp.concatenate([y, jnp.diag(mask)], axis=1)
        design = mask[:, None] * all_rows
        low = ridge(design[:, : LOW + 1], outputs, 0.0).coefficients
        coefficients = (
            jnp.pad(low, ((0, HIGH - LOW), (0, 0))),
            ridge(design, outputs, 0.0).coefficients,
            ridge(design, outputs, 1.0, weights=penalty).coefficients,
        )
        predicted = test_design @ jnp.stack(coefficients)  # [models, m, targets + n]
        measured, smoother = predicted[..., : y.shape[1]], predicted[..., y.shape[1] :]
        bias = smoother @ clean - truth
        variance = noise**2 * jnp.mean(jnp.sum(smoother**2, axis=-1), axis=-1)
        squared = jnp.mean(bias**2, axis=1)
        return {
            "test_rmse": jnp.sqrt(jnp.mean((measured - truth) ** 2, axis=1)),
            "expected_rmse": jnp.sqrt(squared + variance[:, None]),
            "bias": squared,
            "variance": jnp.broadcast_to(variance[:, None], squared.shape),
        }

    return {name: jnp.moveaxis(value, 0, -1) for name, value in jax.lax.map(at_size, masks).items()}
