"""A wide ReLU network on the circle along gradient descent, and how much of each frequency it has still to learn."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, stream
from gendyn.regression._design import full_precision
from gendyn.regression.descent_path import descent_path
from gendyn.types import Array, ArrayLike


class CircleDescent(NamedTuple):
    """At ``T`` recorded steps."""

    weights: Array
    """``[T, m, 3]``: of each unit on cosine, sine and bias."""
    residual: Array
    """complex ``[T, K]``: ``mean over points of (f - y) exp(-i k angle)``."""
    train_loss: Array
    """``[T]``: half the mean squared error."""
    test_loss: Array
    """``[T]``: half way between the training points."""
    weight_movement: Array
    """``[T]``: distance of the weights from their start, relative to its norm."""


@full_precision
def circle_network(
    key: Array,
    *,
    use_bias: ArrayLike,
    num_units: int,
    num_points: int,
    frequencies: Sequence[int],
    amplitude: ArrayLike,
    steps: Sequence[int] | np.ndarray | Array,
    learning_rate: ArrayLike,
) -> CircleDescent:
    """Full-batch descent of ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` on half the mean squared error.

    With bias a unit is ``relu((w_r . x + b_r) / sqrt(2))``. ``w`` is standard normal, ``b = 0`` and ``a = +-1`` is
    fixed; every unit has a mirror image of the other sign, so that the network starts at 0. Inputs are equally spaced
    on the circle; the target has one amplitude and a random phase at every frequency, none at frequency 0. How fast a
    very wide network learns each frequency: :func:`gendyn.theory.circle_grid_coefficients`.

    Args:
        key: typed PRNG key of weights and phases.
        use_bias: bool, or 0.0 and 1.0; may be traced.
        num_units: ``m``, even; static.
        num_points: of the training grid; static.
        frequencies: ``K`` of them, whole; static.
        amplitude: of the target: the smaller, the less the weights move.
        steps: ``[T]``, ascending, not negative.
        learning_rate: positive; may be traced.

    Raises:
        ConfigError: an odd number of units, no frequency, an argument out of range, or steps that do not ascend.

    >>> options = {"num_units": 64, "num_points": 16, "frequencies": (1, 3), "amplitude": 0.01, "learning_rate": 1.0}
    >>> found = circle_network(jax.random.key(0), use_bias=False, steps=(0, 200), **options)
    >>> left = abs(found.residual[1]) / abs(found.residual[0])
    >>> bool(left[0] < 0.01), bool(left[1] > 0.9)
    (True, True)

    Reference: Basri, Jacobs, Kasten & Kritchman (2019), arXiv:1906.00425, section 3.
    """
    check_key("key", key)
    check_positive_int("num_units", num_units, low=2)
    check_positive_int("num_points", num_points)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    if num_units % 2 or not len(frequencies):
        raise ConfigError(f"num_units = {num_units} must be even, and frequencies = {tuple(frequencies)} not empty.")
    points = 2.0 * np.pi * np.arange(num_points) / num_points
    waves = jnp.asarray(np.exp(-1j * np.outer(points, frequencies)) / num_points, jnp.complex64)
    bias = jnp.asarray(use_bias, jnp.float32)
    half = jax.random.normal(stream(key, "weights"), (num_units // 2, 2))
    # Mirrored: the two halves cancel exactly, and the third column is the bias, which starts at 0.
    start = jnp.pad(jnp.concatenate([half, half]), ((0, 0), (0, 1)))
    signs = jnp.repeat(jnp.array([1.0, -1.0]), num_units // 2) / math.sqrt(num_units)
    phases = 2.0 * np.pi * jax.random.uniform(stream(key, "phases"), (len(frequencies),))
    phases = jnp.where(np.array(frequencies) == 0, 0.0, phases)

    def problem(angles: np.ndarray) -> tuple[Array, Array]:
        x = jnp.stack([jnp.cos(angles), jnp.sin(angles), jnp.full(len(angles), bias)], axis=1)
        y = amplitude * jnp.sum(jnp.cos(np.outer(angles, frequencies) + phases), axis=1)
        return x / jnp.sqrt(1.0 + bias), jnp.asarray(y)

    x, y = problem(points)
    x_test, y_test = problem(points + np.pi / num_points)

    def off(weights: Array, x: Array, y: Array) -> Array:
        return jax.nn.relu(x @ weights.T) @ signs - y

    def loss(weights: Array, x: Array, y: Array) -> Array:
        return 0.5 * jnp.mean(jnp.square(off(weights, x, y)))

    def record(weights: Array) -> CircleDescent:
        movement = jnp.linalg.norm(weights - start) / jnp.linalg.norm(start)
        modes = off(weights, x, y) @ waves
        return CircleDescent(weights, modes, loss(weights, x, y), loss(weights, x_test, y_test), movement)

    return jax.lax.map(record, descent_path(lambda w: jax.grad(loss)(w, x, y), start, optax.sgd(learning_rate), steps))


def circle_networks(
    seeds: Array, *, use_bias: ArrayLike, amplitude: ArrayLike, learning_rate: ArrayLike, **sizes: Any
) -> CircleDescent:
    """:func:`circle_network` side by side, one for each seed, compiled; the program serves every amplitude and rate.

    Args:
        seeds: ``[R]``, of a key each.
        use_bias: bool, or ``[R]`` of 0.0 and 1.0; one program serves both kernels.
        amplitude, learning_rate: of all.
        **sizes: ``num_units``, ``num_points``, and as tuples ``frequencies`` and ``steps``.

    Returns:
        Fields ``[R, T, ...]``.

    Raises:
        ConfigError: as there.

    >>> options = {"num_units": 64, "num_points": 16, "frequencies": (1, 3), "amplitude": 0.01, "learning_rate": 1.0}
    >>> circle_networks(jnp.arange(3), use_bias=True, steps=(0, 20), **options).residual.shape
    (3, 2, 2)
    """
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    biases = jnp.broadcast_to(jnp.asarray(use_bias, jnp.float32), seeds.shape)
    return _side_by_side(seeds, biases, amplitude, learning_rate, **sizes)


@functools.partial(jax.jit, static_argnames=("num_units", "num_points", "frequencies", "steps"))
def _side_by_side(
    seeds: Array, biases: Array, amplitude: ArrayLike, learning_rate: ArrayLike, **sizes: Any
) -> CircleDescent:
    options = {"amplitude": amplitude, "learning_rate": learning_rate, **sizes}

    def one(seed: Array, bias: Array) -> CircleDescent:
        return circle_network(jax.random.key(seed), use_bias=bias, **options)

    return jax.vmap(one)(seeds, biases)
