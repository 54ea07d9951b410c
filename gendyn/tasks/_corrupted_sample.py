"""Random samples of a task's images, with labels that are corrupted at several rates."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, stream
from gendyn.tasks._classes import check_has_classes, unit_inputs
from gendyn.tasks._label_noise import LABEL_NOISE_KINDS, label_probabilities
from gendyn.types import Array, ArrayLike, Task


class CorruptedSample(NamedTuple):
    """Of training and test images; a leading axis ``[R]`` of samples. ``L`` rates, ``D`` corruptions at each."""

    x: Array
    """``[n, d]``, flattened and divided by ``sqrt(d)``, so that standardised images have a norm near 1."""
    labels: Array
    """``[n]``, true."""
    told: Array
    """``[L, D, n]``, corrupted. What is corrupted at one rate is corrupted in the same way at every higher one."""
    probabilities: Array
    """``[L, n, K]``, of each label after corruption."""
    x_test: Array
    """``[m, d]``."""
    y_test: Array
    """``[m]``, true."""


def corrupted_samples(
    task: Task,
    keys: Iterable[Array],
    *,
    num_train: int,
    num_test: int,
    rates: tuple[float, ...],
    kind: str,
    num_draws: int = 1,
) -> CorruptedSample:
    """Samples without replacement from both pools of a task, one for each key.

    Args:
        task: of classes.
        keys: ``R`` random keys.
        num_train, num_test: ``n`` and ``m``, images of a sample.
        rates: ``L`` rates of corruption in [0, 1].
        kind: ``"uniform_any"`` or ``"uniform_incorrect"``; see :func:`label_probabilities`.
        num_draws: ``D``, independent corruptions of the same labels.

    Returns:
        Inputs in float64 where it is enabled, else in float32.

    Raises:
        ConfigError: a task without classes, or more images than it has; as :func:`label_probabilities`.
    """
    check_has_classes(task)
    if not (1 <= num_train <= len(task.y_train) and 1 <= num_test <= len(task.y_test)):
        raise ConfigError(
            f"num_train = {num_train} and num_test = {num_test} must be from 1 to the {len(task.y_train)} and "
            f"{len(task.y_test)} examples of {task.name!r}."
        )
    train, test = unit_inputs(task)
    pools = tuple(jnp.asarray(each) for each in (train, task.y_train, test, task.y_test))
    sizes = (num_train, num_test, task.num_outputs, num_draws)
    # One by one, and stacked on the host: to compile this for many at once takes longer than the samples do.
    found = [_sample(sizes, kind, jnp.asarray(rates), pools, key) for key in keys]
    return jax.tree.map(lambda *rows: jnp.asarray(np.stack(rows)), *found)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _sample(
    sizes: tuple[int, int, int, int], kind: str, rates: Array, pools: tuple[Array, ...], key: Array
) -> CorruptedSample:
    num_train, num_test, count, num_draws = sizes
    x, y, x_test, y_test = pools
    rows = jax.random.permutation(stream(key, "train"), len(y))[:num_train]
    test_rows = jax.random.permutation(stream(key, "test"), len(y_test))[:num_test]
    labels, keys = y[rows], jax.random.split(stream(key, "labels"), num_draws)

    def corrupted(rate: ArrayLike) -> Array:
        return jax.vmap(lambda each: LABEL_NOISE_KINDS[kind](each, labels, rate, count, num_train))(keys)

    probabilities = jax.vmap(lambda rate: label_probabilities(kind, labels, rate, count))(rates)
    told = jax.vmap(corrupted)(rates)
    return CorruptedSample(x[rows], labels, told, probabilities, x_test[test_rows], y_test[test_rows])
