"""Gradient descent on the circle: all runs of a chunk together."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_range, stream
from gendyn.core.rules import distinct, each, integer, positive
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
_MEASURED = {
    "train_loss": Measured("training loss"),
    "test_loss": Measured("loss between the training points"),
    "weight_movement": Measured("distance of the weights from their start, relative to its norm"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


class Setting(NamedTuple):
    """What one compiled program depends on."""

    num_units: int
    num_points: int
    frequencies: tuple[int, ...]
    steps: tuple[int, ...]
    """The recorded steps, from 0."""


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
    axes = dict(config.axes)
    geometric = np.geomspace(1, config.num_steps, config.num_records - 1).round().astype(int)
    steps = tuple(int(step) for step in np.unique([0, *geometric.tolist(), config.num_steps]))
    setting = Setting(config.num_units, config.num_points, tuple(config.frequencies), steps)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        use_bias = jnp.array([point["use_bias"] for point in points], jnp.float32)
        seeds = jnp.array([point["seed"] for point in points], jnp.uint32)
        return train(setting, use_bias, seeds, jnp.float32(config.learning_rate), jnp.float32(config.amplitude))[1]

    groups = tuple(
        Group(
            points=tuple({"use_bias": bias, "seed": seed} for seed in axes["seed"]),
            compute=compute,
            steps=steps,
            values={"num_parameters": setting.num_units * (3 if bias else 2)},
        )
        for bias in axes["use_bias"]
    )
    measured = _MEASURED | {"residual": Measured("residual", (len(setting.frequencies), 2))}
    return Simulation(groups, measured, runs_at_once=config.runs_at_once)


@functools.partial(jax.jit, static_argnums=0)
def train(
    setting: Setting, use_bias: Array, seeds: Array, learning_rate: Array, amplitude: Array
) -> tuple[Array, dict[str, Array]]:
    """Weights ``[R, m, 3]`` at the end, and records ``[R, T, ...]``; all runs of a chunk together."""
    points = 2.0 * np.pi * np.arange(setting.num_points) / setting.num_points
    frequencies = np.array(setting.frequencies)
    waves = jnp.asarray(np.exp(-1j * np.outer(points, frequencies)) / setting.num_points, jnp.complex64)
    gaps = jnp.asarray(np.diff(setting.steps, append=setting.steps[-1]), jnp.int32)

    def one(bias: Array, seed: Array) -> tuple[Array, dict[str, Array]]:
        key = jax.random.key(seed)
        half = jax.random.normal(stream(key, "weights"), (setting.num_units // 2, 2))
        # Mirrored: the two halves cancel exactly, and the third column is the bias, which starts at 0.
        start = jnp.pad(jnp.concatenate([half, half]), ((0, 0), (0, 1)))
        signs = jnp.repeat(jnp.array([1.0, -1.0]), setting.num_units // 2) / math.sqrt(setting.num_units)
        phases = 2.0 * np.pi * jax.random.uniform(stream(key, "phases"), frequencies.shape)
        phases = jnp.where(frequencies == 0, 0.0, phases)

        def problem(angles: np.ndarray) -> tuple[Array, Array]:
            x = jnp.stack([jnp.cos(angles), jnp.sin(angles), jnp.full(len(angles), bias)], axis=1)
            y = amplitude * jnp.sum(jnp.cos(np.outer(angles, frequencies) + phases), axis=1)
            return x / jnp.sqrt(1.0 + bias), y

        x, y = problem(points)
        x_test, y_test = problem(points + np.pi / setting.num_points)

        def outputs(weights: Array, x: Array) -> Array:
            return jax.nn.relu(x @ weights.T) @ signs

        def step(_: Array, weights: Array) -> Array:
            gradient = jax.grad(lambda w: 0.5 * jnp.mean(jnp.square(outputs(w, x) - y)))(weights)
            return weights - learning_rate * gradient

        def segment(weights: Array, gap: Array) -> tuple[Array, dict[str, Array]]:
            residual = outputs(weights, x) - y
            modes = residual @ waves
            loss = 0.5 * jnp.mean(jnp.square(residual))
            record = {
                "residual": jnp.stack([modes.real, modes.imag], axis=-1),
                "train_loss": loss,
                "diverged": ~jnp.isfinite(loss),
                "test_loss": 0.5 * jnp.mean(jnp.square(outputs(weights, x_test) - y_test)),
                "weight_movement": jnp.linalg.norm(weights - start) / jnp.linalg.norm(start),
            }
            return jax.lax.fori_loop(0, gap, step, weights), record

        return jax.lax.scan(segment, start, gaps)

    return jax.vmap(one)(use_bias, seeds)
