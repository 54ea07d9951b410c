"""Gradient descent on the linear student: leaves, and a group of runs for each ratio."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.core.rules import integer, number, positive
from gendyn.experiments.grokking.grokking_linear.tables import ACCURACY
from gendyn.regression import linear_student
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.train import record_steps
from gendyn.types import Array, Config


def _compared(name: str, ratios: Sequence[float]) -> None:
    if 0.5 not in ratios or max(ratios) <= 1 or len(set(ratios)) < len(ratios) or 1 in ratios:
        raise ConfigError(
            f"{name} = {ratios} must hold 0.5 and one above 1, each once, and not 1: the claims are about the delay at "
            "0.5 and the floor above 1, and at 1 the closed forms never end."
        )


LEAVES = {
    "dimension": Leaf(1000, rule=integer(2), meaning="d, of the inputs"),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of gradient descent"),
    "tolerance": Leaf(1e-3, rule=positive(), meaning="squared error below which an output is right"),
    "num_test": Leaf(2000, rule=integer(1), meaning="fresh inputs that the test accuracy is of"),
    "num_records": Leaf(120, rule=integer(8), meaning="records, half of them evenly and half geometrically spaced"),
    "extra_steps": Leaf(0.75, rule=number(0), meaning="how much longer than to the exact crossing a run is trained"),
    "floor_tolerance": Leaf(0.005, rule=positive(), meaning="relative distance from the floor at the end, above 1"),
    "runs_at_once": Leaf(5, "execution", integer(1), "runs of a chunk"),
    "ratio": Leaf(0.5, "axis", positive(), "dimension / examples", _compared),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, teacher and start"),
}
MEASURED = {
    "train_loss": Measured("mean squared error on the training inputs"),
    "train_error": Measured("fraction of training inputs with squared error above the tolerance"),
    "test_loss": Measured("mean squared error on a new input, exact"),
    "test_error": Measured("fraction of fresh inputs with squared error above the tolerance"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


def program(config: Config) -> Simulation:
    """A group for each ratio: its seeds together."""
    groups = tuple(_group(config, ratio) for ratio in dict(config.axes)["ratio"])
    return Simulation(groups, MEASURED, config.runs_at_once)


def _group(config: Config, ratio: float) -> Group:
    last, half = _last_step(config, ratio), config.num_records // 2
    even = record_steps("linear", num_steps=last, num_records=config.num_records - half)
    steps = tuple(sorted({*even, *record_steps("log", num_steps=last, num_records=half + 1)}))
    num_train = max(1, round(config.dimension / ratio))

    @jax.jit
    def train(seeds: Array, learning_rate: Array, tolerance: Array) -> dict[str, Array]:
        def one(seed: Array) -> dict[str, Array]:
            # Each ratio draws afresh: its training sets would else be nested in those of the next.
            key = stream(jax.random.key(seed), f"{num_train} examples")
            sizes = {"dimension": config.dimension, "num_train": num_train, "num_test": config.num_test}
            found = linear_student(key, **sizes, steps=steps, learning_rate=learning_rate, tolerance=tolerance)
            return {**found._asdict(), "diverged": ~jnp.isfinite(found.train_loss)}

        return jax.vmap(one)(seeds)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        chosen = jnp.array([point["seed"] for point in points], jnp.uint32)
        return train(chosen, jnp.float32(config.learning_rate), jnp.float32(config.tolerance))

    points = tuple({"ratio": ratio, "seed": seed} for seed in dict(config.axes)["seed"])
    return Group(points, compute, steps, {"num_parameters": config.dimension})


def _last_step(config: Config, ratio: float) -> int:
    """A while after the closed form has generalised; above ratio 1, once it has fitted and is near the floor."""
    rate = config.learning_rate
    times = theory.linear_time_to_accuracy(ratio, learning_rate=rate, tolerance=config.tolerance, accuracy=ACCURACY)
    last = math.ceil((1.0 + config.extra_steps) * (times.test if ratio < 1 else times.train)) + 1
    nearly = (1 + config.floor_tolerance) * max(0.0, 1.0 - 1.0 / ratio)
    while ratio > 1 and theory.linear_losses(np.array(last), ratio, learning_rate=rate).test > nearly:
        last *= 2
    return last
