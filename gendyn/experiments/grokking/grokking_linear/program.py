"""Full-batch gradient descent on a linear student, one compiled program for each ratio of dimension to examples."""

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.core.rules import integer, number, positive
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import Array, Config

ACCURACY = 0.95
"""The level of both thresholds."""
LEAVES = {
    "dimension": Leaf(1000, rule=integer(2), meaning="d, of the inputs"),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of gradient descent"),
    "tolerance": Leaf(1e-3, rule=positive(), meaning="squared error below which an output is right"),
    "num_test": Leaf(2000, rule=integer(1), meaning="fresh inputs that the test accuracy is of"),
    "num_records": Leaf(120, rule=integer(8), meaning="records, half of them evenly and half geometrically spaced"),
    "extra_steps": Leaf(0.75, rule=number(0), meaning="how much longer than to the exact crossing a run is trained"),
    "floor_tolerance": Leaf(0.005, rule=positive(), meaning="relative distance from the floor at the end, above 1"),
    "runs_at_once": Leaf(5, "execution", integer(1), "runs of a chunk"),
    "ratio": Leaf(0.5, "axis", positive(), "dimension / examples"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, teacher and start"),
}
MEASURED = {
    "train_loss": Measured("mean squared error on the training inputs"),
    "train_error": Measured("fraction of training inputs with squared error above the tolerance"),
    "test_loss": Measured("mean squared error on a new input, exact"),
    "test_error": Measured("fraction of fresh inputs with squared error above the tolerance"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


class Setting(NamedTuple):
    """What one compiled program depends on."""

    dimension: int
    num_train: int
    num_test: int
    steps: tuple[int, ...]
    """The recorded steps, from 0."""


def check(config: Config) -> None:
    """The ratios that the claims compare, each once."""
    ratios = dict(config.axes)["ratio"]
    if 0.5 not in ratios or max(ratios) <= 1 or len(set(ratios)) < len(ratios) or 1 in ratios:
        raise ConfigError(
            f"config.axes: ratio = {ratios} must hold 0.5 and one above 1, each once, and not 1: the claims are about "
            "the delay at 0.5 and the floor above 1, and at 1 the closed forms never end."
        )


def program(config: Config) -> Simulation:
    """Trains every run."""
    settings, axes = settings_of(config), dict(config.axes)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        seeds = jnp.array([point["seed"] for point in points], jnp.uint32)
        rate, tolerance = jnp.float32(config.learning_rate), jnp.float32(config.tolerance)
        return train(settings[points[0]["ratio"]], seeds, rate, tolerance)[1]

    groups = (
        Group(
            tuple({"ratio": ratio, "seed": seed} for seed in axes["seed"]),
            compute,
            setting.steps,
            {"num_parameters": setting.dimension},
        )
        for ratio, setting in settings.items()
    )
    return Simulation(tuple(groups), MEASURED, config.runs_at_once)


def settings_of(config: Config) -> dict[float, Setting]:
    """The program of each ratio."""
    settings = {}
    for ratio in dict(config.axes)["ratio"]:
        last = _last_step(config, ratio)
        half = config.num_records // 2
        spread = [np.geomspace(1, last, half), np.linspace(0, last, config.num_records - half)]
        steps = tuple(int(step) for step in np.unique(np.concatenate(spread).round().astype(int)))
        num_train = max(1, round(config.dimension / ratio))
        settings[ratio] = Setting(config.dimension, num_train, config.num_test, steps)
    return settings


def _last_step(config: Config, ratio: float) -> int:
    rate = config.learning_rate
    times = theory.linear_time_to_accuracy(ratio, learning_rate=rate, tolerance=config.tolerance, accuracy=ACCURACY)
    last = math.ceil((1.0 + config.extra_steps) * (times.test if ratio < 1 else times.train)) + 1
    floor = max(0.0, 1.0 - 1.0 / ratio)
    while ratio > 1 and (
        theory.linear_losses(np.array(last), ratio, learning_rate=rate).test > (1 + config.floor_tolerance) * floor
    ):
        last *= 2
    return last


@functools.partial(jax.jit, static_argnums=0)
def train(setting: Setting, seeds: Array, learning_rate: Array, tolerance: Array) -> tuple[Array, dict[str, Array]]:
    """Weights ``[R, d]`` at the end, and records ``[R, T]``; the seeds of one ratio together."""
    dimension, num_train = setting.dimension, setting.num_train
    gaps = jnp.asarray(np.diff(setting.steps, append=setting.steps[-1]), jnp.int32)

    def one(seed: Array) -> tuple[Array, dict[str, Array]]:
        # Each ratio draws afresh: its training sets would else be nested in those of the next.
        key = stream(jax.random.key(seed), f"{num_train} examples")
        x = jax.random.normal(stream(key, "train"), (num_train, dimension))
        x_test = jax.random.normal(stream(key, "test"), (setting.num_test, dimension))
        start, teacher = jax.random.normal(stream(key, "weights"), (2, dimension)) / math.sqrt(2 * dimension)
        moments = jnp.matmul(x.T, x, precision="highest") / num_train

        def step(_: Array, weights: Array) -> Array:
            return weights - 2.0 * learning_rate * jnp.matmul(moments, weights - teacher, precision="highest")

        def segment(weights: Array, gap: Array) -> tuple[Array, dict[str, Array]]:
            errors, test_errors = (
                jnp.square(jnp.matmul(inputs, weights - teacher, precision="highest")) for inputs in (x, x_test)
            )
            loss = jnp.mean(errors)
            record = {
                "train_loss": loss,
                "train_error": jnp.mean(errors >= tolerance),
                "test_loss": jnp.sum(jnp.square(weights - teacher)),
                "test_error": jnp.mean(test_errors >= tolerance),
                "diverged": ~jnp.isfinite(loss),
            }
            return jax.lax.fori_loop(0, gap, step, weights), record

        return jax.lax.scan(segment, start, gaps)

    return jax.vmap(one)(seeds)
