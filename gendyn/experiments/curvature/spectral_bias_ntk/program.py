"""Training of wide networks on the circle, a group for each kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range
from gendyn.core.rules import distinct, each, integer, positive
from gendyn.regression import circle_network
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.theory import circle_coefficients
from gendyn.types import Array, Config


def _converges(name: str, value: float) -> None:
    fastest = float(np.max(circle_coefficients(np.arange(2), use_bias=True)))
    check_range(name, value, low=0, high=1 / fastest, open_low=True, open_high=True)


def _two_odd(name: str, values: Sequence[int]) -> None:
    if sum(k % 2 == 1 and k >= 3 for k in values) < 2:
        raise ConfigError(f"{name} = {values} must hold two odd numbers of at least 3: a power is fitted through them.")


LEAVES = {
    "num_units": Leaf(4096, rule=integer(2), meaning="hidden units; half of them mirror the other half"),
    "num_points": Leaf(64, rule=integer(8), meaning="training points, equally spaced on the circle"),
    "frequencies": Leaf(
        tuple(range(13)), rule=each(integer(0), distinct, _two_odd), meaning="frequencies of the target"
    ),
    "amplitude": Leaf(0.002, rule=positive(), meaning="of the target at every frequency: the smaller, the lazier"),
    "learning_rate": Leaf(2.0, rule=_converges, meaning="of full-batch gradient descent"),
    "num_steps": Leaf(3000, rule=integer(1), meaning="training steps"),
    "num_records": Leaf(60, rule=integer(2), meaning="records, evenly spaced in the logarithm of the step"),
    "runs_at_once": Leaf(5, "execution", integer(1), meaning="runs of a chunk"),
    "use_bias": Leaf(False, "axis", meaning="whether hidden units have biases"),
    "seed": Leaf(0, "axis", integer(0), meaning="draws the initial weights and the phases of the target"),
}


def check(config: Config) -> None:
    """Units and points come in pairs, the grid tells the frequencies apart, both kernels are there."""
    if config.num_units % 2 or config.num_points % 2:
        raise ConfigError(
            f"config.num_units = {config.num_units} and config.num_points = {config.num_points} must be even: units "
            "come in mirrored pairs, and points with their opposites."
        )
    if max(config.frequencies) >= config.num_points // 2:
        raise ConfigError(
            f"config.frequencies = {config.frequencies} must be below num_points / 2 = {config.num_points // 2}, or "
            "two of them are the same on the grid."
        )
    if set(dict(config.axes)["use_bias"]) != {False, True}:
        raise ConfigError(
            f"config.axes = {config.axes} must hold use_bias = (False, True): the network without bias is compared "
            "with the one that has it."
        )


def program(config: Config) -> Simulation:
    """A group for each kernel. Recorded: the residual ``mean of (f - y) exp(-i k angle)``, real and imaginary part."""
    axes, frequencies = dict(config.axes), tuple(config.frequencies)
    geometric = np.geomspace(1, config.num_steps, config.num_records - 1).round().astype(int)
    steps = tuple(np.unique([0, *geometric, config.num_steps]).tolist())
    sizes: dict[str, Any] = {"num_units": config.num_units, "num_points": config.num_points, "frequencies": frequencies}

    @jax.jit
    def train(use_bias: Array, seeds: Array, **numbers: Any) -> dict[str, Array]:
        def one(bias: Array, seed: Array) -> dict[str, Array]:
            found = circle_network(jax.random.key(seed), use_bias=bias, steps=steps, **sizes, **numbers)
            residual = jnp.stack([found.residual.real, found.residual.imag], axis=-1)
            losses = {name: getattr(found, name) for name in ("train_loss", "test_loss", "weight_movement")}
            return {**losses, "residual": residual, "diverged": ~jnp.isfinite(found.train_loss)}

        return jax.vmap(one)(use_bias, seeds)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        use_bias = jnp.array([point["use_bias"] for point in points], jnp.float32)
        seeds = jnp.array([point["seed"] for point in points], jnp.uint32)
        numbers = {name: jnp.float32(config[name]) for name in ("learning_rate", "amplitude")}
        return train(use_bias, seeds, **numbers)

    groups = tuple(
        Group(
            tuple({"use_bias": bias, "seed": seed} for seed in axes["seed"]),
            compute,
            steps,
            {"num_parameters": config.num_units * (3 if bias else 2)},
        )
        for bias in axes["use_bias"]
    )
    measured = {
        "train_loss": Measured("training loss"),
        "test_loss": Measured("loss between the training points"),
        "weight_movement": Measured("distance of the weights from their start, relative to its norm"),
        "diverged": Measured("the training loss is not finite", dtype="bool"),
        "residual": Measured("residual", (len(frequencies), 2)),
    }
    return Simulation(groups, measured, runs_at_once=config.runs_at_once)
